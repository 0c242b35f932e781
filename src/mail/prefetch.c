#include "prefetch.h"

#include <stdlib.h>

#include "alloc.h"

#define READERS  4 /* followed at once */
#define NEAR     8 /* messages that a step may go ahead or stay behind */
#define WIDENING 8 /* times so much at each further step: each may cost a round trip */

/* Octets. What is fetched first fills a line of 100 Mbit/s for two round trips of 80 ms (with 256
 * KiB it stood idle for 65 ms behind the second open), and is enough to show what a faster one does
 * (pace.c), so that the next window need not find out at the price of a round trip. */
#define FIRST_FETCHED (UINT64_C(2) << 20)
#define FIRST_PUSHED  (UINT64_C(256) << 10)

/* Messages in a window: of small ones so many as a long fat line holds; what is pushed need not be
 * so far ahead. */
#define MOST_FETCHED_AHEAD 16384
#define MOST_PUSHED_AHEAD  1024
#define FIRST_ROOM         64

/* A full window is filled again when so large a part of it is free. One message at each step would
 * be a command, a transaction and several wake-ups of four threads each: of 100,000 messages of 600
 * octets each cost the daemon 190 us of processor time instead of 100. */
#define FREE_PART 4

enum order { BY_ID, BY_ID_BACK, BY_NAME };
#define ORDERS 3

/* How far a reader has come in one order. */
struct head {
	size_t place;
	unsigned run; /* steps in a row */
};

struct reader_ahead {
	uint64_t used; /* 0: free; else when it was last heard of */
	struct head heads[ORDERS];
	enum order order; /* the one in which it is served */
	uint64_t window;  /* octets; 0: closed */
	uint64_t ahead;   /* octets asked for that the reader has not reached */
	size_t looked;    /* messages ahead of the head that need no second look */
	bool full;        /* the window was, and is not free enough yet */
	uint64_t *asked;  /* octets asked for at a place (modulo room, a power of 2) */
	size_t room;
};

struct prefetch {
	uint64_t octets;
	uint64_t first; /* octets of the first window ... */
	size_t most;    /* ... and messages in any */
	enum prefetch_what what;
	const struct listing *listing; /* whose places these are */
	uint64_t opens;
	struct reader_ahead readers[READERS];
};

struct prefetch *prefetch_create(uint64_t octets, enum prefetch_what what)
{
	struct prefetch *p = xnew(struct prefetch);

	p->octets = octets;
	p->first = what == PREFETCH_CACHED ? FIRST_PUSHED : FIRST_FETCHED;
	p->most = what == PREFETCH_CACHED ? MOST_PUSHED_AHEAD : MOST_FETCHED_AHEAD;
	p->what = what;
	return p;
}

void prefetch_free(struct prefetch *p)
{
	for (size_t i = 0; p && i < READERS; i++)
		free(p->readers[i].asked);
	free(p);
}

/* ---- places ---- */

/* The message at a place of an order; NULL: there is none. Backwards the places count from the end,
 * so that a step always goes up. */
static struct message *at(const struct listing *l, enum order order, size_t place)
{
	if (place >= l->count)
		return NULL;
	if (order == BY_ID_BACK)
		place = l->count - 1 - place;
	return &l->messages[order == BY_NAME ? l->by_name[place] : place];
}

static size_t place_of(const struct listing *l, enum order order, const struct message *m)
{
	if (order == BY_NAME)
		return listing_place(l, m);
	return order == BY_ID ? listing_index(l, m) : l->count - 1 - listing_index(l, m);
}

/* In a new listing all places are others: readers show themselves again soon enough. The old one
 * may be freed, and is only compared; a place that is wrong after all asks for the wrong message.
 */
static void see(struct prefetch *p, const struct listing *l)
{
	if (p->listing == l)
		return;
	p->listing = l;
	for (size_t i = 0; i < READERS; i++)
		p->readers[i].used = 0;
}

/* ---- steps ---- */

enum move { JUMP, LATE, STEP };

/* The first step goes to the very next; who has made one may then be less exact. What was pushed is
 * passed over unseen. */
static enum move move_to(
    const struct prefetch *p, const struct reader_ahead *r, enum order o, size_t place)
{
	const struct head *h = &r->heads[o];
	size_t reach = h->run > 0 ? NEAR : 1;
	size_t unseen = p->what == PREFETCH_CACHED && o == r->order ? r->looked : 0;

	if (place > h->place)
		return place - h->place <= reach + unseen ? STEP : JUMP;
	return h->place - place < reach ? LATE : JUMP;
}

/* The reader of whom an open is the next step, by the order in which he made most; NULL: nobody. */
static struct reader_ahead *whose(struct prefetch *p, const size_t places[ORDERS])
{
	struct reader_ahead *who = NULL;
	unsigned best = 0;

	for (size_t i = 0; i < READERS; i++) {
		struct reader_ahead *r = &p->readers[i];

		for (enum order o = 0; r->used && o < ORDERS; o++) {
			if (r->heads[o].run < best || move_to(p, r, o, places[o]) == JUMP)
				continue;
			best = r->heads[o].run + 1;
			who = r;
		}
	}
	return who;
}

static void empty(struct reader_ahead *r)
{
	r->ahead = r->looked = 0;
	r->full = false;
}

static void close_window(struct reader_ahead *r)
{
	empty(r);
	r->window = 0;
}

