#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "words.h"

static void a_command_is_cut_as_a_shell_would(void **state)
{
	static const struct {
		const char *command;
		const char *want[5];
	} cases[] = {
	    {"pass", {"pass"}},
	    {"  pass \t show  mail ", {"pass", "show", "mail"}},
	    {"pass 'my mail'", {"pass", "my mail"}},
	    {"pass \"my mail\"", {"pass", "my mail"}},
	    {"a'b'\"c\"d", {"abcd"}},
	    {"a '' \"\" b", {"a", "", "", "b"}},
	    {"a\\ b", {"a b"}},
	    {"a \\| b", {"a", "|", "b"}},
	    {"a '|&;<>()$`~'", {"a", "|&;<>()$`~"}},
	    {"a \"|&;<>()~\"", {"a", "|&;<>()~"}},
	    {"a '\\'", {"a", "\\"}},
	    {"a \"\\\\ \\\" \\$ \\x\"", {"a", "\\ \" $ \\x"}},
	    {"sh -c 'pass mail | head -1'", {"sh", "-c", "pass mail | head -1"}},
	    {"a b~c", {"a", "b~c"}},
	    {"a *?[x] #b {c,d} !", {"a", "*?[x]", "#b", "{c,d}", "!"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **got = words_split("password_command", cases[i].command, NULL);
		size_t n = 0;

		assert_non_null(got);
		for (; n < 5 && cases[i].want[n]; n++)
			assert_string_equal(got[n], cases[i].want[n]);
		assert_null(got[n]);
		words_free(got);
	}
}

static void what_needs_a_shell_is_refused(void **state)
{
	static const struct {
		const char *command, *sentence;
	} cases[] = {
	    {"", "password_command names no command"},
	    {"  ", "password_command names no command"},
	    {"a 'b", "password_command has a quote that does not end"},
	    {"a \"b", "password_command has a quote that does not end"},
	    {"a b\\", "password_command ends in a backslash"},
	    {"a | b", "password_command is run without a shell: quote the |, or write sh -c '...'"},
	    {"a > b", "password_command is run without a shell: quote the >, or write sh -c '...'"},
	    {"~/bin/a",
		"password_command is run without a shell: quote the ~, or write sh -c '...'"},
	    {"a $b", "password_command is run without a shell: quote the $, or write sh -c '...'"},
	    {"a \"$b\"",
		"password_command is run without a shell: quote the $, or write sh -c '...'"},
	    {"a `b`", "password_command is run without a shell: quote the `, or write sh -c '...'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = OK};

		assert_null(words_split("password_command", cases[i].command, &why));
		assert_int_equal(why.code, E_USAGE);
		assert_string_equal(why.words, cases[i].sentence);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_command_is_cut_as_a_shell_would),
	    cmocka_unit_test(what_needs_a_shell_is_refused),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
