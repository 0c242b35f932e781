#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "progress.h"

static void a_line_says_how_far_how_fast_and_how_long(void **state)
{
	static const struct {
		struct progress p;
		const char *want;
	} cases[] = {
	    {{0, 1000, 0, 66000000, 0}, "[                ] 0 of 1000, 0.0 of 66.0 MB"},
	    {{500, 1000, 33000000, 66000000, 1000},
		"[########        ] 500 of 1000, 33.0 of 66.0 MB, 33.0 MB/s, 0:01 left"},
	    {{1, 3, 1000, 601000, 100000},
		"[                ] 1 of 3, 1.0 of 601.0 kB, 10 octets/s, 1000:00 left"},
	    {{1, 1000, 1000, UINT64_MAX, 1000},
		"[                ] 1 of 1000, 0.0 of 18446744073.7 GB, 1.0 kB/s"}, /* for ever */
	    {{3, 3, 601000, 601000, 2000},
		"[################] 3 of 3, 601.0 of 601.0 kB, 300.5 kB/s, 0:00 left"},
	    {{2, 4, 0, 0, 9000}, "[########        ] 2 of 4"}, /* LIST told no sizes */
	    {{4, 4, 10, 5, 100}, "[################] 4 of 4"}, /* it told too little */
	    {{0, 0, 0, 0, 0}, "[################] 0 of 0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf line = {.len = 0};

		progress_line(&line, &cases[i].p);
		assert_string_equal(buf_text(&line), cases[i].want);
		buf_finish(&line);
	}
}

static void octets_are_said_as_people_read_them(void **state)
{
	static const struct {
		uint64_t octets;
		const char *want;
	} cases[] = {
	    {0, "0 octets"},
	    {999, "999 octets"},
	    {1000, "1.0 kB"},
	    {3449000, "3.4 MB"},
	    {1200000000, "1.2 GB"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf line = {.len = 0};

		progress_octets(&line, cases[i].octets);
		assert_string_equal(buf_text(&line), cases[i].want);
		buf_finish(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_says_how_far_how_fast_and_how_long),
	    cmocka_unit_test(octets_are_said_as_people_read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
