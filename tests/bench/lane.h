/* One direction of one connection through the delay: octets are taken from one socket, travel, and
 * are given to another when they are due. Times are of the monotonic clock, in nanoseconds. */
#ifndef BENCH_LANE_H
#define BENCH_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all connections share in one direction. */
struct road {
	int64_t delay;   /* one way */
	int64_t rate;    /* octets a second; 0: as fast as may be */
	int64_t queue;   /* with a rate: how long a way to it may be, in time */
	int64_t free_at; /* with a rate: when what has been taken so far will have left */
};

struct parcel;

struct lane {
	struct road *road;
	struct parcel *first, **last; /* on their way, oldest first */
	size_t octets;                /* in them */
	bool ended;                   /* nothing more will be taken */
	int64_t end_due;              /* and that is known at the other end from then on */
	bool closed;                  /* and it was told there */
	bool blocked;                 /* the receiver takes no more now: wait for POLLOUT */
};

int64_t now_ns(void);

void lane_init(struct lane *l, struct road *road);
void lane_finish(struct lane *l);

/* Whether more may be taken now. If not, *wake is lowered to the moment at which it may. */
bool lane_has_room(const struct lane *l, int64_t now, int64_t *wake);

/* Takes what there is, as long as there is room. false: the sender's socket is broken. */
bool lane_take(struct lane *l, int from, int64_t now);

/* Gives what is due. false: the receiver's socket is broken. */
bool lane_give(struct lane *l, int to, int64_t now);

/* When there is something to give next, INT64_MAX if that is not a matter of time. */
int64_t lane_due(const struct lane *l);

#endif
