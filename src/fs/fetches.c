#include "fetches.h"

#include <stdlib.h>

#include "alloc.h"
#include "ids.h"

/* Out at a time: enough for a long fat line whatever the messages' size (pace.h), and no more than
 * the session can keep account of at ease. */
#define MOST_OUT        16384
#define MOST_OUT_OCTETS (UINT64_C(128) << 20)

#define MOST_FAILURES 100 /* that are kept with their reasons; the others are counted */
#define FIRST_ROOM    16

enum stage { LEFT, OUT, SETTLED };

struct fetch_one { /* ids.h */
	int64_t id;
	uint64_t octets;
	enum stage stage;
};

struct fetch *fetch_create(void)
{
	return xnew(struct fetch);
}

void fetch_free(struct fetch *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->failures_kept; i++)
		free(x->failures[i].name);
	free(x->failures);
	free(x->all);
	free(x);
}

static void put_in_order(struct fetch *x)
{
	size_t kept = 0;

	ids_sort(x->all, x->count, sizeof(*x->all));
	for (size_t i = 0; i < x->count; i++)
		if (kept == 0 || x->all[kept - 1].id != x->all[i].id)
			x->all[kept++] = x->all[i];
	x->count = kept;
}

/* Somebody may name the same ones for ever: the room is for each once, and half of it is free. */
static void make_room(struct fetch *x)
{
	put_in_order(x);
	if (x->count < x->room / 2)
		return;
	x->room = x->room ? 2 * x->room : FIRST_ROOM;
	x->all = xreallocarray(x->all, x->room, sizeof(*x->all));
}

void fetch_add(struct fetch *x, int64_t id, uint64_t octets)
{
	if (x->count == x->room)
		make_room(x);
	x->all[x->count++] = (struct fetch_one){id, octets, LEFT};
}

static void keep_failure(struct fetch *x, struct slice name, const struct failure *why)
{
	x->failed++;
	if (x->failures_kept == MOST_FAILURES)
		return;
	if (!x->failures)
		x->failures = xreallocarray(NULL, MOST_FAILURES, sizeof(*x->failures));
	x->failures[x->failures_kept++] = (struct fetch_failure){xstrndup(name.at, name.len), *why};
}

void fetch_cannot(struct fetch *x, struct slice name, const struct failure *why)
{
	x->messages++;
	x->settled++;
	keep_failure(x, name, why);
}

void fetch_begin(struct fetch *x)
{
	put_in_order(x);
	for (size_t i = 0; i < x->count; i++)
		x->octets += x->all[i].octets;
	x->messages += x->count;
	x->begun = true;
}

/* One message may be larger than all that may be out. */
static bool has_room(const struct fetch *x, uint64_t octets)
{
	if (x->out == 0)
		return true;
	return x->out < MOST_OUT && x->out_octets < MOST_OUT_OCTETS &&
	       octets <= MOST_OUT_OCTETS - x->out_octets;
}

int64_t fetch_next(struct fetch *x)
{
	struct fetch_one *one;

	if (!x->begun || x->asked == x->count || !has_room(x, x->all[x->asked].octets))
		return 0;
	one = &x->all[x->asked++];
	one->stage = OUT;
	x->out++;
	x->out_octets += one->octets;
	return one->id;
}

static struct fetch_one *find_out(const struct fetch *x, int64_t id)
{
	struct fetch_one *one = x->out > 0 ? ids_find(x->all, x->asked, sizeof(*x->all), id) : NULL;

	return one && one->stage == OUT ? one : NULL;
}

bool fetch_is_out(const struct fetch *x, int64_t id)
{
	return find_out(x, id) != NULL;
}

void fetch_settle(struct fetch *x, int64_t id, struct slice name, const struct failure *why)
{
	struct fetch_one *one = find_out(x, id);

	if (!one)
		return;
	one->stage = SETTLED;
	x->out--;
	x->out_octets -= one->octets;
	x->settled++;
	if (why) {
		x->octets -= one->octets;
		keep_failure(x, name, why);
	} else {
		x->settled_octets += one->octets;
	}
}

bool fetch_is_done(const struct fetch *x)
{
	return x->begun && x->settled == x->messages;
}
