#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "buf.h"
#include "dialogue.h"
#include "login.h"

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void login_freep(struct login **l)
{
	login_free(*l);
}

static void secret_freep(struct secret **s)
{
	secret_free(*s);
}

/* A login and the line it talks over, from the server's side. */
struct talk {
	struct client *client;
	struct login *login;
	struct failure why;
	enum login_result result;
	size_t fed; /* octets of the server, so far */
	size_t cut; /* its stream is cut there; 0: behind every octet; SIZE_MAX: nowhere */
};

static void put(struct talk *t, struct slice octets)
{
	size_t room;

	memcpy(client_room(t->client, &room), octets.at, octets.len);
	client_received(t->client, octets.len);
}

/* As the session does it: every answer to the login, until that is at its end. */
static void answer_all(struct talk *t)
{
	struct answer a;
	enum client_result told;

	while (t->result == LOGIN_MORE &&
	       (told = client_next(t->client, &a, &t->why)) != CLIENT_MORE) {
		if (told == CLIENT_BROKEN)
			t->result = LOGIN_FAILED;
		else
			t->result = login_answer(t->login, t->client, &a, &t->why);
	}
}

static void server_says(struct talk *t, struct slice octets)
{
	while (octets.len > 0) {
		size_t piece = octets.len;

		if (t->cut == 0)
			piece = 1;
		else if (t->cut > t->fed && t->cut < t->fed + octets.len)
			piece = t->cut - t->fed;
		put(t, slice_make(octets.at, piece));
		answer_all(t);
		octets = slice_make(octets.at + piece, octets.len - piece);
		t->fed += piece;
	}
}

/* Plays a script: lines of the server ("S: +OK", of which a run comes in one piece), of the client
 * ("C: CAPA"), the handshake ("tls"), and the loss of the line ("closed"). Returns the length of
 * the server's stream. */
static size_t play(struct talk *t, const char *script)
{
	CLEANUP(buf_finish) struct buf run = {0};

	while (*script) {
		size_t len = strcspn(script, "\n");
		CLEANUP(freep) char *line = xstrndup(script, len);

		script += len + (script[len] == '\n');
		if (strncmp(line, "S: ", 3) == 0) {
			buf_printf(&run, "%s\r\n", line + 3);
			if (strncmp(script, "S: ", 3) == 0)
				continue;
			server_says(t, buf_slice(&run));
			buf_clear(&run);
		} else if (strcmp(line, "closed") == 0) {
			assert_int_equal(t->result, LOGIN_MORE);
			failed(&t->why, E_CLOSED, "closed");
			login_lost(t->login, &t->why);
			t->result = LOGIN_FAILED;
		} else if (strncmp(line, "C: ", 3) == 0) {
			dialogue_client_says(t->client, slice_of(line + 3));
		} else {
			assert_string_equal(line, "tls");
			assert_int_equal(t->result, LOGIN_STLS);
			t->result = login_encrypted(t->login, t->client, &t->why);
		}
	}
	assert_int_equal(client_output(t->client).len, 0);
	return t->fed;
}

enum line { ENCRYPTED, STLS, CLEAR, NAKED };

static struct login_plan plan_for(enum line line, const char *user, const struct secret *password)
{
	return (struct login_plan){
	    .user = user,
	    .secret = password,
	    .host = "mail.test",
	    .port = "995",
	    .encrypted = line == ENCRYPTED,
	    .stls = line == STLS,
	    .clear_text = line == CLEAR,
	};
}

struct script {
	enum line line;
	const char *script;
	enum error code; /* OK: logged in */
	const char *words;
	bool secret_was_sent;
	enum reply_code refusal;
	enum mechanism auth;
	const char *secret;       /* NULL: "secret" */
	bool certificate, hidden; /* hidden: done, and the secret did not cross the line */
	int64_t remembered, used; /* the plan's */
	bool kept, learnt;        /* it is remembered still; else whether something is */
	bool unrefused;           /* E_LOGIN without a refusal */
};

static size_t check_script(const struct script *s, size_t cut)
{
	CLEANUP(secret_freep)
	struct secret *password = secret_create(slice_of(s->secret ? s->secret : "secret"));
	struct login_plan plan = plan_for(s->line, "me", password);
	CLEANUP(client_freep) struct client *client = client_create();
	CLEANUP(login_freep) struct login *login = NULL;
	struct talk t = {client, .result = LOGIN_MORE, .cut = cut};
	size_t len;

	plan.auth = s->auth;
	plan.certificate = s->certificate;
	plan.remembered = s->remembered;
	plan.used = s->used;
	t.login = login = login_create(&plan);
	len = play(&t, s->script);
	if (t.result == LOGIN_FAILED)
		login_lost(login, &t.why); /* as talk.c does it, however it failed */

	assert_int_equal(t.result, s->code == OK ? LOGIN_DONE : LOGIN_FAILED);
	assert_int_equal(t.why.code, s->code);
	if (s->words)
		assert_string_equal(t.why.words, s->words);
	assert_int_equal(
	    login_secret_was_sent(login), s->code == OK ? !s->hidden : s->secret_was_sent);
	assert_int_equal(login_refusal(login), s->refusal);
	if (s->remembered) {
		assert_int_equal(login_remembered(login) == s->remembered, s->kept);
		assert_int_equal(login_remembered(login) != 0, s->kept || s->learnt);
		if (s->code == E_LOGIN)
			assert_int_equal(login_was_refused(login), !s->unrefused);
	}
	return len;
}

