#include "hidden.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ids.h"

#define FIRST_ROOM 16 /* doubled when full */

void hidden_finish(struct hidden_set *s)
{
	free(s->all);
	*s = (struct hidden_set){0};
}

/* ---- one of them ---- */

size_t hidden_from(const struct hidden_set *s, int64_t id)
{
	size_t count = s->count;

	if (count > 0 && s->all[count - 1].id < id)
		return count;
	return ids_from(s->all, s->count, sizeof(*s->all), id);
}

struct hidden *hidden_find(const struct hidden_set *s, int64_t id)
{
	return ids_find(s->all, s->count, sizeof(*s->all), id);
}

struct message *hidden_message(const struct hidden *h, const struct listing *l)
{
	return h->index == HIDDEN_NOT_LISTED ? NULL : &l->messages[h->index];
}

static uint32_t place_of(const struct listing *l, int64_t id)
{
	const struct message *m = listing_by_id(l, id);

	return m ? (uint32_t)listing_index(l, m) : HIDDEN_NOT_LISTED;
}

bool hidden_add(struct hidden_set *s, const struct listing *l, int64_t id)
{
	size_t at = hidden_from(s, id);

	if (at < s->count && s->all[at].id == id)
		return false;
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : FIRST_ROOM;
		s->all = xreallocarray(s->all, s->room, sizeof(*s->all));
	}
	memmove(s->all + at + 1, s->all + at, (s->count - at) * sizeof(*s->all));
	s->all[at] = (struct hidden){id, place_of(l, id), HIDDEN_FLYING};
	s->listed += s->all[at].index != HIDDEN_NOT_LISTED;
	s->count++;
	return true;
}

void hidden_remove(struct hidden_set *s, struct hidden *h)
{
	s->listed -= h->index != HIDDEN_NOT_LISTED;
	s->count--;
	memmove(h, h + 1, (size_t)(s->all + s->count - h) * sizeof(*h));
}

/* ---- all of them ---- */

void hidden_place(struct hidden_set *s, const struct listing *l)
{
	s->listed = 0;
	for (size_t i = 0; i < s->count; i++) {
		s->all[i].index = place_of(l, s->all[i].id);
		s->listed += s->all[i].index != HIDDEN_NOT_LISTED;
	}
}

static enum hidden_why hidden_by(const struct intention *i)
{
	return i->state == INTENTION_ASSUMED ? HIDDEN_ASSUMED : HIDDEN_IN_JOURNAL;
}

static size_t next_listed(const struct hidden_set *s, size_t from)
{
	while (from < s->count && s->all[from].index == HIDDEN_NOT_LISTED)
		from++;
	return from;
}

/* Whether both hide the same listed messages. */
static bool is_same(const struct hidden_set *a, const struct hidden_set *b)
{
	size_t i = next_listed(a, 0), j = next_listed(b, 0);

	while (i < a->count && j < b->count && a->all[i].id == b->all[j].id) {
		i = next_listed(a, i + 1);
		j = next_listed(b, j + 1);
	}
	return i == a->count && j == b->count;
}

/* Both are in order of id. */
static struct hidden_set merged(const struct hidden_set *s, const struct intentions *journal)
{
	struct hidden_set m = {.room = journal->count + s->count};
	size_t old = 0;

	m.all = xreallocarray(NULL, m.room, sizeof(*m.all));
	for (size_t i = 0; i <= journal->count; i++) {
		const struct intention *x = i < journal->count ? &journal->all[i] : NULL;
		int64_t id = x ? x->id : INT64_MAX;

		for (; old < s->count && s->all[old].id <= id; old++)
			if (s->all[old].why == HIDDEN_FLYING)
				m.all[m.count++] = s->all[old];
		if (!x || x->state == INTENTION_REFUSED)
			continue;
		if (m.count == 0 || m.all[m.count - 1].id != id)
			m.all[m.count++] = (struct hidden){id, HIDDEN_NOT_LISTED, hidden_by(x)};
	}
	return m;
}

bool hidden_replace(struct hidden_set *s, const struct intentions *journal, const struct listing *l)
{
	struct hidden_set last = *s;
	bool same;

	*s = merged(&last, journal);
	hidden_place(s, l);
	same = is_same(&last, s);
	hidden_finish(&last);
	return !same;
}

/* ---- sums ---- */

uint64_t hidden_octets(const struct hidden_set *s, const struct listing *l)
{
	uint64_t octets = 0;

	for (size_t i = next_listed(s, 0); i < s->count; i = next_listed(s, i + 1))
		octets += message_size(hidden_message(&s->all[i], l));
	return octets;
}

size_t hidden_cached(const struct hidden_set *s, const struct listing *l)
{
	size_t cached = 0;

	for (size_t i = next_listed(s, 0); i < s->count; i = next_listed(s, i + 1))
		cached += (message_flags(hidden_message(&s->all[i], l)) & MESSAGE_CACHED) != 0;
	return cached;
}
