#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "sendable.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void what_no_line_could_carry_is_refused_in_words(void **state)
{
	static const struct {
		const char *user, *secret;
		bool is_token;
		enum mechanism auth;
		const char *words; /* NULL: it can be sent */
	} cases[] = {
	    {"me", "secret"},
	    {"me@example.org", "\xc3\xa9 and blanks", true},
	    {"", "secret", .words = "no user name to log in with"},
	    {"m\re", "secret", .words = "the user name holds a control character"},
	    {"me", "", .words = "the password is empty"},
	    {"me", "", true, .words = "the token is empty"},
	    {"me", "", .auth = MECHANISM_XOAUTH2, .words = "the token is empty"},
	    {"me", "", .auth = MECHANISM_EXTERNAL},
	    {"me", "two\n",
		.words = "the password holds a control character (a line end, perhaps)"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct secret *secret = secret_create(slice_of(cases[i].secret));
		const struct login_plan plan = {
		    .user = cases[i].user,
		    .secret = secret,
		    .is_token = cases[i].is_token,
		    .auth = cases[i].auth,
		};
		struct failure why = {0};

		assert_int_equal(sendable_check(&plan, &why), cases[i].words ? E_CONFIG : OK);
		if (cases[i].words)
			assert_string_equal(why.words, cases[i].words);
		secret_free(secret);
	}
}

static void user_and_secret_have_a_bound_together(void **state)
{
	enum { MOST = 8192 };
	CLEANUP(freep) char *octets = xasprintf("%0*d", MOST, 0);

	for (size_t over = 0; over < 2; over++) {
		struct secret *secret = secret_create(slice_make(octets, MOST - 2 + over));
		const struct login_plan plan = {.user = "me", .secret = secret};
		struct failure why;

		assert_int_equal(sendable_check(&plan, &why), over ? E_CONFIG : OK);
		secret_free(secret);
	}
}

static void a_token_is_one_by_its_source_or_by_what_it_is_for(void **state)
{
	assert_false(sendable_is_token(&(struct login_plan){.auth = MECHANISM_PLAIN}));
	assert_true(sendable_is_token(&(struct login_plan){.is_token = true}));
	assert_true(sendable_is_token(&(struct login_plan){.auth = MECHANISM_OAUTHBEARER}));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_no_line_could_carry_is_refused_in_words),
	    cmocka_unit_test(user_and_secret_have_a_bound_together),
	    cmocka_unit_test(a_token_is_one_by_its_source_or_by_what_it_is_for),
	};

	return cmocka_run_group_tests_name("sendable", tests, NULL, NULL);
}
