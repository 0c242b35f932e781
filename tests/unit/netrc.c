#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "netrc.h"

#define HOST "pop.example.org"
#define USER "me@example.org"

/* Reads the text in two pieces. */
static enum error read_cut(const char *text, size_t cut, struct buf *password, struct failure *why)
{
	CLEANUP(netrc_finish) struct netrc n;

	netrc_init(&n, HOST, USER);
	netrc_feed(&n, slice_make(text, cut));
	netrc_feed(&n, slice_of(text + cut));
	return netrc_end(&n, password, why);
}

static void the_password_of_this_user_on_this_host_is_found_at_every_cut(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"machine pop.example.org login me@example.org password hunter2", "hunter2"},
	    {"machine POP.Example.ORG\n\tlogin me@example.org\n\tpassword hunter2\n", "hunter2"},
	    {"machine pop.example.org\r\nlogin me@example.org\r\npassword hunter2\r\n", "hunter2"},
	    {"machine pop.example.org password hunter2 login me@example.org", "hunter2"},
	    {"machine pop.example.org login me@example.org account x password hunter2 account y",
		"hunter2"},
	    /* whose entry it is */
	    {"machine a login me@example.org password 1\n"
	     "machine pop.example.org login you password 2\n"
	     "machine pop.example.org login me@example.org password hunter2\n"
	     "machine pop.example.org login me@example.org password 3\n",
		"hunter2"},
	    {"machine pop.example.org password hunter2\n", "hunter2"},
	    {"machine a password 1 default login me@example.org password hunter2", "hunter2"},
	    {"machine pop.example.org login you password 1 default password hunter2", "hunter2"},
	    {"machine pop.example.org login me@example.org default password hunter2", "hunter2"},
	    {"default password hunter2 machine pop.example.org password 1", "hunter2"},
	    {"machine me@example.org login pop.example.org password 1 default password hunter2",
		"hunter2"},
	    /* quotes, escapes, comments */
	    {"machine pop.example.org password \"hunter 2\"", "hunter 2"},
	    {"machine pop.example.org password \"hunt\\\"er\\\\2\"", "hunt\"er\\2"},
	    {"machine pop.example.org password hunt\\ er2", "hunt er2"},
	    {"machine pop.example.org password hunt\"er\"2", "hunter2"},
	    {"machine \"pop.example.org\" \"login\" me@example.org password hunter2", "hunter2"},
	    {"machine pop.example.org password #hunter2 # mine", "#hunter2"},
	    {"# machine pop.example.org password 1\nmachine pop.example.org password hunter2",
		"hunter2"},
	    {"#\"\nmachine pop.example.org password hunter2#", "hunter2#"},
	    {"machine pop.example.org password password", "password"},
	    {"machine pop.example.org password gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	    {"machine pop.example.org login you password 1 # \" what follows is a comment\n"
	     "machine pop.example.org password hunter2",
		"hunter2"},
	    /* macros */
	    {"machine a macdef init\nmachine pop.example.org password 1\n\n"
	     "machine pop.example.org password hunter2",
		"hunter2"},
	    {"macdef init\r\nget \"x\r\n\r\nmachine pop.example.org password hunter2", "hunter2"},
	    {"macdef init rest of the line\n\nmachine pop.example.org password hunter2", "hunter2"},
	    {"macdef init\n\nmachine pop.example.org password hunter2", "hunter2"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
			CLEANUP(buf_wipe) struct buf password = {.len = 0};
			struct failure why = {.code = OK};

			if (read_cut(cases[i].text, cut, &password, &why))
				fail_msg("case %zu cut %zu: %s", i, cut, why.words);
			assert_string_equal(buf_text(&password), cases[i].want);
		}
	}
}

static void anything_else_is_a_sentence_without_a_secret(void **state)
{
	static const char none[] = "there is no password of " USER " on " HOST;
	static const struct {
		const char *text, *sentence;
	} cases[] = {
	    {"", none},
	    {"\n\n", none},
	    {"machine a password hunter2", none},
	    {"machine pop.example.org login you password hunter2", none},
	    {"machine pop.example.org login ME@example.org password hunter2", none},
	    {"machine pop.example.org login me@example.org", none},
	    {"password hunter2 login me@example.org", none},
	    {"macdef init\nmachine pop.example.org password hunter2\n", none},
	    {"machine a\nhunter2 b",
		"line 2 has a word that is none of machine, default, login, password, account and "
		"macdef"},
	    {"machine pop.example.org\npassword \"hunter2\n",
		"line 2 has a quote that does not end"},
	    {"machine pop.example.org password \"hunter2", "line 1 has a quote that does not end"},
	    {"machine pop.example.org password hunter2\\", "line 1 has a quote that does not end"},
	    {"machine pop.example.org password", "line 1 ends behind a word that wants another"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
			CLEANUP(buf_wipe) struct buf password = {.len = 0};
			struct failure why = {.code = OK};

			assert_int_equal(read_cut(cases[i].text, cut, &password, &why), E_SECRET);
			assert_string_equal(why.words, cases[i].sentence);
			assert_int_equal(password.len, 0);
		}
	}
}

static void a_word_without_an_end_is_no_netrc(void **state)
{
	CLEANUP(netrc_finish) struct netrc n;
	struct buf password = {.len = 0};
	struct failure why;

	netrc_init(&n, HOST, USER);
	for (int i = 0; i < 100000; i++)
		netrc_feed(&n, slice_of("x"));
	assert_true(n.word.len < 10000);
	assert_int_equal(netrc_end(&n, &password, &why), E_SECRET);
	assert_string_equal(why.words, "line 1 has a word that does not end");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_password_of_this_user_on_this_host_is_found_at_every_cut),
	    cmocka_unit_test(anything_else_is_a_sentence_without_a_secret),
	    cmocka_unit_test(a_word_without_an_end_is_no_netrc),
	};

	return cmocka_run_group_tests_name("netrc", tests, NULL, NULL);
}
