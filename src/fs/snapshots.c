#include "snapshots.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"

void snapshots_init(struct snapshots *all)
{
	*all = (struct snapshots){0};
	all->last = &all->first;
}

/* *at is what points to it. */
static void drop(struct snapshots *all, struct snapshot **at)
{
	struct snapshot *s = *at;

	*at = s->next;
	if (all->last == &s->next)
		all->last = at;
	all->count--;
	buf_finish(&s->text);
	free(s);
}

void snapshots_finish(struct snapshots *all)
{
	while (all->first)
		drop(all, &all->first);
}

static struct snapshot *youngest(const struct snapshots *all)
{
	struct snapshot *s = all->first;

	while (s && s->next)
		s = s->next;
	return s;
}

const struct snapshot *snapshots_add(struct snapshots *all, struct buf *text)
{
	struct snapshot *s = youngest(all);

	if (s && slice_equal(buf_slice(&s->text), buf_slice(text))) {
		buf_finish(text);
		s->lookups++;
		return s;
	}
	s = xnew(struct snapshot);
	s->serial = ++all->serial;
	s->made = clock_seconds();
	s->lookups = 1;
	s->text = *text;
	*text = (struct buf){0};
	*all->last = s;
	all->last = &s->next;
	if (++all->count > SNAPSHOTS_MOST)
		drop(all, &all->first);
	return s;
}

static struct snapshot **place(struct snapshots *all, int64_t serial)
{
	struct snapshot **at = &all->first;

	while (*at && (*at)->serial != serial)
		at = &(*at)->next;
	return at;
}

const struct snapshot *snapshots_find(const struct snapshots *all, int64_t serial)
{
	const struct snapshot *s = all->first;

	while (s && s->serial != serial)
		s = s->next;
	return s;
}

void snapshots_forget(struct snapshots *all, int64_t serial, uint64_t lookups)
{
	struct snapshot **at = place(all, serial);

	if (!*at)
		return;
	if ((*at)->lookups > lookups)
		(*at)->lookups -= lookups;
	else
		drop(all, at);
}
