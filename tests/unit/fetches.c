#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fetches.h"

#define MiB (UINT64_C(1) << 20)

static const struct failure refused = {.code = E_REFUSED, .words = "no"};

static void settle(struct fetch *x, int64_t id)
{
	fetch_settle(x, id, slice_of("it"), NULL);
}

static void nothing_is_done_at_once(void **state)
{
	struct fetch *x = fetch_create();

	assert_false(fetch_is_done(x));
	fetch_begin(x);
	assert_true(fetch_is_done(x));
	assert_int_equal(fetch_next(x), 0);
	fetch_free(x);
	fetch_free(NULL);
}

static void each_is_asked_for_once_in_order_however_often_it_is_named(void **state)
{
	static const int64_t named[] = {7, 3, 9, 3, 7, 7};
	struct fetch *x = fetch_create();

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		fetch_add(x, named[i], 10);
	assert_int_equal(fetch_next(x), 0); /* not begun */
	fetch_begin(x);
	assert_int_equal(x->messages, 3);
	assert_int_equal(x->octets, 30);
	assert_int_equal(fetch_next(x), 3);
	assert_int_equal(fetch_next(x), 7);
	assert_int_equal(fetch_next(x), 9);
	assert_int_equal(fetch_next(x), 0);
	fetch_free(x);
}

/* Whoever gets into the mount may name them, part by part. */
static void who_names_the_same_for_ever_gets_no_more_memory(void **state)
{
	struct fetch *x = fetch_create();

	for (int64_t i = 0; i < 1000000; i++)
		fetch_add(x, 1 + i % 40, 10);
	assert_in_range(x->room, 40, 160);
	fetch_begin(x);
	assert_int_equal(x->messages, 40);
	fetch_free(x);
}

static void it_is_done_when_the_last_is_settled(void **state)
{
	struct fetch *x = fetch_create();

	fetch_add(x, 1, 100);
	fetch_add(x, 2, 200);
	fetch_begin(x);
	settle(x, 1); /* not out yet: of no account */
	assert_int_equal(x->settled, 0);
	fetch_next(x);
	fetch_next(x);
	assert_true(fetch_is_out(x, 2));
	settle(x, 2);
	settle(x, 2);
	settle(x, 3);
	assert_false(fetch_is_out(x, 2));
	assert_int_equal(x->settled, 1);
	assert_int_equal(x->settled_octets, 200);
	assert_false(fetch_is_done(x));
	settle(x, 1);
	assert_true(fetch_is_done(x));
	fetch_free(x);
}

static void what_fails_is_kept_with_its_reason_and_counts_no_octets(void **state)
{
	struct fetch *x = fetch_create();

	fetch_cannot(x, slice_of("nobody"), &refused);
	fetch_add(x, 1, 100);
	fetch_begin(x);
	assert_int_equal(x->messages, 2);
	fetch_next(x);
	fetch_settle(x, 1, slice_of("one"), &refused);
	assert_true(fetch_is_done(x));
	assert_int_equal(x->failed, 2);
	assert_int_equal(x->octets, 0);
	assert_int_equal(x->failures_kept, 2);
	assert_string_equal(x->failures[0].name, "nobody");
	assert_string_equal(x->failures[1].name, "one");
	assert_string_equal(x->failures[1].why.words, "no");
	fetch_free(x);
}

static void of_many_failures_only_the_first_are_kept(void **state)
{
	struct fetch *x = fetch_create();

	for (int i = 0; i < 5000; i++)
		fetch_cannot(x, slice_of("n"), &refused);
	fetch_begin(x);
	assert_int_equal(x->failed, 5000);
	assert_in_range(x->failures_kept, 1, 1000);
	assert_true(fetch_is_done(x));
	fetch_free(x);
}

/* Takes all that may be out; returns how many. */
static size_t take_all(struct fetch *x)
{
	size_t count = 0;

	while (fetch_next(x))
		count++;
	return count;
}

static void only_so_much_is_out_at_a_time(void **state)
{
	static const struct {
		uint64_t octets;
		size_t least, most;
	} cases[] = {
	    {1, 16384, 16384},
	    {MiB, 64, 128},
	    {1000 * MiB, 1, 1}, /* one may be larger than all */
	    {UINT64_MAX / 65536, 1, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch *x = fetch_create();
		size_t out;

		for (int64_t id = 1; id <= 20000; id++)
			fetch_add(x, id, cases[i].octets);
		fetch_begin(x);
		out = take_all(x);
		assert_in_range(out, cases[i].least, cases[i].most);
		settle(x, 1);
		assert_int_equal(take_all(x), 1);
		fetch_free(x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_done_at_once),
	    cmocka_unit_test(each_is_asked_for_once_in_order_however_often_it_is_named),
	    cmocka_unit_test(who_names_the_same_for_ever_gets_no_more_memory),
	    cmocka_unit_test(it_is_done_when_the_last_is_settled),
	    cmocka_unit_test(what_fails_is_kept_with_its_reason_and_counts_no_octets),
	    cmocka_unit_test(of_many_failures_only_the_first_are_kept),
	    cmocka_unit_test(only_so_much_is_out_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