static void check_scripts(const struct script *scripts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = check_script(&scripts[i], SIZE_MAX);

		for (size_t cut = 0; cut < len; cut++)
			check_script(&scripts[i], cut);
	}
}

#define GREETING "S: +OK hello\nC: CAPA\n"
#define NO_CAPA  GREETING "S: -ERR what?\n"
#define USER_OK  "C: USER me\nS: +OK\nC: PASS secret\n"
#define PLAIN    "C: AUTH PLAIN AG1lAHNlY3JldA==\n"

static void the_login_takes_the_best_way_that_is_offered(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED, NO_CAPA USER_OK "S: +OK\n"},
	    {ENCRYPTED, GREETING "S: +OK\nS: USER\nS: .\n" USER_OK
				 "S: +OK\nC: CAPA\nS: +OK\nS: TOP\nS: .\n"},
	    {ENCRYPTED, GREETING "S: +OK\nS: TOP\nS: .\n" USER_OK "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {ENCRYPTED, GREETING "S: +OK\nS: SASL\nS: .\n" USER_OK "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {ENCRYPTED, GREETING "S: +OK\nS: USER\nS: SASL CRAM-MD5\nS: .\n" USER_OK
				 "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {ENCRYPTED,
		GREETING "S: +OK\nS: SASL LOGIN PLAIN\nS: .\n" PLAIN "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {ENCRYPTED, GREETING "S: +OK\nS: SASL PLAIN\nS: .\n" PLAIN
				 "S: + \nC: AG1lAHNlY3JldA==\nS: +OK\nC: CAPA\nS: -ERR\n"},
	    {CLEAR, NO_CAPA USER_OK "S: +OK\n"},
	    {CLEAR, GREETING "S: +OK\nS: STLS\nS: .\n" USER_OK "S: +OK\nC: CAPA\nS: +OK\nS: .\n"},
	    {STLS, GREETING "S: +OK\nS: STLS\nS: SASL PLAIN\nS: .\nC: STLS\nS: +OK go\ntls\n"
			    "C: CAPA\nS: +OK\nS: USER\nS: .\n" USER_OK
			    "S: +OK\nC: CAPA\nS: +OK\nS: .\n"},
	    {STLS, NO_CAPA "C: STLS\nS: +OK\ntls\nC: CAPA\nS: -ERR\n" USER_OK "S: +OK\n"},
	    {ENCRYPTED, GREETING "S: +OK\nS: UTF8\nS: USER\nS: .\nC: UTF8\nS: +OK\n" USER_OK
				 "S: +OK\nC: CAPA\nS: +OK\nS: UTF8\nS: .\n"},
	    {ENCRYPTED,
		GREETING "S: +OK\nS: UTF8 USER\nS: SASL PLAIN\nS: .\nC: UTF8\nS: -ERR no\n" PLAIN
			 "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {CLEAR, GREETING "S: +OK\nS: UTF8\nS: .\nC: UTF8\nS: -ERR\n" USER_OK
			     "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {STLS,
		GREETING "S: +OK\nS: STLS\nS: UTF8\nS: .\nC: STLS\nS: +OK go\ntls\n"
			 "C: CAPA\nS: +OK\nS: USER\nS: .\n" USER_OK "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {STLS, GREETING "S: +OK\nS: STLS\nS: .\nC: STLS\nS: +OK go\ntls\n"
			    "C: CAPA\nS: +OK\nS: UTF8\nS: .\nC: UTF8\nS: +OK\n" USER_OK
			    "S: +OK\nC: CAPA\nS: -ERR\n"},
	    {STLS, GREETING "S: +OK\nS: STLS\nS: SASL PLAIN\nS: .\nC: STLS\nS: +OK go\ntls\n"
			    "C: CAPA\nS: -ERR\n" USER_OK "S: +OK\n"},
	};

	check_scripts(scripts, COUNT(scripts));
}

static void a_refusal_says_what_it_means(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED, "S: -ERR full\n", E_REFUSED, "the server refused the session: full"},
	    {ENCRYPTED, "S: -ERR [SYS/PERM]\n", E_REFUSED, "the server refused the session", false,
		CODE_SYS_PERM},
	    {ENCRYPTED, "S: -ERR [IN-USE] busy\n", E_LOCKED,
		"another session holds the maildrop: busy", false, CODE_IN_USE},
	    {ENCRYPTED, "S: -ERR [SYS/TEMP] x\n", E_LATER, "the server asks to try again later: x",
		false, CODE_SYS_TEMP},
	    {ENCRYPTED, "S: SSH-2.0\n", E_PROTOCOL,
		"greeting: out of step, neither +OK nor -ERR but: SSH-2.0"},
	    {ENCRYPTED, NO_CAPA "C: USER me\nS: -ERR who?\n", E_LOGIN,
		"the server refused the login: who?"},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR\n", E_LOGIN, "the server refused the login", true},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR [AUTH] wrong\n", E_LOGIN,
		"the server refused the login: wrong", true, CODE_AUTH},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR [SYS/PERM] gone\n", E_REFUSED,
		"the server refused the login: gone", true, CODE_SYS_PERM},
	    {ENCRYPTED, NO_CAPA "C: USER me\nS: -ERR [SYS/PERM] gone\n", E_REFUSED,
		"the server refused the login: gone", false, CODE_SYS_PERM},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR [X] y\n", E_LOGIN,
		"the server refused the login: y", true, CODE_OTHER},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR [IN-USE] busy\n", E_LOCKED,
		"another session holds the maildrop: busy", true, CODE_IN_USE},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR [LOGIN-DELAY 30] wait\n", E_LATER,
		"the server asks to try again later: wait", true, CODE_LOGIN_DELAY},
	    {ENCRYPTED, NO_CAPA USER_OK "S: -ERR [SYS/TEMP]\n", E_LATER,
		"the server asks to try again later", true, CODE_SYS_TEMP},
	    {ENCRYPTED,
		GREETING "S: +OK\nS: SASL PLAIN\nS: USER\nS: .\n" PLAIN "S: -ERR [AUTH] no\n",
		E_LOGIN, "the server refused the login: no", true, CODE_AUTH},
	    {ENCRYPTED, GREETING "S: +OK\nS: SASL PLAIN\nS: .\n" PLAIN "S: -ERR [IN-USE]\n",
		E_LOCKED, NULL, true, CODE_IN_USE},
	    {ENCRYPTED,
		GREETING "S: +OK\nS: SASL PLAIN\nS: .\n" PLAIN
			 "S: + \nC: AG1lAHNlY3JldA==\nS: + more\nC: *\nS: -ERR\n",
		E_PROTOCOL, "the server does not follow SASL PLAIN: more", true},
	    {ENCRYPTED, GREETING "S: +OK\nS: SASL CRAM-MD5\nS: .\n", E_LOGIN,
		"the server offers no login that is taken unasked, only: CRAM-MD5; nothing secret "
		"was sent (auth= asks for one)"},
	};

	check_scripts(scripts, COUNT(scripts));
}

