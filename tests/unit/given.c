#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "options.h"

static enum error set(struct options *o, const char *name, const char *value, struct failure *why)
{
	const struct option *row = option_find(slice_of(name));

	assert_non_null(row);
	return option_set(o, row, value, why);
}

static void every_row_refuses_what_makes_no_sense_and_names_itself(void **state)
{
	for (size_t i = 0; option_at(i); i++) {
		const struct option *row = option_at(i);
		bool wants = option_takes_value(row);
		const char *bad[] = {wants ? NULL : "1", wants ? "" : "yes", "a\nb", "a\x7f"};

		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			struct failure why = {.code = OK};
			struct options o;

			if (!bad[k] && !option_needs_value(row))
				continue;
			options_init(&o);
			assert_int_equal(option_set(&o, row, bad[k], &why), E_USAGE);
			assert_memory_equal(why.words, option_name(row), strlen(option_name(row)));
			options_finish(&o);
		}
	}
}

static void an_option_is_given_once_and_not_with_its_contrary(void **state)
{
	static const struct {
		const char *first, *first_value, *second, *second_value, *sentence;
	} cases[] = {
	    {"idle", "5", "idle", "5", "idle is given twice"},
	    {"ro", NULL, "ro", NULL, "ro is given twice"},
	    {"ro", NULL, "rw", NULL, "ro and rw contradict each other"},
	    {"rw", NULL, "ro", NULL, "rw and ro contradict each other"},
	    {"allow_other", NULL, "allow_root", NULL,
		"allow_other and allow_root contradict each other"},
	    {"ca", "/a", "ca", "/b", "ca is given twice"},
	    {"password_command", "a", "password_command", "b", "password_command is given twice"},
	    {"noatime", NULL, "noatime", NULL, "noatime is given twice"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = OK};
		struct options o;
		enum error e;

		options_init(&o);
		assert_int_equal(set(&o, cases[i].first, cases[i].first_value, &why), OK);
		e = set(&o, cases[i].second, cases[i].second_value, &why);
		if (!e)
			e = options_check(&o, &why);
		assert_int_equal(e, E_USAGE);
		assert_string_equal(why.words, cases[i].sentence);
		options_finish(&o);
	}
}

static void what_was_given_is_known_as_it_was_written_and_where(void **state)
{
	static const struct {
		const char *name, *value, *text;
	} cases[] = {
	    {"idle", "5", "5"}, {"timeout", "1m", "1m"}, {"ro", NULL, NULL}, {"noexec", NULL, NULL},
	    {"ca", "/a/b", "/a/b"}, {"cache_dir", "~/x", "/home/somebody/x"},
	    {"netrc", NULL, "/home/somebody/.netrc"}, {"password_command", "a 'b c'", "a 'b c'"},
	    {"proxy", "socks5h://me:hunter2@host", NULL}, /* it is a secret */
	};

	assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct option *row = option_find(slice_of(cases[i].name));
		const struct option_origin *origin;
		struct options o;

		options_init(&o);
		assert_false(option_given(&o, row));
		assert_int_equal(option_set_from(&o, row, cases[i].value, "FILE:3", NULL), OK);
		assert_true(option_given(&o, row));
		origin = option_origin(&o, row);
		assert_string_equal(origin->where, "FILE:3");
		assert_int_equal(origin->text != NULL, cases[i].text != NULL);
		if (cases[i].text)
			assert_string_equal(origin->text, cases[i].text);
		options_finish(&o);
	}
}

static void what_is_given_settles_its_alternatives(void **state)
{
	static const struct {
		const char *given, *value, *other;
		bool settled;
	} cases[] = {
	    {"idle", "5", "idle", true},
	    {"idle", "5", "retry", false},
	    {"ro", NULL, "ro", true},
	    {"ro", NULL, "rw", true},
	    {"ro", NULL, "offline", false},
	    {"allow_root", NULL, "allow_other", true},
	    {"allow_root", NULL, "noexec", false},
	    {"netrc", NULL, "password_command", true},
	    {"password_stdin", NULL, "oauth_command", true},
	    {"oauth_command", "a", "password_file", true},
	    {"oauth_command", "a", "ca", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct option *other = option_find(slice_of(cases[i].other));
		struct options_settled settled;
		struct options o;

		options_init(&o);
		settled = options_settled(&o);
		assert_false(option_is_settled(&settled, other));
		assert_int_equal(set(&o, cases[i].given, cases[i].value, NULL), OK);
		settled = options_settled(&o);
		assert_int_equal(option_is_settled(&settled, other), cases[i].settled);
		options_finish(&o);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_refuses_what_makes_no_sense_and_names_itself),
	    cmocka_unit_test(an_option_is_given_once_and_not_with_its_contrary),
	    cmocka_unit_test(what_was_given_is_known_as_it_was_written_and_where),
	    cmocka_unit_test(what_is_given_settles_its_alternatives),
	};

	return cmocka_run_group_tests_name("given", tests, NULL, NULL);
}
