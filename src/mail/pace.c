#include "pace.h"

#define SHORTEST_TRIP_MS   1  /* the clock's own grain */
#define SHORTEST_SAMPLE_MS 20 /* less says nothing about a rate */
#define FORGET             8 /* a rate that is not reached any more falls by a part in this many a sample */

/* Octets that come without a pause show what the line does, however few were asked for: so the
 * limit need not double its way up, a round trip each. Once there were some samples, those are
 * better. */
#define BURST_PAUSE_MS 2
#define BURST_OCTETS   (UINT64_C(1) << 20) /* less is what a single router's queue may have held */
#define BURST_SAMPLES  8

void pace_init(struct pace *p, int64_t now)
{
	*p = (struct pace){.trip_ms = -1, .since = now, .burst_last = now};
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

	p->samples += p->limited;
	if (rate > p->rate)
		p->rate = rate;
	else if (p->limited)
		p->rate -= (p->rate - rate) / FORGET;
}

static void begin_sample(struct pace *p, int64_t now)
{
	p->since = now;
	p->begun = true;
	p->octets = 0;
	p->limited = false;
}

/* The clock's grain makes a burst no shorter than it was. */
static void look_at_burst(struct pace *p, uint64_t octets, int64_t now)
{
	uint64_t rate;

	if (now - p->burst_last > BURST_PAUSE_MS) {
		p->burst_since = now;
		p->burst = 0;
	} else {
		p->burst += octets;
	}
	p->burst_last = now;
	if (p->burst < BURST_OCTETS || p->samples >= BURST_SAMPLES)
		return;
	rate = p->burst * 1000 / (uint64_t)(now - p->burst_since + 1);
	if (rate > p->rate)
		p->rate = rate;
}

void pace_arrived(struct pace *p, uint64_t octets, int64_t now)
{
	int64_t ms = now - p->since;

	look_at_burst(p, octets, now);
	if (!p->begun) {
		bool limited = p->limited;

		begin_sample(p, now);
		p->limited = limited;
		return;
	}
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

void pace_idle(struct pace *p)
{
	p->begun = p->limited = false;
}

uint64_t pace_limit(const struct pace *p)
{
	uint64_t limit = 2 * p->rate * (uint64_t)trip(p) / 1000;
	uint64_t least = p->samples > 0 ? PACE_LEAST : PACE_FIRST;

	if (limit < least)
		return least;
	return limit > PACE_MOST ? PACE_MOST : limit;
}
