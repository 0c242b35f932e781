#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "gone.h"

#define MOST 8 /* messages, and listings */

/* A listing of the messages a, b, c ... of a word. */
static struct listing *listing_of(const char *word)
{
	struct listing *l = listing_create(strlen(word), 2 * strlen(word));

	for (size_t i = 0; word[i]; i++) {
		l->messages[i].id = word[i];
		l->messages[i].name = (uint32_t)(2 * i);
		l->messages[i].name_len = 1;
		l->names[2 * i] = word[i];
	}
	listing_sort_names(l);
	return l;
}

static bool tell(void *with, struct slice name)
{
	strncat(with, name.at, name.len);
	return true;
}

static bool tell_one(void *with, struct slice name)
{
	tell(with, name);
	return false;
}

static void each_name_that_the_kernel_may_know_is_told(void **state)
{
	static const struct {
		const char *listings[MOST], *want;
	} cases[] = {
	    {{"abc", "abc"}, ""},
	    {{"abc", "ac"}, "b"},
	    {{"abc", ""}, "abc"},
	    {{"", "abc"}, ""},
	    {{"abc", "bcd", "cde"}, "ab"},
	    {{"a", "ab", "a"}, "b"},
	    {{"a", "abcd", "ac", "a"}, "bdc"},
	    {{"a", "ab", ""}, "ba"},
	    {{"ab", "b", "ab", "a"}, "b"}, /* a number never comes back, but if it did */
	    {{"", "a", "", "b", ""}, "ab"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gone g = {0};
		struct listing *was = listing_of(cases[i].listings[0]);
		char got[64] = "";

		for (size_t j = 1; cases[i].listings[j]; j++) {
			struct listing *is = listing_of(cases[i].listings[j]);

			gone_add(&g, was, is);
			listing_drop(was);
			was = is;
		}
		listing_drop(was);
		gone_each(&g, tell, got);
		assert_string_equal(got, cases[i].want);
		gone_finish(&g);
	}
}

static void whoever_is_told_may_have_enough(void **state)
{
	struct gone g = {0};
	struct listing *l[] = {listing_of("abx"), listing_of("abxy"), listing_of("x")};
	char got[8] = "";

	gone_each(&g, tell, got);
	gone_add(&g, l[0], l[1]);
	gone_add(&g, l[1], l[2]);
	gone_each(&g, tell_one, got);
	assert_string_equal(got, "y");
	gone_finish(&g);
	gone_each(&g, tell, got);
	assert_string_equal(got, "y");
	for (size_t i = 0; i < sizeof(l) / sizeof(l[0]); i++)
		listing_drop(l[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_name_that_the_kernel_may_know_is_told),
	    cmocka_unit_test(whoever_is_told_may_have_enough),
	};

	return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
