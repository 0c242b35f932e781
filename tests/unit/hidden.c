#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"
#include "hidden.h"

#define MOST 20 /* ids */

/* The ids from 1 to `last` but for every third; each has as many octets as its id, even ones are in
 * the cache. */
static struct listing *make(int64_t last)
{
	struct listing *l = listing_create((size_t)(last - last / 3), 0);
	size_t count = 0;

	for (int64_t id = 1; id <= last; id++) {
		struct message *m = &l->messages[count];

		if (id % 3 == 0)
			continue;
		m->id = id;
		m->fact = (uint64_t)id << 8 | (id % 2 == 0 ? MESSAGE_CACHED : 0);
		count++;
	}
	return l;
}

/* "3 5a 8f": the ids, in order, and why, where it is not the journal. */
static void check(const struct hidden_set *s, const struct listing *l, const char *want)
{
	CLEANUP(freep) char *is = xstrdup("");
	size_t listed = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct hidden *h = &s->all[i];
		const struct message *m = hidden_message(h, l);
		char *longer = xasprintf(
		    "%s%s%d%.1s", is, i ? " " : "", (int)h->id, &"\0\0a\0f\0l"[2 * h->why]);

		free(is);
		is = longer;
		assert_ptr_equal(m, listing_by_id(l, h->id));
		listed += m != NULL;
	}
	assert_string_equal(is, want);
	assert_int_equal(s->listed, listed);
	for (int64_t id = 0; id < MOST; id++) {
		const struct hidden *h = hidden_find(s, id);
		size_t from = hidden_from(s, id);

		assert_true(from == s->count || s->all[from].id >= id);
		assert_true(from == 0 || s->all[from - 1].id < id);
		assert_ptr_equal(
		    h, from < s->count && s->all[from].id == id ? &s->all[from] : NULL);
	}
}

static void add(struct hidden_set *s, const struct listing *l, const int64_t *ids)
{
	for (; *ids; ids++)
		assert_true(hidden_add(s, l, *ids));
}

#define IDS(...) ((const int64_t[]){__VA_ARGS__, 0})

static void in_whatever_order_they_come_they_stand_in_order(void **state)
{
	struct listing *l = make(12);
	struct hidden_set s = {0};

	check(&s, l, "");
	add(&s, l, IDS(5, 2, 11, 3));
	check(&s, l, "2f 3f 5f 11f");
	assert_false(hidden_add(&s, l, 5));
	hidden_remove(&s, hidden_find(&s, 3));
	hidden_remove(&s, hidden_find(&s, 11));
	check(&s, l, "2f 5f");
	assert_null(hidden_find(&s, 11));
	hidden_finish(&s);
	listing_drop(l);
}

static void there_is_room_for_many(void **state)
{
	struct listing *l = make(3000);
	struct hidden_set s = {0};

	for (int64_t id = 3000; id > 0; id--)
		assert_true(hidden_add(&s, l, id));
	assert_int_equal(s.count, 3000);
	assert_int_equal(s.listed, 2000);
	hidden_finish(&s);
	listing_drop(l);
}

static void another_listing_has_them_elsewhere(void **state)
{
	struct listing *l = make(12), *shorter = make(4);
	struct hidden_set s = {0};

	add(&s, l, IDS(2, 4, 8));
	hidden_place(&s, shorter);
	check(&s, shorter, "2f 4f 8f");
	assert_int_equal(s.listed, 2);
	hidden_place(&s, l);
	assert_int_equal(s.listed, 3);
	hidden_finish(&s);
	listing_drop(shorter);
	listing_drop(l);
}

static bool replace(struct hidden_set *s, const struct listing *l, const int64_t *ids,
    const enum intention_state *states)
{
	CLEANUP(freep)
	struct intentions *all = xzalloc(sizeof(*all) + MOST * sizeof(struct intention));

	for (; ids[all->count]; all->count++) {
		all->all[all->count].id = ids[all->count];
		all->all[all->count].state = states[all->count];
	}
	return hidden_replace(s, all, l);
}

#define STATES(...) ((const enum intention_state[]){__VA_ARGS__})

static void the_journal_says_which_and_what_flies_stays(void **state)
{
	struct listing *l = make(12);
	struct hidden_set s = {0};

	assert_true(replace(
	    &s, l, IDS(2, 4, 5), STATES(INTENTION_PENDING, INTENTION_ASSUMED, INTENTION_REFUSED)));
	check(&s, l, "2 4a");
	add(&s, l, IDS(1, 5, 7));
	hidden_find(&s, 7)->why = HIDDEN_LANDED; /* of an older word: the next one has it, or not */
	check(&s, l, "1f 2 4a 5f 7l");
	assert_true(replace(&s, l, IDS(1, 4), STATES(INTENTION_PENDING, INTENTION_SENT)));
	check(&s, l, "1f 4 5f");
	hidden_finish(&s);
	listing_drop(l);
}

/* Nobody sees a difference. */
static void what_is_not_listed_makes_no_other_set(void **state)
{
	struct listing *l = make(12);
	struct hidden_set s = {0};

	assert_false(replace(&s, l, IDS(3), STATES(INTENTION_PENDING)));
	assert_true(replace(&s, l, IDS(4), STATES(INTENTION_PENDING)));
	assert_false(
	    replace(&s, l, IDS(3, 4, 9), STATES(INTENTION_SENT, INTENTION_SENT, INTENTION_SENT)));
	check(&s, l, "3 4 9");
	assert_true(replace(&s, l, IDS(3), STATES(INTENTION_PENDING)));
	hidden_finish(&s);
	listing_drop(l);
}

static void sums_are_of_the_listed(void **state)
{
	struct listing *l = make(12);
	struct hidden_set s = {0};

	assert_int_equal(hidden_octets(&s, l), 0);
	add(&s, l, IDS(2, 3, 5, 8));
	assert_int_equal(hidden_octets(&s, l), 2 + 5 + 8);
	assert_int_equal(hidden_cached(&s, l), 2);
	hidden_finish(&s);
	listing_drop(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_whatever_order_they_come_they_stand_in_order),
	    cmocka_unit_test(there_is_room_for_many),
	    cmocka_unit_test(another_listing_has_them_elsewhere),
	    cmocka_unit_test(the_journal_says_which_and_what_flies_stays),
	    cmocka_unit_test(what_is_not_listed_makes_no_other_set),
	    cmocka_unit_test(sums_are_of_the_listed),
	};

	return cmocka_run_group_tests_name("hidden", tests, NULL, NULL);
}
