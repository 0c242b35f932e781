#include "twins.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "listing.h"

#define DIGEST_OCTETS 32

typedef bool filter(const struct twin *t);
typedef int comparison(const struct twin *a, const struct twin *b);

/* ---- who may be paired, and by what ---- */

static bool hashed(const struct twin *t)
{
	return t->digest != NULL;
}

static bool unhashed(const struct twin *t)
{
	return t->digest == NULL;
}

static bool present(const struct twin *t)
{
	return !t->vanished;
}

static bool present_unhashed(const struct twin *t)
{
	return present(t) && unhashed(t);
}

static int by_digest(const struct twin *a, const struct twin *b)
{
	return memcmp(a->digest, b->digest, DIGEST_OCTETS);
}

static int by_size(const struct twin *a, const struct twin *b)
{
	return (a->listed > b->listed) - (a->listed < b->listed);
}

static int in_order(const struct twin *a, const struct twin *b)
{
	return 0;
}

/* ---- one pass ---- */

struct choice {
	struct twin **all;
	size_t count;
};

static void choice_finish(struct choice *c)
{
	free(c->all);
}

/* Of equals, those still listed come first, then those that stand first in their array. */
static int compare(const void *left, const void *right, void *with)
{
	struct twin *const *a = left, *const *b = right;
	comparison *const *key = with;
	int order = (*key)(*a, *b);

	if (order != 0)
		return order;
	if ((*a)->vanished != (*b)->vanished)
		return (*a)->vanished ? 1 : -1;
	return (*a > *b) - (*a < *b);
}

static struct choice choose(struct twin *all, size_t count, filter *wanted, comparison *key)
{
	struct choice c = {.all = xreallocarray(NULL, count, sizeof(struct twin *))};

	for (size_t i = 0; i < count; i++)
		if (all[i].mate == TWIN_ALONE && wanted(&all[i]))
			c.all[c.count++] = &all[i];
	qsort_r(c.all, c.count, sizeof(struct twin *), compare, &key);
	return c;
}

struct sides {
	struct twin *rows, *stored;
	size_t row_count, stored_count;
};

static void pass(struct sides *s, filter *row, filter *stored, comparison *key)
{
	CLEANUP(choice_finish) struct choice a = choose(s->rows, s->row_count, row, key);
	CLEANUP(choice_finish) struct choice b = choose(s->stored, s->stored_count, stored, key);

	for (size_t i = 0, j = 0; i < a.count && j < b.count;) {
		int order = key(a.all[i], b.all[j]);

		if (order == 0) {
			a.all[i]->mate = (size_t)(b.all[j] - s->stored);
			b.all[j]->mate = (size_t)(a.all[i] - s->rows);
		}
		i += order <= 0;
		j += order >= 0;
	}
}

void twins_pair(struct twin *rows, size_t row_count, struct twin *stored, size_t stored_count)
{
	struct sides s = {rows, stored, row_count, stored_count};

	for (size_t i = 0; i < row_count; i++)
		rows[i].mate = TWIN_ALONE;
	for (size_t i = 0; i < stored_count; i++)
		stored[i].mate = TWIN_ALONE;
	pass(&s, hashed, hashed, by_digest);
	pass(&s, hashed, present_unhashed, by_size);
	pass(&s, hashed, present_unhashed, in_order);
	pass(&s, unhashed, present, by_size);
	pass(&s, unhashed, present, in_order);
}

/* ---- what can be told apart ---- */

struct mark {
	const unsigned char *digest;
	unsigned *flags;
};

static int compare_marks(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;

	if (!a->digest || !b->digest)
		return (a->digest != NULL) - (b->digest != NULL);
	return memcmp(a->digest, b->digest, DIGEST_OCTETS);
}

void twins_flag(const unsigned char *const *digests, size_t count, unsigned *flags)
{
	CLEANUP(freep) struct mark *marks = xreallocarray(NULL, count, sizeof(*marks));

	for (size_t i = 0; i < count; i++) {
		flags[i] = count > 1 ? MESSAGE_TWIN : 0;
		marks[i] = (struct mark){digests[i], &flags[i]};
	}
	qsort(marks, count, sizeof(*marks), compare_marks);
	for (size_t i = 1; i < count; i++) {
		if (compare_marks(&marks[i - 1], &marks[i]) == 0) {
			*marks[i - 1].flags |= MESSAGE_FIXED;
			*marks[i].flags |= MESSAGE_FIXED;
		}
	}
	if (count > 1 && !marks[0].digest)
		*marks[0].flags |= MESSAGE_FIXED;
}
