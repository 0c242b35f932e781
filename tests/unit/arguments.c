#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arguments.h"

#define MOST 8 /* words in a row */

static enum error parse(
    struct arguments *a, struct options *o, const char *const *words, struct failure *why)
{
	char *argv[MOST + 2] = {(char *)"pop3fs"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	options_init(o);
	return arguments_parse(a, o, argc, argv, why);
}

static void options_and_words_stand_in_any_order(void **state)
{
	static const struct {
		const char *words[MOST + 1];
		bool foreground, debug, read_only;
		int64_t idle;
	} cases[] = {
	    {{"me@host", "mnt"}, false, false, false, 30},
	    {{"-f", "me@host", "mnt"}, true, false, false, 30},
	    {{"me@host", "mnt", "-f"}, true, false, false, 30},
	    {{"me@host", "-fd", "mnt"}, true, true, false, 30},
	    {{"-o", "ro", "me@host", "mnt"}, false, false, true, 30},
	    {{"-oro,idle=5", "me@host", "mnt"}, false, false, true, 5},
	    {{"-fo", "ro,idle=1m", "me@host", "mnt"}, true, false, true, 60},
	    {{"me@host", "mnt", "-o", "ro", "-o", "idle=5"}, false, false, true, 5},
	    {{"-o", ",ro,,idle=5,", "me@host", "mnt"}, false, false, true, 5},
	    {{"-o", "", "me@host", "mnt"}, false, false, false, 30},
	    {{"--ro", "--idle=5", "me@host", "mnt"}, false, false, true, 5},
	    {{"--idle", "5", "me@host", "mnt", "--foreground"}, true, false, false, 5},
	    {{"--idle", "5", "--", "me@host", "mnt"}, false, false, false, 5},
	    {{"-f", "me@host", "--", "mnt"}, true, false, false, 30},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arguments a;
		struct options o;

		assert_int_equal(parse(&a, &o, cases[i].words, NULL), OK);
		assert_int_equal(a.count, 2);
		assert_string_equal(a.words[0], "me@host");
		assert_string_equal(a.words[1], "mnt");
		assert_int_equal(o.foreground, cases[i].foreground);
		assert_int_equal(o.debug, cases[i].debug);
		assert_int_equal(o.read_only, cases[i].read_only);
		assert_int_equal(o.idle, cases[i].idle);
		options_finish(&o);
	}
}

static void behind_two_dashes_all_are_words(void **state)
{
	static const char *const words[] = {"--", "-f", "--", "-", NULL};
	struct arguments a;
	struct options o;

	assert_int_equal(parse(&a, &o, words, NULL), OK);
	assert_int_equal(a.count, 3);
	assert_string_equal(a.words[0], "-f");
	assert_string_equal(a.words[1], "--");
	assert_string_equal(a.words[2], "-");
	assert_false(o.foreground);
	options_finish(&o);
}

static void commas_and_backslashes_in_values_are_escaped(void **state)
{
	static const struct {
		const char *list, *want;
	} cases[] = {
	    {"ca=/a\\,b,ro", "/a,b"},
	    {"ca=/a\\\\,ro", "/a\\"},
	    {"ro,ca=/a\\\\\\,b", "/a\\,b"},
	    {"ro,ca=/a=b", "/a=b"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const words[] = {"-o", cases[i].list, NULL};
		struct arguments a;
		struct options o;

		assert_int_equal(parse(&a, &o, words, NULL), OK);
		assert_string_equal(o.ca, cases[i].want);
		assert_true(o.read_only);
		options_finish(&o);
	}
}

static void dashes_stand_for_underscores_in_long_names(void **state)
{
	static const char *const words[] = {"--password-file=/a-b", "--commit_timeout", "7", NULL};
	struct arguments a;
	struct options o;

	assert_int_equal(parse(&a, &o, words, NULL), OK);
	assert_string_equal(o.password_file, "/a-b");
	assert_int_equal(o.commit_timeout, 7);
	options_finish(&o);
}

static void nothing_counts_behind_help(void **state)
{
	static const char *const words[] = {"-h", "--nonsense", NULL};
	struct arguments a;
	struct options o;

	assert_int_equal(parse(&a, &o, words, NULL), OK);
	assert_true(o.help);
	options_finish(&o);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *words[MOST + 1];
		const char *sentence;
	} cases[] = {
	    {{"-x"}, "unknown option -x: pop3fs --help lists all"},
	    {{"-fx"}, "unknown option -x: pop3fs --help lists all"},
	    {{"--nonsense"}, "unknown option --nonsense: pop3fs --help lists all"},
	    {{"--nonsense=5"}, "unknown option --nonsense: pop3fs --help lists all"},
	    {{"--=5"}, "unknown option --: pop3fs --help lists all"},
	    {{"-o", "nonsense=5"}, "unknown option nonsense: pop3fs --help lists all"},
	    {{"-o", "=5"}, "unknown option : pop3fs --help lists all"},
	    {{"-o"}, "-o needs a value: -o NAME=VALUE,..."},
	    {{"-fo"}, "-o needs a value: -o NAME=VALUE,..."},
	    {{"--idle"}, "idle needs a value: idle=TIME"},
	    {{"-o", "idle"}, "idle needs a value: idle=TIME"},
	    {{"-o", "idle="}, "idle needs a value: idle=TIME"},
	    {{"--idle="}, "idle needs a value: idle=TIME"},
	    {{"--ro=1"}, "ro takes no value"},
	    {{"-o", "ro="}, "ro takes no value"},
	    {{"-o", "ro", "--ro"}, "ro is given twice"},
	    {{"-f", "--foreground"}, "foreground is given twice"},
	    {{"-o", "debug"}, "debug is not for -o: write --debug"},
	    {{"-o", "ca=\\x"}, "a backslash in -o stands before a comma or another backslash"},
	    {{"-o", "ca=x\\"}, "a backslash in -o stands before a comma or another backslash"},
	    {{"-o", "ca=a\tb"}, "ca has a control character in its value"},
	    {{"-o", "password=hunter2"},
		"a password does not belong on a command line, where all can read it: use "
		"password_command= or password_file="},
	    {{"--password", "hunter2"},
		"a password does not belong on a command line, where all can read it: use "
		"password_command= or password_file="},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = OK};
		struct arguments a;
		struct options o;

		assert_int_equal(parse(&a, &o, cases[i].words, &why), E_USAGE);
		assert_string_equal(why.words, cases[i].sentence);
		options_finish(&o);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_and_words_stand_in_any_order),
	    cmocka_unit_test(behind_two_dashes_all_are_words),
	    cmocka_unit_test(commas_and_backslashes_in_values_are_escaped),
	    cmocka_unit_test(dashes_stand_for_underscores_in_long_names),
	    cmocka_unit_test(nothing_counts_behind_help),
	    cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
