#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <limits.h>
#include <poll.h>
#include <cmocka.h>

#include "clock.h"

static void never_stays_never(void **state)
{
	assert_int_equal(clock_in(CLOCK_NEVER), CLOCK_NEVER);
	assert_int_equal(clock_in(CLOCK_NEVER - 1), CLOCK_NEVER);
	assert_int_equal(clock_left(CLOCK_NEVER), -1);
	assert_int_equal(clock_sooner(CLOCK_NEVER, 5), 5);
	assert_int_equal(clock_sooner(5, CLOCK_NEVER), 5);
}

static void what_is_left_is_what_poll_takes(void **state)
{
	assert_int_equal(clock_left(0), 0);
	assert_int_equal(clock_left(clock_ms()), 0);
	assert_int_equal(clock_left(clock_in(-1000)), 0);
	assert_true(clock_left(clock_in(1000000)) > 0);
	assert_true(clock_left(clock_in(1000000)) <= 1000000);
	assert_int_equal(clock_left(CLOCK_NEVER - 1), INT_MAX);
}

static void the_clock_goes_forward(void **state)
{
	int64_t deadline = clock_in(2);
	int64_t before = clock_ms();

	while (clock_left(deadline) > 0)
		poll(NULL, 0, clock_left(deadline));
	assert_true(clock_ms() >= deadline);
	assert_true(clock_ms() >= before);
	assert_true(clock_seconds() > INT64_C(1700000000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(never_stays_never),
	    cmocka_unit_test(what_is_left_is_what_poll_takes),
	    cmocka_unit_test(the_clock_goes_forward),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
