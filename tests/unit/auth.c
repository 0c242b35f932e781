#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "auth.h"
#include "dialogue.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void auth_freep(struct auth **a)
{
	auth_free(*a);
}

/* What the client sends ("C: ...") and the server answers, in turn. */
struct row {
	enum mechanism mechanism;
	const char *script;
	enum auth_result result;
	const char *words; /* of AUTH_FAILED, or of what was said before AUTH_REFUSED */
	bool sent;         /* the secret itself has been */
};

static enum auth_result server_says(
    struct auth *a, struct client *c, struct slice line, struct failure *why)
{
	struct reply_status status = dialogue_server_says(c, line);

	return auth_answer(a, c, &status, why);
}

static void check(const struct row *r)
{
	const struct sasl_plan plan = {.mechanism = r->mechanism,
	    .user = "me",
	    .secret = slice_of("secret"),
	    .host = "h",
	    .port = "1"};
	CLEANUP(client_freep) struct client *c = dialogue_begin();
	CLEANUP(auth_freep) struct auth *a = NULL;
	enum auth_result result = AUTH_MORE;
	struct failure why = {0};
	struct slice rest = slice_of(r->script), line;

	assert_int_equal(auth_create(&a, c, &plan, &why), OK);
	while (line = slice_token(&rest, "\n"), line.len > 0) {
		struct slice said = slice_make(line.at + 3, line.len - 3);

		assert_int_equal(result, AUTH_MORE);
		if (line.at[0] == 'C')
			dialogue_client_says(c, said);
		else
			result = server_says(a, c, said, &why);
	}
	assert_int_equal(client_output(c).len, 0);
	assert_int_equal(result, r->result);
	assert_int_equal(auth_secret_was_sent(a), r->sent);
	if (result == AUTH_FAILED)
		assert_string_equal(why.words, r->words);
	else
		assert_true(slice_is(auth_refusal(a), r->words ? r->words : ""));
}

#define PLAIN    "C: AUTH PLAIN AG1lAHNlY3JldA==\n"
#define RESPONSE "C: AG1lAHNlY3JldA==\n"
#define XOAUTH2  "C: AUTH XOAUTH2\nS: + \nC: dXNlcj1tZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\n"

static void an_exchange_is_lines_to_its_end(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_PLAIN, PLAIN "S: +OK in\n", AUTH_DONE, NULL, true},
	    {MECHANISM_PLAIN, PLAIN "S: + \n" RESPONSE "S: +OK in\n", AUTH_DONE, NULL, true},
	    {MECHANISM_PLAIN, PLAIN "S: -ERR [AUTH] no\n", AUTH_REFUSED, NULL, true},
	    {MECHANISM_PLAIN, PLAIN "S: + \n" RESPONSE "S: + \nC: *\nS: -ERR\n", AUTH_FAILED,
		"the server does not follow SASL PLAIN: ", true},
	    {MECHANISM_PLAIN, PLAIN "S: + bW9yZQ==\nC: *\nS: +OK\n", AUTH_FAILED,
		"the server does not follow SASL PLAIN: bW9yZQ==", true},
	    {MECHANISM_XOAUTH2, XOAUTH2 "S: +OK\n", AUTH_DONE, NULL, true},
	    {MECHANISM_XOAUTH2, XOAUTH2 "S: + eyJhIjoiYiJ9\nC: \nS: -ERR\n", AUTH_REFUSED, "a b",
		true},
	    {MECHANISM_XOAUTH2, "C: AUTH XOAUTH2\nS: +OK\n", AUTH_FAILED,
		"the server says yes before SASL XOAUTH2 is at its end: ", false},
	    {MECHANISM_XOAUTH2, "C: AUTH XOAUTH2\nS: -ERR what?\n", AUTH_REFUSED, NULL, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

#ifdef POP3FS_GSASL
static void what_the_server_begins_waits_for_it(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_LOGIN,
		"C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: bWU=\nS: + UGFzc3dvcmQ6\nC: c2VjcmV0\n"
		"S: +OK\n",
		AUTH_DONE, NULL, true},
	    {MECHANISM_CRAM_MD5, "C: AUTH CRAM-MD5\nS: + !\nC: *\nS: -ERR\n", AUTH_FAILED,
		"the server does not follow SASL CRAM-MD5: !", false},
	    {MECHANISM_EXTERNAL, "C: AUTH EXTERNAL bWU=\nS: +OK\n", AUTH_DONE, NULL, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}
#endif

static void a_long_response_has_a_line_of_its_own(void **state)
{
	char secret[200];
	const struct sasl_plan plan = {.mechanism = MECHANISM_PLAIN,
	    .user = "me",
	    .secret = slice_make(memset(secret, 'x', sizeof(secret)), sizeof(secret))};
	CLEANUP(client_freep) struct client *c = dialogue_begin();
	CLEANUP(auth_freep) struct auth *a = NULL;
	struct failure why = {0};

	assert_int_equal(auth_create(&a, c, &plan, &why), OK);
	dialogue_client_says(c, slice_of("AUTH PLAIN"));
	assert_false(auth_secret_was_sent(a));
	assert_int_equal(server_says(a, c, slice_of("+ go on"), &why), AUTH_MORE);
	assert_true(client_output(c).len > CLIENT_LONGEST_COMMAND);
	assert_true(auth_secret_was_sent(a));
}

static void what_cannot_begin_sends_nothing(void **state)
{
	const struct sasl_plan plan = {
	    .mechanism = MECHANISM_OAUTHBEARER, .user = "me", .secret = slice_of("two words")};
	CLEANUP(client_freep) struct client *c = dialogue_begin();
	struct auth *a = NULL;

	assert_int_equal(auth_create(&a, c, &plan, NULL), E_CONFIG);
	assert_null(a);
	assert_int_equal(client_output(c).len, 0);
	auth_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exchange_is_lines_to_its_end),
#ifdef POP3FS_GSASL
	    cmocka_unit_test(what_the_server_begins_waits_for_it),
#endif
	    cmocka_unit_test(a_long_response_has_a_line_of_its_own),
	    cmocka_unit_test(what_cannot_begin_sends_nothing),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