static void no_secret_goes_over_a_line_that_others_can_read(void **state)
{
	static const struct script scripts[] = {
	    {NAKED, NO_CAPA, E_TLS,
		"the line is not encrypted; nothing secret was sent (tls=off accepts that)"},
	    {NAKED, GREETING "S: +OK\nS: STLS\nS: SASL PLAIN\nS: .\n", E_TLS, NULL},
	    {STLS, GREETING "S: +OK\nS: USER\nS: .\n", E_TLS,
		"the server does not offer STLS; nothing secret was sent (try pop3s://, which is "
		"TLS from the start, or tls=off for a line that anybody can read)"},
	    {STLS, NO_CAPA "C: STLS\nS: -ERR what?\n", E_TLS,
		"the server refused STLS; nothing secret was sent (try pop3s://, which is TLS from "
		"the start): what?"},
	    {STLS, GREETING "S: +OK\nS: STLS\nS: .\nC: STLS\nS: -ERR [SYS/TEMP]\n", E_TLS, NULL,
		false, CODE_SYS_TEMP},
	};

	check_scripts(scripts, COUNT(scripts));
}

#define MECHS(words) GREETING "S: +OK\nS: SASL " words "\nS: .\n"
#define DONE         "S: +OK\nC: CAPA\nS: -ERR\n"
/* n,a=me,^Ahost=mail.test^Aport=995^Aauth=Bearer secret^A^A, and XOAUTH2's */
#define BEARER     "bixhPW1lLAFob3N0PW1haWwudGVzdAFwb3J0PTk5NQFhdXRoPUJlYXJlciBzZWNyZXQBAQ=="
#define X_BEARER   "dXNlcj1tZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ=="
#define STATUS_401 "eyJzdGF0dXMiOiI0MDEifQ==" /* {"status":"401"} */

static void what_is_asked_for_goes_as_it_should(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED,
		"S: +OK <1896.697170952@dbc.mtview.ca.us>\nC: CAPA\nS: -ERR\n"
		"C: APOP me 3f18b52881e44c0cc6067f46e0ced7bc\nS: +OK\n",
		.auth = MECHANISM_APOP, .hidden = true},
	    {ENCRYPTED, "S: +OK <1@b\xe4>\nC: CAPA\nS: -ERR\n", E_LOGIN,
		"the greeting has no timestamp that auth=APOP could answer; nothing secret was "
		"sent",
		.auth = MECHANISM_APOP},
	    {ENCRYPTED,
		"S: +OK <1896.697170952@dbc.mtview.ca.us>\nC: CAPA\nS: -ERR\n"
		"C: APOP me 3f18b52881e44c0cc6067f46e0ced7bc\nS: -ERR [AUTH] no\n",
		E_LOGIN, "the server refused the login by APOP: no", false, CODE_AUTH,
		MECHANISM_APOP},
	    {ENCRYPTED, MECHS("OAUTHBEARER") "C: AUTH OAUTHBEARER " BEARER "\n" DONE,
		.auth = MECHANISM_OAUTHBEARER},
	    {ENCRYPTED,
		MECHS("OAUTHBEARER") "C: AUTH OAUTHBEARER " BEARER "\nS: + " STATUS_401
				     "\nC: AQ==\nS: -ERR [AUTH] no\n",
		E_LOGIN, "the server refused the login by OAUTHBEARER (status 401): no", true,
		CODE_AUTH, MECHANISM_OAUTHBEARER},
	    {ENCRYPTED, MECHS("XOAUTH2") "C: AUTH XOAUTH2\nS: + \nC: " X_BEARER "\n" DONE,
		.auth = MECHANISM_XOAUTH2},
	    {ENCRYPTED,
		MECHS("XOAUTH2") "C: AUTH XOAUTH2\nS: + \nC: " X_BEARER "\nS: + " STATUS_401
				 "\nC: \nS: -ERR [AUTH] no\n",
		E_LOGIN, "the server refused the login by XOAUTH2 (status 401): no", true,
		CODE_AUTH, MECHANISM_XOAUTH2},
	    {ENCRYPTED,
		MECHS("XOAUTH2") "C: AUTH XOAUTH2\nS: + \nC: " X_BEARER "\nS: + " STATUS_401
				 "\nC: \nS: +OK\n",
		E_PROTOCOL, "the server says yes before SASL XOAUTH2 is at its end: ", true,
		CODE_NONE, MECHANISM_XOAUTH2},
	    {ENCRYPTED, MECHS("XOAUTH2") "C: AUTH XOAUTH2\nS: +OK\n", E_PROTOCOL, NULL, false,
		CODE_NONE, MECHANISM_XOAUTH2},
	    {ENCRYPTED, MECHS("OAUTHBEARER"), E_CONFIG,
		"the secret is no OAuth token: it has a blank or an octet beyond ASCII", false,
		CODE_NONE, MECHANISM_OAUTHBEARER, "two words"},
	    {ENCRYPTED, MECHS("LOGIN PLAIN"), E_LOGIN,
		"the server does not offer XOAUTH2, but: LOGIN PLAIN; nothing secret was sent",
		false, CODE_NONE, MECHANISM_XOAUTH2},
	    {CLEAR, MECHS("SCRAM-SHA-1-PLUS"), E_CONFIG, NULL, false, CODE_NONE,
		MECHANISM_SCRAM_SHA_1_PLUS},
	};

	check_scripts(scripts, COUNT(scripts));
}

