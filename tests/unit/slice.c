#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "slice.h"

static void a_number_is_digits_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, want;
		bool good;
	} cases[] = {
	    {"0", 10, 0, true},
	    {"007", 10, 7, true},
	    {"10", 10, 10, true},
	    {"11", 10, 0, false},
	    {"5", 3, 0, false},
	    {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
	    {"18446744073709551616", UINT64_MAX, 0, false},
	    {"", 10, 0, false},
	    {"-1", 10, 0, false},
	    {"+1", 10, 0, false},
	    {"1 ", 10, 0, false},
	    {"0x1", 10, 0, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got = 99;

		assert_int_equal(
		    slice_number(slice_of(cases[i].text), cases[i].max, &got), cases[i].good);
		assert_int_equal(got, cases[i].good ? cases[i].want : 99);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_number_is_digits_and_nothing_else),
	};

	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
