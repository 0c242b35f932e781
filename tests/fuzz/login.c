/* login.h: the first octet says how one logs in, the others are what the server says, a line each
 * time the client waits, once to a login that knows nothing of it and once to one that remembers
 * what CAPA said. Nothing but CAPA and STLS goes out on a line that is not safe; every login comes
 * to an end, and a failed one says why, and leaves no memory. */
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "login.h"
#include "fuzz.h"
#include "remembered.h"

#define PASSWORD "sesame-42"

/* How safe the line is. */
enum line { ENCRYPTED, STLS, CLEAR, NAKED, LINES };

static const enum mechanism ways[] = {MECHANISM_AUTO, MECHANISM_USER, MECHANISM_APOP,
    MECHANISM_PLAIN, MECHANISM_LOGIN, MECHANISM_CRAM_MD5, MECHANISM_SCRAM_SHA_256,
    MECHANISM_EXTERNAL, MECHANISM_OAUTHBEARER, MECHANISM_XOAUTH2};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

struct talk {
	struct client *client;
	struct login *login;
	struct failure why;
	enum login_result result;
	bool safe, revealed;
};

static void talk_finish(struct talk *t)
{
	client_free(t->client);
	login_free(t->login);
}

/* What was sent is looked at line by line. */
static void look(struct talk *t)
{
	struct slice rest = client_output(t->client), line;

	must(rest.len == 0 || rest.at[rest.len - 1] == '\n');
	if (rest.len > 0 && memmem(rest.at, rest.len, PASSWORD, strlen(PASSWORD)))
		t->revealed = true;
	while (fuzz_line(&rest, &line)) {
		must(line.len > 0 && line.len < CLIENT_LONGEST_STEP);
		must(line.at[line.len - 1] == '\r');
		line.len--;
		must(!slice_has_control(line));
		must(t->safe || slice_is(line, "CAPA") || slice_is(line, "STLS"));
	}
	client_sent(t->client, client_output(t->client).len);
	must(!t->revealed || (t->safe && login_secret_was_sent(t->login)));
}

static void answer_all(struct talk *t)
{
	enum client_result told = CLIENT_ANSWER;
	struct answer a;

	while (t->result == LOGIN_MORE && told == CLIENT_ANSWER) {
		told = client_next(t->client, &a, &t->why);
		if (told == CLIENT_ANSWER)
			t->result = login_answer(t->login, t->client, &a, &t->why);
		else if (told == CLIENT_BROKEN)
			t->result = LOGIN_FAILED;
	}
	look(t);
}

/* The handshake is imagined. */
static void handshake(struct talk *t)
{
	static const unsigned char binding[LOGIN_BINDING] = {1, 2, 3};

	must(!t->safe);
	t->safe = true;
	login_bind(t->login, binding);
	t->result = login_encrypted(t->login, t->client, &t->why);
	look(t);
}

static void server_says(struct talk *t, struct slice line)
{
	size_t room;
	char *to = client_room(t->client, &room);

	if (line.len + 1 > room)
		line.len = room - 1;
	if (line.len > 0)
		memcpy(to, line.at, line.len);
	to[line.len] = '\n';
	client_received(t->client, line.len + 1);
	answer_all(t);
	if (t->result == LOGIN_STLS)
		handshake(t);
}

static void log_in(const struct login_plan *plan, struct slice server)
{
	CLEANUP(talk_finish)
	struct talk t = {.client = client_create(),
	    .login = login_create(plan),
	    .result = LOGIN_MORE,
	    .safe = plan->encrypted || plan->clear_text};
	struct slice line;

	while (t.result == LOGIN_MORE && fuzz_line(&server, &line))
		server_says(&t, line);
	must(t.result != LOGIN_FAILED || (t.why.code != OK && t.why.words[0]));
	must(t.result != LOGIN_DONE || (t.safe && login_mechanism(t.login) != MECHANISM_AUTO));
	must(t.result != LOGIN_DONE || plan->auth == MECHANISM_AUTO ||
	     login_mechanism(t.login) == plan->auth);
	must(login_greeting(t.login).len <= LOGIN_GREETING);
	if (t.result == LOGIN_FAILED) {
		login_lost(t.login, &t.why);
		must(t.why.code != OK && t.why.words[0]);
		must(login_remembered(t.login) == 0 || login_mechanism(t.login) == MECHANISM_AUTO);
	}
}

/* All ways in by a password or a token. */
static int64_t memory(enum line line)
{
	static const enum remembered_line lines[LINES] = {
	    REMEMBERED_TLS, REMEMBERED_STLS, REMEMBERED_CLEAR, REMEMBERED_CLEAR};
	struct capabilities c = {.known = true, .user = true, .utf8 = true, .pipelining = true};

	capabilities_line(&c, slice_of("SASL PLAIN LOGIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2"));
	return remembered_make(lines[line], remembered_before(&c), remembered_behind(&c));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct secret *secret = secret_create(slice_of(PASSWORD));
	unsigned choice = len > 0 ? octets[0] : 0;
	enum line line = choice % LINES;
	struct login_plan plan = {
	    .user = "me@example.org",
	    .secret = secret,
	    .is_token = choice >= 0x80,
	    .auth = ways[choice / LINES % WAYS],
	    .certificate = true,
	    .host = "pop.example.org",
	    .port = "995",
	    .encrypted = line == ENCRYPTED,
	    .stls = line == STLS,
	    .clear_text = line == CLEAR,
	};

	if (len > 0) {
		log_in(&plan, fuzz_slice(octets + 1, len - 1));
		plan.remembered = memory(line);
		plan.used = INT64_MAX ^ MECHANISM_BIT(MECHANISM_EXTERNAL);
		log_in(&plan, fuzz_slice(octets + 1, len - 1));
	}
	secret_free(secret);
	return 0;
}