#ifdef POP3FS_GSASL
static void gnu_sasl_s_go_as_they_should(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED, MECHS("LOGIN") "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: bWU=\n"
				       "S: + UGFzc3dvcmQ6\nC: c2VjcmV0\n" DONE},
	    {ENCRYPTED, MECHS("LOGIN") "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: bWU=\nS: +OK\n",
		E_PROTOCOL, "the server says yes before SASL LOGIN is at its end: ", true},
	    {ENCRYPTED, MECHS("EXTERNAL") "C: AUTH EXTERNAL bWU=\n" DONE, .certificate = true,
		.hidden = true},
	    {ENCRYPTED, MECHS("EXTERNAL PLAIN") "C: AUTH EXTERNAL bWU=\nS: -ERR [AUTH] who\n",
		E_LOGIN, "the server refused the login by EXTERNAL: who", false, CODE_AUTH,
		MECHANISM_EXTERNAL, "", true},
	    {ENCRYPTED,
		MECHS("CRAM-MD5") "C: AUTH CRAM-MD5\nS: + PDFAYT4=\n"
				  "C: bWUgMmFiNGE2NjVmMTI5ZWE5MWIwY2ZhY2U4MGMxNDQ3OWI=\n" DONE,
		.auth = MECHANISM_CRAM_MD5, .hidden = true},
	    {ENCRYPTED, MECHS("CRAM-MD5") "C: AUTH CRAM-MD5\nS: + not base64\nC: *\nS: -ERR\n",
		E_PROTOCOL, "the server does not follow SASL CRAM-MD5: not base64", false,
		CODE_NONE, MECHANISM_CRAM_MD5},
	};

	check_scripts(scripts, COUNT(scripts));
}

