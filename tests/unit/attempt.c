#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "attempt.h"
#include "dialogue.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TIMESTAMP "<1896.697170952@dbc.mtview.ca.us>"

static void attempt_freep(struct attempt **a)
{
	attempt_free(*a);
}

/* What the client sends ("C: ...") and the server answers, in turn. */
struct row {
	enum mechanism mechanism;
	const char *script;
	enum attempt_result result;
	bool sent; /* the secret itself has been */
	enum error code;
	const char *words;
};

static void check(const struct row *r)
{
	const struct sasl_plan plan = {
	    .mechanism = r->mechanism,
	    .user = "me",
	    .secret = slice_of("secret"),
	};
	CLEANUP(client_freep) struct client *c = dialogue_begin();
	CLEANUP(attempt_freep) struct attempt *a = NULL;
	enum attempt_result result = ATTEMPT_MORE;
	struct failure why = {0};
	struct slice rest = slice_of(r->script), line;

	assert_int_equal(attempt_create(&a, c, &plan, slice_of(TIMESTAMP), &why), OK);
	while (line = slice_token(&rest, "\n"), line.len > 0) {
		struct slice said = slice_make(line.at + 3, line.len - 3);
		struct reply_status status;

		assert_int_equal(result, ATTEMPT_MORE);
		if (line.at[0] == 'C') {
			dialogue_client_says(c, said);
			continue;
		}
		status = dialogue_server_says(c, said);
		result = attempt_answer(a, c, &status, &why);
	}
	assert_int_equal(client_output(c).len, 0);
	assert_int_equal(result, r->result);
	assert_int_equal(attempt_secret_was_sent(a), r->sent);
	assert_int_equal(why.code, r->code);
	assert_string_equal(why.words, r->words ? r->words : "");
}

#define USER  "C: USER me\nS: +OK\nC: PASS secret\n"
#define APOP  "C: APOP me 3f18b52881e44c0cc6067f46e0ced7bc\n"
#define PLAIN "C: AUTH PLAIN AG1lAHNlY3JldA==\n"
#define BEARER                                                                                     \
	"C: AUTH XOAUTH2\nS: + \nC: dXNlcj1tZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\n"                    \
	"S: + eyJzdGF0dXMiOiI0MDEifQ==\nC: \n" /* {"status":"401"} */

static void each_way_in_has_its_commands(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_USER, USER "S: +OK\n", ATTEMPT_DONE, true},
	    {MECHANISM_USER, "C: USER me\nS: +OK\nC: PASS secret\n", ATTEMPT_MORE, true},
	    {MECHANISM_USER, "C: USER me\n", ATTEMPT_MORE, false},
	    {MECHANISM_APOP, APOP "S: +OK\n", ATTEMPT_DONE, false},
	    {MECHANISM_PLAIN, PLAIN "S: +OK\n", ATTEMPT_DONE, true},
	    {MECHANISM_PLAIN, PLAIN "S: + \nC: AG1lAHNlY3JldA==\nS: +OK\n", ATTEMPT_DONE, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void a_refusal_names_the_way_and_what_was_said(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_USER, "C: USER me\nS: -ERR who?\n", ATTEMPT_REFUSED, false, E_LOGIN,
		"the server refused the login: who?"},
	    {MECHANISM_USER, USER "S: -ERR\n", ATTEMPT_REFUSED, true, E_LOGIN,
		"the server refused the login"},
	    {MECHANISM_USER, USER "S: -ERR [IN-USE] busy\n", ATTEMPT_REFUSED, true, E_LOCKED,
		"another session holds the maildrop: busy"},
	    {MECHANISM_APOP, APOP "S: -ERR no\n", ATTEMPT_REFUSED, false, E_LOGIN,
		"the server refused the login by APOP: no"},
	    {MECHANISM_PLAIN, PLAIN "S: -ERR [SYS/PERM] no\n", ATTEMPT_REFUSED, true, E_REFUSED,
		"the server refused the login: no"},
	    {MECHANISM_XOAUTH2, BEARER "S: -ERR no\n", ATTEMPT_REFUSED, true, E_LOGIN,
		"the server refused the login by XOAUTH2 (status 401): no"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void an_exchange_that_goes_wrong_fails(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_XOAUTH2, BEARER "S: +OK\n", ATTEMPT_FAILED, true, E_PROTOCOL,
		"the server says yes before SASL XOAUTH2 is at its end: "},
	    {MECHANISM_PLAIN, PLAIN "S: + bW9yZQ==\nC: *\nS: +OK\n", ATTEMPT_FAILED, true,
		E_PROTOCOL, "the server does not follow SASL PLAIN: bW9yZQ=="},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void what_no_line_can_carry_is_not_sent(void **state)
{
	char longest[CLIENT_LONGEST_COMMAND + 1];
	static const struct {
		enum mechanism mechanism;
		bool user; /* is too long; else the secret */
		const char *words;
	} cases[] = {
	    {MECHANISM_USER, true,
		"user name or password is too long for USER and PASS, and the server offers no "
		"PLAIN; nothing secret was sent"},
	    {MECHANISM_USER, false,
		"user name or password is too long for USER and PASS, and the server offers no "
		"PLAIN; nothing secret was sent"},
	    {MECHANISM_APOP, true, "user name is too long for APOP; nothing secret was sent"},
	};

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sasl_plan plan = {
		    .mechanism = cases[i].mechanism,
		    .user = cases[i].user ? longest : "me",
		    .secret = slice_of(cases[i].user ? "secret" : longest),
		};
		CLEANUP(client_freep) struct client *c = dialogue_begin();
		struct attempt *a = NULL;
		struct failure why = {0};

		assert_int_equal(attempt_create(&a, c, &plan, slice_of(TIMESTAMP), &why), E_CONFIG);
		assert_string_equal(why.words, cases[i].words);
		assert_null(a);
		assert_int_equal(client_output(c).len, 0);
	}
	attempt_free(NULL);
}

/* Who plans a login has looked for such octets (sendable.h): here they only must not go out. */
static void a_secret_that_no_command_carries_ends_the_attempt(void **state)
{
	const struct sasl_plan plan = {
	    .mechanism = MECHANISM_USER, .user = "me", .secret = slice_of("sec\r\nret")};
	CLEANUP(client_freep) struct client *c = dialogue_begin();
	CLEANUP(attempt_freep) struct attempt *a = NULL;
	struct failure why = {0};
	struct reply_status status;

	assert_int_equal(attempt_create(&a, c, &plan, slice_of(""), &why), OK);
	dialogue_client_says(c, slice_of("USER me"));
	status = dialogue_server_says(c, slice_of("+OK"));
	assert_int_equal(attempt_answer(a, c, &status, &why), ATTEMPT_FAILED);
	assert_int_equal(why.code, E_PROTOCOL);
	assert_false(attempt_secret_was_sent(a));
	assert_int_equal(client_output(c).len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_way_in_has_its_commands),
	    cmocka_unit_test(a_refusal_names_the_way_and_what_was_said),
	    cmocka_unit_test(an_exchange_that_goes_wrong_fails),
	    cmocka_unit_test(what_no_line_can_carry_is_not_sent),
	    cmocka_unit_test(a_secret_that_no_command_carries_ends_the_attempt),
	};

	return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
