#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pace.h"

/* A line of `rate` octets a second and a round trip of `ms`, asked for as much as may be in flight,
 * for so many round trips: it comes by the millisecond, until there is no more. Time is a number
 * here. */
static int64_t run(struct pace *p, int64_t now, uint64_t rate, int64_t ms, int trips)
{
	for (int i = 0; i < trips; i++) {
		uint64_t left = pace_limit(p), most = rate / 1000;

		for (int64_t end = now + ms; now < end; now++) {
			uint64_t octets = left < most ? left : most;

			pace_held_back(p);
			if (octets > 0)
				pace_arrived(p, octets, now);
			left -= octets;
		}
	}
	return now;
}

static void it_grows_to_twice_what_the_line_holds(void **state)
{
	static const struct {
		uint64_t rate; /* octets a second */
		int64_t ms;
	} lines[] = {
	    {UINT64_C(100) << 20, 80}, {12500000, 80}, {12500000, 300}, {UINT64_C(500) << 20, 20}};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		uint64_t holds = lines[i].rate * (uint64_t)lines[i].ms / 1000;
		struct pace p;

		pace_init(&p, 0);
		pace_trip(&p, lines[i].ms);
		run(&p, 0, lines[i].rate, lines[i].ms, 12);
		assert_in_range(pace_limit(&p), 2 * holds * 9 / 10, 2 * holds * 11 / 10);
	}
}

/* Or a reader would wait a round trip for each doubling. */
static void a_line_that_is_fast_is_seen_to_be_at_once(void **state)
{
	struct pace p;

	pace_init(&p, 0);
	pace_trip(&p, 80);
	run(&p, 0, UINT64_C(400) << 20, 80, 1);
	assert_in_range(pace_limit(&p), PACE_MOST * 9 / 10, PACE_MOST);
}

static void little_asked_for_says_nothing_of_a_line(void **state)
{
	struct pace p;

	pace_init(&p, 0);
	pace_trip(&p, 80);
	for (int64_t now = 80; now < 2000; now += 80) {
		pace_idle(&p);
		pace_arrived(&p, 30000, now);
		pace_arrived(&p, 30000, now + 1);
	}
	assert_int_equal(pace_limit(&p), PACE_FIRST);
}

static void it_stays_within_its_bounds(void **state)
{
	struct pace p;

	pace_init(&p, 0);
	assert_int_equal(pace_limit(&p), PACE_FIRST);
	pace_trip(&p, 100);
	run(&p, 0, 1000, 100, 10);
	assert_int_equal(pace_limit(&p), PACE_LEAST);
	run(&p, 0, UINT64_C(10) << 30, 100, 20);
	assert_int_equal(pace_limit(&p), PACE_MOST);
}

static void a_line_that_slows_down_is_asked_for_less(void **state)
{
	struct pace p;
	int64_t now;
	uint64_t before;

	pace_init(&p, 0);
	pace_trip(&p, 80);
	now = run(&p, 0, UINT64_C(100) << 20, 80, 12);
	before = pace_limit(&p);
	run(&p, now, UINT64_C(10) << 20, 80, 60);
	assert_in_range(pace_limit(&p), 1, before / 8);
}

static void a_reader_who_takes_his_time_makes_no_line_slow(void **state)
{
	struct pace p;
	int64_t now;
	uint64_t before;

	pace_init(&p, 0);
	pace_trip(&p, 80);
	now = run(&p, 0, UINT64_C(100) << 20, 80, 12);
	before = pace_limit(&p);
	for (int i = 0; i < 100; i++) {
		pace_idle(&p);
		pace_arrived(&p, 4000, now + 80);
		pace_arrived(&p, 4000, now += 1000);
	}
	assert_int_equal(pace_limit(&p), before);
}

static void the_shortest_trip_counts(void **state)
{
	struct pace p;

	pace_init(&p, 0);
	pace_trip(&p, 90);
	pace_trip(&p, 80);
	pace_trip(&p, 500);
	assert_int_equal(p.trip_ms, 80);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_grows_to_twice_what_the_line_holds),
	    cmocka_unit_test(a_line_that_is_fast_is_seen_to_be_at_once),
	    cmocka_unit_test(little_asked_for_says_nothing_of_a_line),
	    cmocka_unit_test(it_stays_within_its_bounds),
	    cmocka_unit_test(a_line_that_slows_down_is_asked_for_less),
	    cmocka_unit_test(a_reader_who_takes_his_time_makes_no_line_slow),
	    cmocka_unit_test(the_shortest_trip_counts),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