/* Its nonce is another one each time: only what it answers to a bad server is known before. */
static void a_false_server_is_cancelled_and_counts_as_a_refusal(void **state)
{
	static const struct {
		const char *challenge, *answer, *words;
		bool refused;
	} cases[] = {
	    {"+ ZT1pbnZhbGlkLXByb29m\r\n", "-ERR [AUTH]\r\n",
		"the server refused the login by SCRAM-SHA-256: invalid-proof", true},
	    {"+ ZT1pbnZhbGlkLXByb29m\r\n", "+OK come in\r\n",
		"the server refused the login by SCRAM-SHA-256: invalid-proof", true},
	    {"+ cj1hYmMscz1hYmNkLGk9NDA5Ng==\r\n", "-ERR\r\n", NULL, true},
	    {"+ bm9uc2Vuc2U=\r\n", "-ERR\r\n", NULL, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep) struct secret *password = secret_create(slice_of("secret"));
		const struct login_plan plan = plan_for(ENCRYPTED, "me", password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = login_create(&plan);
		struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

		play(&t, GREETING);
		server_says(&t, slice_of("+OK\r\nSASL SCRAM-SHA-256\r\n.\r\n"));
		assert_int_equal(login_mechanism(login), MECHANISM_SCRAM_SHA_256);
		client_sent(client, client_output(client).len);
		server_says(&t, slice_of(cases[i].challenge));
		dialogue_client_says(client, slice_of("*"));
		assert_int_equal(t.result, LOGIN_MORE);
		server_says(&t, slice_of(cases[i].answer));
		assert_int_equal(t.result, LOGIN_FAILED);
		if (cases[i].words)
			assert_string_equal(t.why.words, cases[i].words);
		assert_int_equal(login_was_refused(login), cases[i].refused);
		assert_int_equal(login_refusal(login), cases[i].refused ? CODE_AUTH : CODE_NONE);
		assert_false(login_secret_was_sent(login));
	}
}

/* With the binding told, and only then; "yes" alone is not believed. */
static void scram_is_bound_where_the_line_is(void **state)
{
	static const struct {
		bool bound;
		const char *said;
	} cases[] = {{false, "AUTH SCRAM-SHA-256 biws"}, {true, "AUTH SCRAM-SHA-256-PLUS cD10"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep) struct secret *password = secret_create(slice_of("secret"));
		const struct login_plan plan = plan_for(STLS, "me", password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = login_create(&plan);
		struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

		play(&t, GREETING "S: +OK\nS: STLS\nS: .\nC: STLS\nS: +OK go\n");
		if (cases[i].bound)
			login_bind(login, (const unsigned char *)X32);
		t.result = login_encrypted(login, client, &t.why);
		dialogue_client_says(client, slice_of("CAPA"));
		server_says(&t, slice_of("+OK\r\nSASL SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n.\r\n"));
		assert_memory_equal(client_output(client).at, cases[i].said, strlen(cases[i].said));
		client_sent(client, client_output(client).len);
		server_says(&t, slice_of("+OK\r\n"));
		assert_int_equal(t.result, LOGIN_FAILED);
		assert_int_equal(t.why.code, E_PROTOCOL);
	}
}
#endif

/* A line that breaks off, or a server that cannot be talked to, has refused nothing. */
static void only_a_no_to_the_login_is_a_refusal(void **state)
{
	static const struct {
		const char *script;
		bool refused;
	} cases[] = {
	    {"S: -ERR [SYS/PERM]\n", false},
	    {"S: -ERR [AUTH]\n", false},
	    {GREETING "S: +OK\nS: SASL CRAM-MD5\nS: .\n", false},
	    {GREETING "S: +OK\nS: SASL PLAIN\nS: .\n" PLAIN "S: -ERR\n", true},
	    {GREETING "S: +OK\nS: SASL PLAIN\nS: .\n" PLAIN "S: hm\n", false},
	    {NO_CAPA "C: USER me\nS: -ERR\n", true},
	    {NO_CAPA USER_OK "S: -ERR [IN-USE]\n", true},
	    {NO_CAPA USER_OK "S: hm\n", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep) struct secret *password = secret_create(slice_of("secret"));
		const struct login_plan plan = plan_for(ENCRYPTED, "me", password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = login_create(&plan);
		struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

		play(&t, cases[i].script);
		assert_int_equal(t.result, LOGIN_FAILED);
		assert_int_equal(login_was_refused(login), cases[i].refused);
	}
}

static void the_greeting_is_kept(void **state)
{
	char longest[LOGIN_GREETING + 100];
	static const struct {
		const char *line, *kept;
	} cases[] = {
	    {"+OK\r\n", ""},
	    {"+OK  WDPop ready for requests from ::1 \r\n", "WDPop ready for requests from ::1"},
	    {"+OK POP3 <1896.697170952@example.org>\r\n", "POP3 <1896.697170952@example.org>"},
	};
	CLEANUP(secret_freep) struct secret *password = secret_create(slice_of("secret"));
	const struct login_plan plan = plan_for(ENCRYPTED, "me", password);

	for (size_t i = 0; i <= COUNT(cases); i++) {
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = login_create(&plan);
		struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

		assert_int_equal(login_greeting(login).len, 0);
		if (i < COUNT(cases)) {
			server_says(&t, slice_of(cases[i].line));
			assert_true(slice_is(login_greeting(login), cases[i].kept));
			continue;
		}
		memset(longest, 'x', sizeof(longest));
		server_says(&t, slice_of("+OK "));
		server_says(&t, slice_make(longest, sizeof(longest)));
		server_says(&t, slice_of("\r\n"));
		assert_int_equal(login_greeting(login).len, LOGIN_GREETING);
	}
}

/* In one piece only: what comes later is ciphertext to the handshake. */
static void octets_injected_before_the_handshake_end_it(void **state)
{
	static const struct script scripts[] = {
	    {STLS, GREETING "S: +OK\nS: STLS\nS: .\nC: STLS\nS: +OK\nS: +OK\n", E_TLS,
		"octets injected before the handshake of STLS; nothing secret was sent"},
	    {ENCRYPTED, "S: +OK\nS: +OK\n", E_PROTOCOL, "the server sent an unasked line: +OK"},
	};

	for (size_t i = 0; i < COUNT(scripts); i++)
		check_script(&scripts[i], SIZE_MAX);
}

static void what_the_server_announced_last_counts(void **state)
{
	static const struct {
		const char *script;
		bool known, top, uidl;
	} cases[] = {
	    {NO_CAPA USER_OK "S: +OK\n", false, false, false},
	    {GREETING "S: +OK\nS: TOP\nS: .\n" USER_OK "S: +OK\nC: CAPA\nS: +OK\nS: UIDL\nS: .\n",
		true, false, true},
	    {GREETING "S: +OK\nS: TOP\nS: .\n" USER_OK "S: +OK\nC: CAPA\nS: -ERR\n", true, true,
		false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep) struct secret *password = secret_create(slice_of("secret"));
		const struct login_plan plan = plan_for(ENCRYPTED, "me", password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = login_create(&plan);
		struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

		play(&t, cases[i].script);
		assert_int_equal(t.result, LOGIN_DONE);
		assert_int_equal(login_capabilities(login)->known, cases[i].known);
		assert_int_equal(login_capabilities(login)->top, cases[i].top);
		assert_int_equal(login_capabilities(login)->uidl, cases[i].uidl);
	}
}

/* What was announced when it was remembered: "SASL PLAIN" before the login, and behind it TOP. The
 * numbers are of remembered.h. */
#define REMEMBERED(line, ways) ((INT64_C(line) << 40) + (INT64_C(1) << 34) + (ways))
#define HAD(mechanism)         MECHANISM_BIT(MECHANISM_##mechanism)
#define HELLO                  "S: +OK hello\n"
#define BEHIND                 "C: CAPA\nS: +OK\nS: TOP\nS: .\n"
#define WAYS(words)            "C: CAPA\nS: +OK\nS: SASL " words "\nS: .\n"

static void by_memory_the_login_comes_first(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED, HELLO PLAIN "S: +OK\n" BEHIND, .remembered = REMEMBERED(1, HAD(PLAIN)),
		.used = HAD(PLAIN), .kept = true},
	    {CLEAR, HELLO PLAIN "S: +OK\n" BEHIND, .remembered = REMEMBERED(3, HAD(PLAIN)),
		.used = HAD(PLAIN), .kept = true},
	    {ENCRYPTED, HELLO USER_OK "S: +OK\n" BEHIND, .remembered = REMEMBERED(1, HAD(USER)),
		.used = HAD(USER), .kept = true},
	    {STLS, HELLO "C: STLS\nS: +OK go\ntls\n" PLAIN "S: +OK\n" BEHIND,
		.remembered = REMEMBERED(2, HAD(PLAIN)), .used = HAD(PLAIN), .kept = true},
	    {ENCRYPTED, HELLO "C: UTF8\nS: +OK\n" PLAIN "S: +OK\n" BEHIND,
		.remembered = REMEMBERED(1, HAD(PLAIN)) + (INT64_C(1) << 32), .used = HAD(PLAIN),
		.kept = true},
	    /* what the server says behind it is not what was remembered */
	    {ENCRYPTED, HELLO PLAIN "S: +OK\nC: CAPA\nS: +OK\nS: .\n",
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED,
		HELLO PLAIN "S: +OK\nC: CAPA\nS: +OK\nS: TOP\nS: SASL PLAIN SCRAM-SHA-256\nS: .\n",
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED, HELLO PLAIN "S: +OK\nC: CAPA\nS: -ERR what?\n",
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	};

	check_scripts(scripts, COUNT(scripts));
}

static void what_memory_does_not_fit_is_asked_first(void **state)
{
	static const struct script scripts[] = {
	    /* it was heard on another kind of line */
	    {ENCRYPTED, HELLO WAYS("PLAIN") PLAIN "S: +OK\n" BEHIND,
		.remembered = REMEMBERED(2, HAD(PLAIN)), .used = HAD(PLAIN), .learnt = true},
	    {STLS,
		HELLO "C: CAPA\nS: +OK\nS: STLS\nS: .\nC: STLS\nS: +OK\ntls\n" WAYS("PLAIN") PLAIN
		"S: +OK\n" BEHIND,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN), .learnt = true},
	    /* no login went that way yet, or a stronger one was taken since */
	    {ENCRYPTED, HELLO WAYS("PLAIN") PLAIN "S: +OK\n" BEHIND,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(USER), .kept = true},
	    {ENCRYPTED, HELLO WAYS("PLAIN"), E_LOGIN, .refusal = CODE_NONE,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN) | HAD(EXTERNAL),
		.certificate = true, .unrefused = true},
	    /* another one is asked for */
	    {ENCRYPTED,
		HELLO WAYS("XOAUTH2") "C: AUTH XOAUTH2\nS: + \nC: " X_BEARER "\nS: +OK\n" BEHIND,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN),
		.auth = MECHANISM_XOAUTH2, .learnt = true},
	    /* the greeting is a refusal: that says nothing about CAPA */
	    {ENCRYPTED, "S: -ERR [IN-USE] busy\n", E_LOCKED, .refusal = CODE_IN_USE,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN), .kept = true},
	};

	check_scripts(scripts, COUNT(scripts));
}

