#include "pace.h"

#define SHORTEST_TRIP_MS   1  /* the clock's own grain */
#define SHORTEST_SAMPLE_MS 20 /* less says nothing about a rate */
#define FORGET             8 /* a rate that is not reached any more falls by a part in this many a sample */

void pace_init(struct pace *p, int64_t now)
{
	*p = (struct pace){.trip_ms = -1, .since = now};
}

void pace_trip(struct pace *p, int64_t ms)
{
	if (p->trip_ms < 0 || ms < p->trip_ms)
		p->trip_ms = ms;
}

static int64_t trip(const struct pace *p)
{
	return p->trip_ms < SHORTEST_TRIP_MS ? SHORTEST_TRIP_MS : p->trip_ms;
}

/* A sample in which the reader, and not the limit, was what held us back says only that the line
 * can do as much, never that it cannot do more. */
static void take_sample(struct pace *p, int64_t ms)
{
	uint64_t rate = p->octets * 1000 / (uint64_t)ms;

	if (rate > p->rate)
		p->rate = rate;
	else if (p->limited)
		p->rate -= (p->rate - rate) / FORGET;
}

static void begin_sample(struct pace *p, int64_t now)
{
	p->since = now;
	p->octets = 0;
	p->limited = false;
}

void pace_arrived(struct pace *p, uint64_t octets, int64_t now)
{
	int64_t ms = now - p->since;

	p->octets += octets;
	if (ms < trip(p) || ms < SHORTEST_SAMPLE_MS)
		return;
	take_sample(p, ms);
	begin_sample(p, now);
}

void pace_held_back(struct pace *p)
{
	p->limited = true;
}

void pace_idle(struct pace *p, int64_t now)
{
	begin_sample(p, now);
}

uint64_t pace_limit(const struct pace *p)
{
	uint64_t limit = 2 * p->rate * (uint64_t)trip(p) / 1000;

	if (p->rate == 0)
		return PACE_FIRST;
	if (limit < PACE_LEAST)
		return PACE_LEAST;
	return limit > PACE_MOST ? PACE_MOST : limit;
}