static void begin(struct prefetch *p, const size_t places[ORDERS])
{
	struct reader_ahead *r = &p->readers[0];

	for (size_t i = 1; i < READERS; i++)
		if (p->readers[i].used < r->used)
			r = &p->readers[i];
	r->used = p->opens;
	for (enum order o = 0; o < ORDERS; o++)
		r->heads[o] = (struct head){places[o], 0};
	r->order = BY_ID;
	close_window(r);
}

/* The reader goes on to `place` in the order that is served: what lies behind is not ahead. */
static void pass(struct reader_ahead *r, size_t place)
{
	size_t head = r->heads[r->order].place;

	while (head < place && r->looked > 0) {
		r->ahead -= r->asked[++head & (r->room - 1)];
		r->looked--;
	}
}

static enum move go(const struct prefetch *p, struct reader_ahead *r, enum order o, size_t place)
{
	struct head *h = &r->heads[o];
	enum move move = move_to(p, r, o, place);

	if (move == LATE)
		return move;
	if (o == r->order && move == STEP)
		pass(r, place);
	else if (o == r->order)
		close_window(r);
	*h = (struct head){place, move == STEP ? h->run + 1 : 0};
	return move;
}

/* Serves the order in which most steps were made; another one only where it is better. */
static void choose_order(struct reader_ahead *r)
{
	enum order best = r->order;

	for (enum order o = 0; o < ORDERS; o++)
		if (r->heads[o].run > r->heads[best].run)
			best = o;
	if (best != r->order)
		empty(r);
	r->order = best;
}

static void widen(const struct prefetch *p, struct reader_ahead *r)
{
	uint64_t most = p->octets;
	uint64_t next = r->window < most / WIDENING ? WIDENING * r->window : most;

	if (r->window == 0)
		next = p->first < most ? p->first : most;
	r->full = r->full && next == r->window;
	r->window = next;
}

void prefetch_opened(struct prefetch *p, const struct maildrop *d, int64_t id)
{
	const struct listing *l = maildrop_listing(d);
	const struct message *m = listing_by_id(l, id);
	size_t places[ORDERS];
	enum move moves[ORDERS];
	struct reader_ahead *r;

	if (!m || p->octets == 0)
		return;
	see(p, l);
	p->opens++;
	for (enum order o = 0; o < ORDERS; o++)
		places[o] = place_of(l, o, m);
	r = whose(p, places);
	if (!r) {
		begin(p, places);
		return;
	}
	r->used = p->opens;
	for (enum order o = 0; o < ORDERS; o++)
		moves[o] = go(p, r, o, places[o]);
	choose_order(r);
	if (moves[r->order] == STEP)
		widen(p, r);
}

void prefetch_failed(struct prefetch *p)
{
	for (size_t i = 0; i < READERS; i++) {
		p->readers[i].window /= 2;
		if (p->readers[i].window < p->first)
			p->readers[i].window = 0;
	}
}

/* ---- the window ---- */

/* Where nothing else is asked for, one that is larger than the window may be, once it is clear that
 * this is a reader. */
static bool fits(const struct prefetch *p, const struct reader_ahead *r, uint64_t size)
{
	if (r->ahead == 0 && r->window > p->first)
		return true;
	return size <= r->window && r->ahead <= r->window - size;
}

/* One larger than all that may be ahead is left to the reader. */
static bool is_meant(const struct prefetch *p, const struct message *m)
{
	unsigned flags = message_flags(m);
	uint64_t size = message_size(m);

	if (size > p->octets)
		return false;
	if (p->what == PREFETCH_UNCACHED)
		return !(flags & MESSAGE_CACHED);
	return (flags & MESSAGE_CACHED) && (flags & MESSAGE_TRUE_SIZE) &&
	       !(flags & (MESSAGE_RESIZED | MESSAGE_REPLACED)) && size > 0 &&
	       size <= PREFETCH_LARGEST_PUSH;
}

/* Notes what was asked for at a place, the next one after those that were looked at. */
static void note(struct reader_ahead *r, size_t place, uint64_t size)
{
	if (r->looked == r->room) {
		size_t room = r->room ? 2 * r->room : FIRST_ROOM;
		uint64_t *asked = xreallocarray(NULL, room, sizeof(*asked));

		for (size_t i = place - r->looked; i < place; i++)
			asked[i & (room - 1)] = r->asked[i & (r->room - 1)];
		free(r->asked);
		r->asked = asked;
		r->room = room;
	}
	r->asked[place & (r->room - 1)] = size;
	r->looked++;
	r->ahead += size;
}

static bool stays_full(const struct prefetch *p, const struct reader_ahead *r)
{
	return r->full && (r->looked > p->most - p->most / FREE_PART ||
			      r->ahead > r->window - r->window / FREE_PART);
}

static int64_t look_ahead(
    const struct prefetch *p, struct reader_ahead *r, const struct maildrop *d)
{
	size_t place = r->heads[r->order].place + r->looked;
	const struct message *m;

	r->full = stays_full(p, r);
	if (r->full)
		return 0;
	while (r->looked < p->most && (m = at(maildrop_listing(d), r->order, ++place))) {
		uint64_t size = message_size(m);
		bool wanted = is_meant(p, m) && !maildrop_hides(d, m->id);

		if (wanted && !fits(p, r, size))
			break;
		note(r, place, wanted ? size : 0);
		if (wanted)
			return m->id;
	}
	r->full = true;
	return 0;
}

int64_t prefetch_next(struct prefetch *p, const struct maildrop *d)
{
	int64_t id = 0;

	see(p, maildrop_listing(d));
	for (size_t i = 0; i < READERS && id == 0; i++)
		if (p->readers[i].used && p->readers[i].window > 0)
			id = look_ahead(p, &p->readers[i], d);
	return id;
}