/* Accounts get locked: the secret is sent again only where it was not what was refused. */
static void a_refusal_by_memory_is_one_if_the_way_is_there_still(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED, HELLO PLAIN "S: -ERR wrong\n" WAYS("LOGIN PLAIN"), E_LOGIN,
		"the server refused the login: wrong", true,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED, HELLO PLAIN "S: -ERR [AUTH] wrong\n", E_LOGIN,
		"the server refused the login: wrong", true, CODE_AUTH,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED, HELLO PLAIN "S: -ERR [IN-USE] busy\n", E_LOCKED, NULL, true, CODE_IN_USE,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED, HELLO PLAIN "S: -ERR [X] y\n" WAYS("PLAIN"), E_LOGIN,
		"the server refused the login: y", true, CODE_OTHER,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    /* CAPA tells nothing any more */
	    {ENCRYPTED, HELLO PLAIN "S: -ERR wrong\nC: CAPA\nS: -ERR what?\n", E_LOGIN,
		"the server refused the login: wrong", true,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED, HELLO PLAIN "S: -ERR wrong\nC: CAPA\nclosed\n", E_LOGIN,
		"the server refused the login: wrong", true,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {ENCRYPTED, HELLO "C: USER me\nS: -ERR who?\nC: CAPA\nS: +OK\nS: USER\nS: .\n", E_LOGIN,
		"the server refused the login: who?", .remembered = REMEMBERED(1, HAD(USER)),
		.used = HAD(USER)},
	    {ENCRYPTED, HELLO USER_OK "S: -ERR wrong\nC: CAPA\nS: +OK\nS: USER\nS: .\n", E_LOGIN,
		"the server refused the login: wrong", true, .remembered = REMEMBERED(1, HAD(USER)),
		.used = HAD(USER)},
	    /* it closed, and said nothing: as without a memory */
	    {ENCRYPTED, HELLO PLAIN "closed\n", E_CLOSED, "closed", true,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN)},
	};

	check_scripts(scripts, COUNT(scripts));
}

