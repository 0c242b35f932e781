#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "errand.h"

#define LONG_MS 600000

/* A session of which only the wants are looked at. */
static struct session make(const struct session_plan *plan, size_t count)
{
	struct session s = {.plan = plan};

	for (size_t i = 0; i < count; i++)
		wants_add(&s.fetching.wants, (int64_t)i, WANT_OUT);
	return s;
}

static struct want *find(const struct session *s, int64_t id)
{
	return wants_find(&s->fetching.wants, id);
}

static void the_next_try_comes_later_each_time_but_in_order(void **state)
{
	const struct session_plan plan = {.retry_ms = LONG_MS};
	struct session s = make(&plan, 3);
	int64_t due = 0;

	find(&s, 0)->postponed = 7; /* tries so far: a long pause, and the others behind it */
	find(&s, 0)->postponed_until = CLOCK_NEVER;
	for (int64_t id = 0; id < 3; id++) {
		assert_true(postponing_takes(&s, find(&s, id)));
		assert_true(find(&s, id)->due >= due);
		assert_true(find(&s, id)->due > clock_ms());
		due = find(&s, id)->due;
	}
	assert_int_equal(postponing_due(&s), find(&s, 0)->due);
	assert_int_equal(s.fetching.wants.count[WANT_POSTPONED], 3);
	assert_true(fetching_wanted(&s));
	fetching_finish(&s);
}

static void what_is_due_is_wanted_as_before(void **state)
{
	const struct session_plan plan = {.retry_ms = LONG_MS};
	struct session s = make(&plan, 2);

	find(&s, 1)->urgent = true;
	assert_true(postponing_takes(&s, find(&s, 0)));
	assert_true(postponing_takes(&s, find(&s, 1)));
	postponing_look(&s, find(&s, 0)->due - 1);
	assert_int_equal(s.fetching.wants.count[WANT_POSTPONED], 2);
	postponing_look(&s, find(&s, 1)->due);
	assert_int_equal(find(&s, 0)->row, WANT_BULK);
	assert_int_equal(find(&s, 1)->row, WANT_URGENT);
	assert_int_equal(postponing_due(&s), CLOCK_NEVER);
	fetching_finish(&s);
}

static void past_retry_it_is_not_postponed(void **state)
{
	const struct session_plan none = {.retry_ms = 0}, plan = {.retry_ms = LONG_MS};
	struct session s = make(&none, 1);

	assert_false(postponing_takes(&s, find(&s, 0)));
	assert_int_equal(find(&s, 0)->row, WANT_OUT);
	s.plan = &plan;
	assert_true(postponing_takes(&s, find(&s, 0)));
	find(&s, 0)->postponed_until = clock_ms();
	assert_false(postponing_takes(&s, find(&s, 0)));
	fetching_finish(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_next_try_comes_later_each_time_but_in_order),
	    cmocka_unit_test(what_is_due_is_wanted_as_before),
	    cmocka_unit_test(past_retry_it_is_not_postponed),
	};

	return cmocka_run_group_tests_name("postponing", tests, NULL, NULL);
}
