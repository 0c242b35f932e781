#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "troubled.h"

#define MINUTES 60000

static void nobody_asks_again_for_a_while_that_grows(void **state)
{
	static const int64_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
	struct troubled t = {0};
	int64_t now = 1000;

	assert_false(troubled_holds(&t, 7, now));
	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		troubled_note(&t, 7, now);
		assert_true(troubled_holds(&t, 7, now + minutes[i] * MINUTES - 1));
		now += minutes[i] * MINUTES;
		assert_false(troubled_holds(&t, 7, now));
	}
	assert_false(troubled_holds(&t, 8, 1000));
}

static void the_oldest_is_forgotten(void **state)
{
	struct troubled t = {0};

	for (int64_t id = 1; id <= TROUBLED_MOST + 1; id++)
		troubled_note(&t, id, 0);
	assert_false(troubled_holds(&t, 1, 0));
	for (int64_t id = 2; id <= TROUBLED_MOST + 1; id++)
		assert_true(troubled_holds(&t, id, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_asks_again_for_a_while_that_grows),
	    cmocka_unit_test(the_oldest_is_forgotten),
	};

	return cmocka_run_group_tests_name("troubled", tests, NULL, NULL);
}