static void a_way_that_is_gone_makes_room_for_another(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED,
		HELLO PLAIN
		"S: -ERR what?\nC: CAPA\nS: +OK\nS: USER\nS: SASL X-OURS\nS: .\n" USER_OK
		"S: +OK\n" BEHIND,
		.remembered = REMEMBERED(1, HAD(PLAIN)), .used = HAD(PLAIN), .learnt = true},
	    {ENCRYPTED, HELLO USER_OK "S: -ERR no\n" WAYS("PLAIN") PLAIN "S: +OK\n" BEHIND,
		.remembered = REMEMBERED(1, HAD(USER)), .used = HAD(USER), .learnt = true},
	    /* and the other is refused */
	    {ENCRYPTED, HELLO USER_OK "S: -ERR no\n" WAYS("PLAIN") PLAIN "S: -ERR wrong\n", E_LOGIN,
		"the server refused the login: wrong", true, .remembered = REMEMBERED(1, HAD(USER)),
		.used = HAD(USER)},
	    /* there is no other, and the secret has been sent */
	    {ENCRYPTED, HELLO PLAIN "S: -ERR no\n" WAYS("X-OURS"), E_LOGIN,
		"the server refused the login: no", true, .remembered = REMEMBERED(1, HAD(PLAIN)),
		.used = HAD(PLAIN)},
	    /* the server has no STLS any more: nothing secret goes out */
	    {STLS, HELLO "C: STLS\nS: -ERR no\n" WAYS("PLAIN"), E_TLS,
		"the server does not offer STLS; nothing secret was sent (try pop3s://, which is "
		"TLS from the start, or tls=off for a line that anybody can read)",
		.remembered = REMEMBERED(2, HAD(PLAIN)), .used = HAD(PLAIN)},
	    {STLS,
		HELLO "C: STLS\nS: -ERR no\nC: CAPA\nS: +OK\nS: STLS\nS: .\nC: STLS\nS: -ERR no\n",
		E_TLS, NULL, .remembered = REMEMBERED(2, HAD(PLAIN)), .used = HAD(PLAIN)},
	};

	check_scripts(scripts, COUNT(scripts));
}

#ifdef POP3FS_GSASL
/* Whoever took the place of the server, or came in between, offers what would give him the secret.
 */
static void a_weaker_way_is_not_taken_in_the_place_of_the_remembered_one(void **state)
{
	static const struct script scripts[] = {
	    {ENCRYPTED, HELLO "C: AUTH EXTERNAL bWU=\nS: -ERR what?\n" WAYS("PLAIN"), E_LOGIN,
		"the server took EXTERNAL before and now offers nothing better than PLAIN: "
		"somebody may be in between; nothing secret was sent (auth=PLAIN logs in all the "
		"same)",
		.remembered = REMEMBERED(1, HAD(EXTERNAL) | HAD(PLAIN)), .used = HAD(EXTERNAL),
		.certificate = true, .unrefused = true},
	    /* and of what was announced the strongest is taken, as ever */
	    {ENCRYPTED, HELLO "C: AUTH EXTERNAL bWU=\nS: -ERR who?\n" WAYS("EXTERNAL PLAIN"),
		E_LOGIN, "the server refused the login by EXTERNAL: who?",
		.remembered = REMEMBERED(1, HAD(EXTERNAL) | HAD(PLAIN)),
		.used = HAD(EXTERNAL) | HAD(PLAIN), .certificate = true},
	};

	check_scripts(scripts, COUNT(scripts));
}
#endif

/* Of a server that will not say any more what it does at QUIT the worst is believed. */
static void without_a_word_behind_it_a_login_by_memory_spares_what_is_read(void **state)
{
	static const struct {
		int64_t remembered;
		const char *script;
		bool expire;
	} cases[] = {
	    {REMEMBERED(1, HAD(PLAIN)), HELLO PLAIN "S: +OK\nC: CAPA\nS: -ERR\n", true},
	    {REMEMBERED(1, HAD(PLAIN)), HELLO PLAIN "S: +OK\n" BEHIND, false},
	    {0, HELLO WAYS("PLAIN") PLAIN "S: +OK\nC: CAPA\nS: -ERR\n", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep) struct secret *password = secret_create(slice_of("secret"));
		struct login_plan plan = plan_for(ENCRYPTED, "me", password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = NULL;
		struct talk t = {client, .result = LOGIN_MORE, .cut = SIZE_MAX};

		plan.remembered = cases[i].remembered;
		plan.used = HAD(PLAIN);
		t.login = login = login_create(&plan);
		play(&t, cases[i].script);
		assert_int_equal(t.result, LOGIN_DONE);
		assert_int_equal(login_capabilities(login)->expire, cases[i].expire);
		assert_int_equal(login_capabilities(login)->expire_days, 0);
	}
}

#define X50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50
#define HUGE 8191 /* octets, which are too many with a user's two */

static void credentials_that_cannot_be_sent_are_refused_before(void **state)
{
	static char huge[HUGE];
	const struct {
		const char *user, *script, *words;
		struct slice password;
		enum mechanism auth;
	} cases[] = {
	    {"", "S: +OK\n", "no user name to log in with", {"x", 1}},
	    {"m\ne", "S: +OK\n", "the user name holds a control character", {"x", 1}},
	    {"m\x7f", "S: +OK\n", "the user name holds a control character", {"x", 1}},
	    {"me", "S: +OK\n", "the password is empty", {"", 0}},
	    {"me", "S: +OK\n", "the password holds a control character (a line end, perhaps)",
		{"x\n", 2}},
	    {"me", "S: +OK\n", "the password holds a control character (a line end, perhaps)",
		{"x\0y", 3}},
	    {"me", NO_CAPA,
		"user name or password is too long for USER and PASS, and the server offers no "
		"PLAIN; nothing secret was sent",
		{X200 X50, 250}},
	    {"me", "S: +OK\n", "user name and password have more than 8192 octets", {huge, HUGE}},
	    {X200 X50, NO_CAPA,
		"user name or password is too long for USER and PASS, and the server offers no "
		"PLAIN; nothing secret was sent",
		{"x", 1}},
	    {X200 X50, "S: +OK <1.2@mail.test>\nC: CAPA\nS: -ERR what?\n",
		"user name is too long for APOP; nothing secret was sent", {"x", 1},
		MECHANISM_APOP},
	};

	memset(huge, 'x', sizeof(huge));
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep) struct secret *password = secret_create(cases[i].password);
		struct login_plan plan = plan_for(ENCRYPTED, cases[i].user, password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = NULL;
		struct talk t = {client, .result = LOGIN_MORE, .cut = SIZE_MAX};

		plan.auth = cases[i].auth;
		t.login = login = login_create(&plan);
		play(&t, cases[i].script);
		assert_int_equal(t.result, LOGIN_FAILED);
		assert_int_equal(t.why.code, E_CONFIG);
		assert_string_equal(t.why.words, cases[i].words);
		assert_false(login_secret_was_sent(login));
	}
}

