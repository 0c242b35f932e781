#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "names.h"

static void a_name_has_the_tail_of_its_view(void **state)
{
	static const struct {
		enum view view;
		const char *suffix, *name, *shown;
	} cases[] = {
	    {VIEW_MESSAGE, "", "a", "a"},
	    {VIEW_MESSAGE, ".eml", "a", "a.eml"},
	    {VIEW_MESSAGE, ".eml", "a.eml", "a.eml.eml"},
	    {VIEW_HEADER, ".eml", "a", "a.eml"},
	    {VIEW_DELETED, ".eml", "a", "a.eml"},
	    {VIEW_MAILDIR, "", "a", "a:2,S"},
	    {VIEW_MAILDIR, ".eml", "a", "a:2,S"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[NAMES_ROOM];
		struct slice bare =
		    names_shown(to, cases[i].view, cases[i].suffix, slice_of(cases[i].name));

		assert_string_equal(to, cases[i].shown);
		assert_int_equal(bare.len, strlen(to));
		assert_true(names_bare(&bare, cases[i].view, cases[i].suffix));
		assert_true(slice_is(bare, cases[i].name));
	}
}

static void what_has_another_tail_is_no_name(void **state)
{
	static const struct {
		enum view view;
		const char *suffix, *shown;
	} cases[] = {
	    {VIEW_MESSAGE, "", ""},
	    {VIEW_MESSAGE, ".eml", "a"},
	    {VIEW_MESSAGE, ".eml", ".eml"},
	    {VIEW_MESSAGE, ".eml", "a.EML"},
	    {VIEW_MESSAGE, ".eml", "aeml"},
	    {VIEW_MESSAGE, ".eml", "l"},
	    {VIEW_MAILDIR, "", "a"},
	    {VIEW_MAILDIR, "", "a:2,"},
	    {VIEW_MAILDIR, "", ":2,S"},
	    {VIEW_MAILDIR, "", "a:2,FS"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice shown = slice_of(cases[i].shown);

		assert_false(names_bare(&shown, cases[i].view, cases[i].suffix));
		assert_true(slice_is(shown, cases[i].shown));
	}
}

static void the_longest_of_both_fits(void **state)
{
	char name[NAME_LONGEST + 1], suffix[NAME_LONGEST_SUFFIX + 1], to[NAMES_ROOM];

	memset(name, 'n', sizeof(name));
	memset(suffix, 's', sizeof(suffix));
	name[NAME_LONGEST] = suffix[NAME_LONGEST_SUFFIX] = '\0';
	assert_int_equal(names_shown(to, VIEW_MESSAGE, suffix, slice_of(name)).len,
	    NAME_LONGEST + NAME_LONGEST_SUFFIX);
	assert_true(names_shown(to, VIEW_MAILDIR, suffix, slice_of(name)).len <= 255);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_has_the_tail_of_its_view),
	    cmocka_unit_test(what_has_another_tail_is_no_name),
	    cmocka_unit_test(the_longest_of_both_fits),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
