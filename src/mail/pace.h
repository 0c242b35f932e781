/* How much to ask for ahead: octets in flight, so that the pipe never runs dry, and no more, so
 * that an urgent message need not stand in a long line. Twice the bandwidth-delay product, as far
 * as it is known. A model only. */
#ifndef POP3FS_PACE_H
#define POP3FS_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_FIRST (UINT64_C(4) << 20)   /* octets, before anything is known */
#define PACE_LEAST (UINT64_C(256) << 10) /* octets: a slow line must not starve */
#define PACE_MOST  (UINT64_C(64) << 20)

struct pace {
	int64_t trip_ms;  /* the shortest round trip seen; -1: none yet */
	uint64_t rate;    /* octets a second, lately at best; 0: not known */
	int64_t since;    /* clock.h: when the sample under way began ... */
	bool begun;       /* ... if it has: it does with the first octets after a silence */
	uint64_t octets;  /* ... and what has come in it since */
	bool limited;     /* ... and whether it was this limit that held us back */
	unsigned samples; /* that were limited */
	int64_t burst_since, burst_last; /* octets that came close upon each other */
	uint64_t burst;
};

void pace_init(struct pace *p, int64_t now);

/* A command that was out alone was answered after so long. */
void pace_trip(struct pace *p, int64_t ms);

/* Octets came in. */
void pace_arrived(struct pace *p, uint64_t octets, int64_t now);

/* More would have been asked for if the limit were higher. */
void pace_held_back(struct pace *p);

/* Nothing was in flight: what comes next begins a new sample. */
void pace_idle(struct pace *p);

/* Octets that may be in flight. */
uint64_t pace_limit(const struct pace *p);

#endif