/* A line has room for 242 octets of base64 behind "AUTH PLAIN ", and so for 180 of the response. */
static void a_response_goes_with_auth_where_the_line_has_room(void **state)
{
	static const struct {
		size_t password;
		bool with_auth;
	} cases[] = {{1, true}, {176, true}, {177, false}, {8190, false}};
	char filler[8190];

	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(secret_freep)
		struct secret *password = secret_create(slice_make(filler, cases[i].password));
		const struct login_plan plan = plan_for(ENCRYPTED, "me", password);
		CLEANUP(client_freep) struct client *client = client_create();
		CLEANUP(login_freep) struct login *login = login_create(&plan);
		struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

		play(&t, GREETING);
		server_says(&t, slice_of("+OK\r\nSASL PLAIN\r\n.\r\n"));
		assert_int_equal(login_secret_was_sent(login), cases[i].with_auth);
		if (!cases[i].with_auth) {
			dialogue_client_says(client, slice_of("AUTH PLAIN"));
			server_says(&t, slice_of("+ \r\n"));
		}
		assert_true(login_secret_was_sent(login));
		assert_true(client_output(client).len > cases[i].password);
		client_sent(client, client_output(client).len);
		server_says(&t, slice_of("+OK\r\n"));
		dialogue_client_says(client, slice_of("CAPA"));
		server_says(&t, slice_of("-ERR\r\n"));
		assert_int_equal(t.result, LOGIN_DONE);
	}
}

static void an_early_yes_is_not_believed(void **state)
{
	char filler[200];
	CLEANUP(secret_freep)
	struct secret *password =
	    secret_create(slice_make(memset(filler, 'x', sizeof(filler)), sizeof(filler)));
	const struct login_plan plan = plan_for(ENCRYPTED, "me", password);
	CLEANUP(client_freep) struct client *client = client_create();
	CLEANUP(login_freep) struct login *login = login_create(&plan);
	struct talk t = {client, login, .result = LOGIN_MORE, .cut = SIZE_MAX};

	play(&t, GREETING "S: +OK\nS: SASL PLAIN\nS: .\nC: AUTH PLAIN\nS: +OK in\n");
	assert_int_equal(t.result, LOGIN_FAILED);
	assert_int_equal(t.why.code, E_PROTOCOL);
	assert_false(login_secret_was_sent(login));
}

static void no_login_is_freed_like_one(void **state)
{
	login_free(NULL);
	client_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_login_takes_the_best_way_that_is_offered),
	    cmocka_unit_test(a_refusal_says_what_it_means),
	    cmocka_unit_test(what_is_asked_for_goes_as_it_should),
#ifdef POP3FS_GSASL
	    cmocka_unit_test(gnu_sasl_s_go_as_they_should),
	    cmocka_unit_test(a_false_server_is_cancelled_and_counts_as_a_refusal),
	    cmocka_unit_test(scram_is_bound_where_the_line_is),
#endif
	    cmocka_unit_test(only_a_no_to_the_login_is_a_refusal),
	    cmocka_unit_test(the_greeting_is_kept),
	    cmocka_unit_test(no_secret_goes_over_a_line_that_others_can_read),
	    cmocka_unit_test(octets_injected_before_the_handshake_end_it),
	    cmocka_unit_test(what_the_server_announced_last_counts),
	    cmocka_unit_test(by_memory_the_login_comes_first),
	    cmocka_unit_test(what_memory_does_not_fit_is_asked_first),
	    cmocka_unit_test(a_refusal_by_memory_is_one_if_the_way_is_there_still),
	    cmocka_unit_test(a_way_that_is_gone_makes_room_for_another),
#ifdef POP3FS_GSASL
	    cmocka_unit_test(a_weaker_way_is_not_taken_in_the_place_of_the_remembered_one),
#endif
	    cmocka_unit_test(without_a_word_behind_it_a_login_by_memory_spares_what_is_read),
	    cmocka_unit_test(credentials_that_cannot_be_sent_are_refused_before),
	    cmocka_unit_test(a_response_goes_with_auth_where_the_line_has_room),
	    cmocka_unit_test(an_early_yes_is_not_believed),
	    cmocka_unit_test(no_login_is_freed_like_one),
	};

	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
