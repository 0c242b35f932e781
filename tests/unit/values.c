#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

#define ROWS(cases) (sizeof(cases) / sizeof(cases[0]))

static void a_time_is_a_number_and_perhaps_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} cases[] = {
	    {"0", 0},
	    {"90", 90},
	    {"90s", 90},
	    {"5m", 300},
	    {"5M", 300},
	    {"2h", 7200},
	    {"1d", 86400},
	    {"2d", -1}, /* out of range */
	    {"86401", -1},
	    {"18446744073709551615", -1},
	    {"18446744073709551615d", -1},
	    {"99999999999999999999999", -1},
	    {"-1", -1},
	    {"1.5h", -1},
	    {"5 m", -1},
	    {"m", -1},
	    {"", -1},
	    {"5mm", -1},
	    {"1w", -1},
	};

	for (size_t i = 0; i < ROWS(cases); i++) {
		struct failure why = {.code = OK};
		int64_t got = -1;
		enum error e =
		    value_time(&got, "idle", cases[i].text, (struct range){0, 86400}, &why);

		assert_int_equal(got, cases[i].want);
		assert_int_equal(e, cases[i].want < 0 ? E_USAGE : OK);
		if (e)
			assert_non_null(strstr(why.words, "idle"));
	}
}

static void a_size_is_a_number_and_perhaps_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t want; /* 0: refused */
	} cases[] = {
	    {"1", 1},
	    {"64K", 65536},
	    {"64k", 65536},
	    {"64M", 67108864},
	    {"1G", 1073741824},
	    {"2G", 0},
	    {"0", 0},
	    {"17179869184G", 0},
	    {"K", 0},
	    {"1T", 0},
	    {"64MB", 0},
	};

	for (size_t i = 0; i < ROWS(cases); i++) {
		struct failure why = {.code = OK};
		uint64_t got = 0;

		value_size(&got, "memory", cases[i].text, (struct range){1, 1 << 30}, &why);
		assert_int_equal(got, cases[i].want);
		if (!cases[i].want)
			assert_non_null(strstr(why.words, "memory"));
	}
}

static void a_sentence_says_the_range_as_people_write_it(void **state)
{
	struct failure why;
	int64_t seconds;
	uint64_t octets;

	value_time(&seconds, "timeout", "0", (struct range){1, 86400}, &why);
	assert_string_equal(why.words, "timeout=0 is out of range: from 1s to 1d");
	value_size(&octets, "memory", "1", (struct range){1 << 20, 1 << 30}, &why);
	assert_string_equal(why.words, "memory=1 is out of range: from 1M to 1G");
}

static void a_mode_is_octal(void **state)
{
	static const struct {
		const char *text;
		mode_t want;
		bool good;
	} cases[] = {
	    {"077", 077, true},
	    {"0", 0, true},
	    {"0777", 0777, true},
	    {"27", 027, true},
	    {"1000", 0, false},
	    {"777777777777777777777", 0, false},
	    {"78", 0, false},
	    {"", 0, false},
	    {"0x7", 0, false},
	    {"-1", 0, false},
	};

	for (size_t i = 0; i < ROWS(cases); i++) {
		mode_t got = 0;

		assert_int_equal(
		    value_octal(&got, "umask", cases[i].text, NULL) == OK, cases[i].good);
		assert_int_equal(got, cases[i].want);
	}
}

static void an_owner_is_a_number_or_a_name(void **state)
{
	uid_t uid = 7;
	gid_t gid = 7;

	assert_int_equal(value_user(&uid, "uid", "root", NULL), OK);
	assert_int_equal(uid, 0);
	assert_int_equal(value_user(&uid, "uid", "12345", NULL), OK);
	assert_int_equal(uid, 12345);
	assert_int_equal(value_user(&uid, "uid", "4294967295", NULL), E_USAGE);
	assert_int_equal(value_user(&uid, "uid", "no such user", NULL), E_USAGE);
	assert_int_equal(uid, 12345);
	assert_int_equal(value_group(&gid, "gid", "root", NULL), OK);
	assert_int_equal(gid, 0);
	assert_int_equal(value_group(&gid, "gid", "99", NULL), OK);
	assert_int_equal(gid, 99);
	assert_int_equal(value_group(&gid, "gid", "-1", NULL), E_USAGE);
}

static void a_choice_is_one_of_its_words(void **state)
{
	static const char *const words[] = {"one", "two", "three", NULL};
	struct failure why;
	unsigned index = 9;

	assert_int_equal(value_choice(&index, "count", "three", words, &why), OK);
	assert_int_equal(index, 2);
	assert_int_equal(value_choice(&index, "count", "four", words, &why), E_USAGE);
	assert_int_equal(index, 2);
	assert_string_equal(why.words, "count=four makes no sense: write one, two or three");
}

static void a_suffix_is_part_of_a_name(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {".eml", true},
	    {" eml", true},
	    {"1234", true},
	    {"", false},
	    {"12345", false},
	    {"a/b", false},
	};

	for (size_t i = 0; i < ROWS(cases); i++) {
		struct failure why = {.code = OK};
		char *got = NULL;
		enum error e =
		    value_suffix(&got, "suffix", cases[i].text, (struct range){1, 4}, &why);

		assert_int_equal(e, cases[i].good ? OK : E_USAGE);
		if (e)
			assert_non_null(strstr(why.words, "suffix"));
		else
			assert_string_equal(got, cases[i].text);
		free(got);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_time_is_a_number_and_perhaps_a_unit),
	    cmocka_unit_test(a_size_is_a_number_and_perhaps_a_unit),
	    cmocka_unit_test(a_sentence_says_the_range_as_people_write_it),
	    cmocka_unit_test(a_mode_is_octal),
	    cmocka_unit_test(an_owner_is_a_number_or_a_name),
	    cmocka_unit_test(a_choice_is_one_of_its_words),
	    cmocka_unit_test(a_suffix_is_part_of_a_name),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
