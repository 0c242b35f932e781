#include "lane.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "alloc.h"

#define PARCEL_OCTETS ((size_t)128 << 10)
#define MOST_OCTETS   ((size_t)96 << 20) /* on one lane: 1.2 GB/s at 80 ms one way */
#define SAME_MOMENT   100000             /* ns; octets this close together travel together */
#define MOST_AT_ONCE  16                 /* parcels taken before others have their turn */

/* With a rate, a parcel is due when its last octet has left, so it must be a short one. */
#define PARCELS_A_SECOND 2000
#define SMALLEST_PARCEL  1448 /* octets: one segment */

struct parcel {
	struct parcel *next;
	int64_t due;
	size_t start, end; /* of what is still to be given */
	char octets[PARCEL_OCTETS];
};

/* Parcels are used again, the last one first: its memory is still in the processor's cache. */
static struct parcel *spare;

static struct parcel *parcel_create(void)
{
	struct parcel *p = spare;

	if (p)
		spare = p->next;
	else
		p = xmalloc(sizeof(*p));
	p->next = NULL;
	p->start = p->end = 0;
	return p;
}

static void parcel_free(struct parcel *p)
{
	p->next = spare;
	spare = p;
}

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void lane_init(struct lane *l, struct road *road)
{
	*l = (struct lane){.road = road};
	l->last = &l->first;
}

static void drop_first(struct lane *l)
{
	struct parcel *p = l->first;

	l->first = p->next;
	if (!l->first)
		l->last = &l->first;
	parcel_free(p);
}

void lane_finish(struct lane *l)
{
	while (l->first)
		drop_first(l);
}

bool lane_has_room(const struct lane *l, int64_t now, int64_t *wake)
{
	int64_t from = l->road->free_at - l->road->queue;

	if (l->ended || l->octets >= MOST_OCTETS)
		return false;
	if (l->road->rate == 0 || from <= now)
		return true;
	if (from < *wake)
		*wake = from;
	return false;
}

/* The parcel that octets arriving now travel in. */
static struct parcel *parcel_for(struct lane *l, int64_t now)
{
	struct parcel *p = NULL;

	if (l->first && l->road->rate == 0)
		p = (struct parcel *)((char *)l->last - offsetof(struct parcel, next));
	if (p && p->end < PARCEL_OCTETS && p->due + SAME_MOMENT > now + l->road->delay)
		return p;
	p = parcel_create();
	p->due = now + l->road->delay;
	*l->last = p;
	l->last = &p->next;
	return p;
}

static size_t room_in(const struct parcel *p, const struct road *road)
{
	size_t room = PARCEL_OCTETS - p->end;
	size_t piece = (size_t)road->rate / PARCELS_A_SECOND;

	if (road->rate == 0)
		return room;
	if (piece < SMALLEST_PARCEL)
		piece = SMALLEST_PARCEL;
	return piece < room ? piece : room;
}

/* With a rate, the last octet leaves when those before it have left. */
static int64_t leaves(struct road *road, size_t octets, int64_t now)
{
	if (road->rate == 0)
		return now;
	if (road->free_at < now)
		road->free_at = now;
	road->free_at += (int64_t)octets * 1000000000 / road->rate;
	return road->free_at;
}

/* Takes a parcel that nothing came into away again: it is the last one. */
static void drop_last(struct lane *l, struct parcel *p)
{
	struct parcel **at = &l->first;

	while (*at != p)
		at = &(*at)->next;
	*at = NULL;
	l->last = at;
	parcel_free(p);
}

bool lane_take(struct lane *l, int from, int64_t now)
{
	int64_t wake = INT64_MAX;

	for (unsigned i = 0; i < MOST_AT_ONCE && lane_has_room(l, now, &wake); i++) {
		struct parcel *p = parcel_for(l, now);
		size_t room = room_in(p, l->road);
		ssize_t n = recv(from, p->octets + p->end, room, MSG_DONTWAIT);
		int number = errno;

		if (n > 0) {
			p->end += (size_t)n;
			l->octets += (size_t)n;
			if (l->road->rate > 0)
				p->due = leaves(l->road, (size_t)n, now) + l->road->delay;
			if ((size_t)n < room)
				return true;
			continue;
		}
		if (p->end == 0)
			drop_last(l, p);
		if (n < 0)
			return number == EAGAIN || number == EINTR;
		l->ended = true;
		l->end_due = leaves(l->road, 0, now) + l->road->delay;
	}
	return true;
}

/* false: the socket is broken. l->blocked: it took not all. */
static bool give_parcel(struct lane *l, int to)
{
	struct parcel *p = l->first;
	ssize_t n = send(to, p->octets + p->start, p->end - p->start, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0) {
		l->blocked = errno == EAGAIN;
		return l->blocked || errno == EINTR;
	}
	p->start += (size_t)n;
	l->octets -= (size_t)n;
	if (p->start == p->end)
		drop_first(l);
	return true;
}

bool lane_give(struct lane *l, int to, int64_t now)
{
	l->blocked = false;
	while (l->first && l->first->due <= now && !l->blocked)
		if (!give_parcel(l, to))
			return false;
	if (!l->first && l->ended && !l->closed && l->end_due <= now) {
		l->closed = true;
		shutdown(to, SHUT_WR);
	}
	return true;
}

int64_t lane_due(const struct lane *l)
{
	if (l->blocked)
		return INT64_MAX;
	if (l->first)
		return l->first->due;
	return l->ended && !l->closed ? l->end_due : INT64_MAX;
}
