#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "newcomers.h"

/* Ids as given, ended by 0; even ones are ready at once. */
static struct listing *make(const int64_t *ids)
{
	size_t count = 0;
	struct listing *l;

	while (ids[count])
		count++;
	l = listing_create(count, 0);
	for (size_t i = 0; i < count; i++)
		l->messages[i].id = ids[i];
	return l;
}

#define IDS(...) ((const int64_t[]){__VA_ARGS__, 0})
#define NONE     ((const int64_t[]){0})

static bool is_even(void *with, const struct message *m)
{
	return m->id % 2 == 0;
}

static void swap(struct newcomers *n, const int64_t *last, const int64_t *next)
{
	struct listing *was = make(last), *is = make(next);

	newcomers_swap(n, was, is);
	listing_drop(was);
	listing_drop(is);
}

/* Of 1 to 9, those are held back. */
static void check_held(const struct newcomers *n, const int64_t *held)
{
	size_t count = 0;

	for (int64_t id = 1; id < 10; id++) {
		bool is_held = held[count] == id;

		assert_int_equal(newcomers_hold(n, id), is_held);
		assert_int_equal(newcomers_shown_in(n, id, n->era), !is_held);
		count += is_held;
	}
	assert_int_equal(n->held, count);
}

static void who_holds_nothing_back_remembers_nobody(void **state)
{
	struct newcomers n = {.count = 0};

	swap(&n, NONE, IDS(1, 2, 3));
	check_held(&n, NONE);
	assert_int_equal(n.count, 0);
	assert_int_equal(n.era, 0);
	assert_false(newcomers_show(&n, 1));
	newcomers_finish(&n);
}

static void what_comes_unready_is_held_back_until_it_is_shown(void **state)
{
	struct newcomers n = {.ready = is_even};

	swap(&n, IDS(1, 3), IDS(1, 3, 4, 5, 7));
	check_held(&n, IDS(5, 7));
	assert_true(newcomers_show(&n, 7));
	assert_false(newcomers_show(&n, 7));
	assert_false(newcomers_show(&n, 3));
	check_held(&n, IDS(5));
	swap(&n, IDS(1, 3, 4, 5, 7), IDS(3, 4, 5, 7, 9)); /* one more, and one less */
	check_held(&n, IDS(5, 9));
	swap(&n, IDS(3, 4, 5, 7, 9), IDS(3, 4, 7, 9));
	check_held(&n, IDS(9));
	swap(&n, IDS(3, 4, 7, 9), IDS(3, 4, 5, 7, 9)); /* it comes back */
	check_held(&n, IDS(5, 9));
	newcomers_finish(&n);
}

static void what_is_held_back_stays_so_when_no_more_is(void **state)
{
	struct newcomers n = {.ready = is_even};

	swap(&n, NONE, IDS(1));
	n.ready = NULL;
	swap(&n, IDS(1), IDS(1, 3));
	check_held(&n, IDS(1));
	newcomers_finish(&n);
}

static void an_era_shows_what_was_shown_in_it(void **state)
{
	struct newcomers n = {.ready = is_even};
	uint32_t first = n.era, second, third;

	swap(&n, IDS(1), IDS(1, 2, 3, 5));
	second = n.era;
	assert_true(newcomers_show(&n, 5));
	third = n.era;
	assert_true(newcomers_show(&n, 3));
	for (uint32_t era = first; era <= n.era; era++) {
		assert_true(newcomers_shown_in(&n, 1, era));
		assert_int_equal(newcomers_shown_in(&n, 2, era), era >= second);
		assert_int_equal(newcomers_shown_in(&n, 5, era), era >= third);
		assert_int_equal(newcomers_shown_in(&n, 3, era), era > third);
	}
	newcomers_finish(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_holds_nothing_back_remembers_nobody),
	    cmocka_unit_test(what_comes_unready_is_held_back_until_it_is_shown),
	    cmocka_unit_test(what_is_held_back_stays_so_when_no_more_is),
	    cmocka_unit_test(an_era_shows_what_was_shown_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
