#include "wants.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>

#include "alloc.h"
#include "jobs.h"

static int by_id(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

enum want_row want_home(const struct want *want)
{
	return want->urgent ? WANT_URGENT : WANT_BULK;
}

struct want *wants_find(const struct wants *w, int64_t id)
{
	struct want key = {.id = id}, **node = tfind(&key, &w->by_id, by_id);

	return node ? *node : NULL;
}

static void link_last(struct wants *w, struct want *want, enum want_row row)
{
	want->row = row;
	w->count[row]++;
	want->next = NULL;
	want->previous = w->last[row];
	*(want->previous ? &want->previous->next : &w->first[row]) = want;
	w->last[row] = want;
}

static void unlink_from_row(struct wants *w, struct want *want)
{
	w->count[want->row]--;
	*(want->previous ? &want->previous->next : &w->first[want->row]) = want->next;
	*(want->next ? &want->next->previous : &w->last[want->row]) = want->previous;
}

struct want *wants_add(struct wants *w, int64_t id, enum want_row row)
{
	struct want *want = xnew(struct want), **node;

	want->id = id;
	node = tsearch(want, &w->by_id, by_id);
	if (!node)
		abort(); /* out of memory, as any small allocation that fails: alloc.h */
	assert(*node == want);
	link_last(w, want, row);
	return want;
}

void wants_remove(struct wants *w, struct want *want)
{
	unlink_from_row(w, want);
	tdelete(want, &w->by_id, by_id);
	task_free(want->body);
	free(want);
}

void wants_move(struct wants *w, struct want *want, enum want_row row)
{
	unlink_from_row(w, want);
	link_last(w, want, row);
}

void wants_move_first(struct wants *w, struct want *want, enum want_row row)
{
	unlink_from_row(w, want);
	want->row = row;
	w->count[row]++;
	want->previous = NULL;
	want->next = w->first[row];
	*(want->next ? &want->next->previous : &w->last[row]) = want;
	w->first[row] = want;
}
