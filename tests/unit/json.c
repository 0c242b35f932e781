#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "json.h"

static void any_octets_are_a_string(void **state)
{
	static const struct {
		struct slice text;
		const char *want;
	} cases[] = {
	    {{"", 0}, "\"\""}, {{NULL, 0}, "\"\""},
	    {{"/home/me/my mail", 16}, "\"/home/me/my mail\""},
	    {{"say \"\\\"", 7}, "\"say \\\"\\\\\\\"\""},
	    {{"a\0\n\x1b\x7f", 5}, "\"a\\u0000\\u000a\\u001b\\u007f\""},
	    {{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7", 9},
		"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7\""},
	    {{"\xff", 1}, "\"\\udcff\""}, {{"\xc3", 1}, "\"\\udcc3\""}, /* cut short */
	    {{"\xe2\x82", 2}, "\"\\udce2\\udc82\""}, {{"\xe2\x28\xa1", 3}, "\"\\udce2(\\udca1\""},
	    {{"\xf0\x9f\x93z", 4}, "\"\\udcf0\\udc9f\\udc93z\""},
	    {{"\xc0\xaf", 2}, "\"\\udcc0\\udcaf\""}, /* longer than it need be */
	    {{"\xe0\x80\x80", 3}, "\"\\udce0\\udc80\\udc80\""},
	    {{"\xed\xa0\x80", 3}, "\"\\udced\\udca0\\udc80\""},            /* a surrogate */
	    {{"\xf4\x90\x80\x80", 4}, "\"\\udcf4\\udc90\\udc80\\udc80\""}, /* beyond Unicode */
	    {{"\xc2\x80\xc2\x9b"
	      "31m\xc2\x9f\xc2\xa0",
		 11},
		"\"\\u0080\\u009b31m\\u009f\xc2\xa0\""}, /* to a terminal ESC [ */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got = {.len = 0};

		json_string(&got, cases[i].text);
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_finish(&got);
	}
}

static void what_is_no_number_is_a_string(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"0", "0"},
	    {"18446744073709551615", "18446744073709551615"},
	    {"007", "7"},
	    {"", "\"\""},
	    {"18446744073709551616", "\"18446744073709551616\""},
	    {"-1", "\"-1\""},
	    {"1}", "\"1}\""},
	    {"1\033[2J", "\"1\\u001b[2J\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got = {.len = 0};

		json_number(&got, slice_of(cases[i].text));
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_finish(&got);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_octets_are_a_string),
	    cmocka_unit_test(what_is_no_number_is_a_string),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
