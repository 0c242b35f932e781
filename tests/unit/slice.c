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

static void a_token_is_what_stands_between_separators(void **state)
{
	static const struct {
		struct slice text;
		const char *want[4];
		const char *rest; /* behind the first */
	} cases[] = {
	    {{"one two", 7}, {"one", "two", ""}, " two"},
	    {{" \t one\t\ttwo ", 12}, {"one", "two", ""}, "\t\ttwo "},
	    {{"   ", 3}, {"", ""}, ""},
	    {{"", 0}, {"", ""}, ""},
	    {{NULL, 0}, {"", ""}, ""},
	    {{"nul\0stays", 9}, {NULL, ""}, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice rest = cases[i].text;

		for (size_t k = 0; k < 4 && (k == 0 || cases[i].want[k]); k++) {
			struct slice token = slice_token(&rest, " \t");

			if (cases[i].want[k])
				assert_true(slice_is(token, cases[i].want[k]));
			else
				assert_int_equal(token.len, 9);
			if (k == 0)
				assert_true(slice_is(rest, cases[i].rest));
		}
	}
}

static void trimming_takes_white_space_at_both_ends(void **state)
{
	static const char *const cases[][2] = {
	    {" \t\r\n a b \r\n", "a b"}, {"a", "a"}, {" \t ", ""}, {"", ""}, {"\v\f", "\v\f"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(slice_is(slice_trim(slice_of(cases[i][0])), cases[i][1]));
	assert_int_equal(slice_trim(slice_of(NULL)).len, 0);
}

static void words_are_compared_without_case(void **state)
{
	static const struct {
		const char *text, *word;
		bool is, is_word, starts;
	} cases[] = {
	    {"PLAIN", "PLAIN", true, true, true},
	    {"plain", "PLAIN", false, true, true},
	    {"plainer", "PLAIN", false, false, true},
	    {"plai", "PLAIN", false, false, false},
	    {"", "PLAIN", false, false, false},
	    {"", "", true, true, true},
	    {NULL, "", true, true, true},
	    {NULL, "x", false, false, false},
	    {"x", "", false, false, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice text = slice_of(cases[i].text);

		assert_int_equal(slice_is(text, cases[i].word), cases[i].is);
		assert_int_equal(slice_is_word(text, cases[i].word), cases[i].is_word);
		assert_int_equal(slice_starts_word(text, cases[i].word), cases[i].starts);
	}
}

static void order_is_by_octet_and_then_the_shorter_first(void **state)
{
	static const struct {
		struct slice a, b;
		int want;
	} cases[] = {
	    {{"a", 1}, {"b", 1}, -1},
	    {{"a", 1}, {"ab", 2}, -1},
	    {{"a\0b", 3}, {"a\0c", 3}, -1},
	    {{"\x7f", 1}, {"\x80", 1}, -1},
	    {{NULL, 0}, {"", 0}, 0},
	    {{NULL, 0}, {"a", 1}, -1},
	    {{"a\0", 2}, {"a\0", 2}, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int order = slice_compare(cases[i].a, cases[i].b);
		int back = slice_compare(cases[i].b, cases[i].a);

		assert_int_equal((order > 0) - (order < 0), cases[i].want);
		assert_int_equal((back > 0) - (back < 0), -cases[i].want);
		assert_int_equal(slice_equal(cases[i].a, cases[i].b), cases[i].want == 0);
	}
}

static void a_control_character_is_found_anywhere(void **state)
{
	static const struct {
		struct slice text;
		bool want;
	} cases[] = {
	    {{"plain \x80\xff~", 9}, false},
	    {{"", 0}, false},
	    {{NULL, 0}, false},
	    {{"\0", 1}, true},
	    {{"a\r", 2}, true},
	    {{"\nb", 2}, true},
	    {{"a\tb", 3}, true},
	    {{"a\x1f", 2}, true},
	    {{"a\x7f", 2}, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(slice_has_control(cases[i].text), cases[i].want);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_number_is_digits_and_nothing_else),
	    cmocka_unit_test(a_token_is_what_stands_between_separators),
	    cmocka_unit_test(trimming_takes_white_space_at_both_ends),
	    cmocka_unit_test(words_are_compared_without_case),
	    cmocka_unit_test(order_is_by_octet_and_then_the_shorter_first),
	    cmocka_unit_test(a_control_character_is_found_anywhere),
	};

	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
