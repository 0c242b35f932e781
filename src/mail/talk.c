#include "talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "blot.h"
#include "clock.h"
#include "link.h"
#include "log.h"
#include "login.h"
#include "point.h"
#include "quirks.h"

_Static_assert(LINK_BINDING == LOGIN_BINDING, "the floors must agree");

enum phase { DIALING, HANDSHAKE, LOGIN, OPENED, OVER };

struct talk {
	const struct session_plan *plan;
	struct tls *tls;
	enum phase phase;
	struct dial *dial;
	struct link *link;
	struct client *client;
	struct login_plan login_plan;
	struct login *login;
	bool hurried;       /* talk_create */
	bool paused, held;  /* talk.h */
	int64_t asked;      /* clock.h: when a command went out alone; CLOCK_NEVER: none has */
	int64_t round_trip; /* talk.h */
	int64_t progress;   /* when the last octet moved, or the waiting for one began; clock.h */
};

static void trace(void *with, bool sent, struct slice line)
{
	const struct talk *t = with;
	CLEANUP(freep) char *shown = xmemdup(line.at, line.len);

	if (!sent && t->phase < OPENED)
		blot_secret(shown, line.len, t->plan->password);
	log_debug("%s %.*s", sent ? ">" : "<", (int)line.len, shown);
}

static void begin(struct talk *t)
{
	t->phase = DIALING;
	t->dial = dial_create(t->plan->host, t->plan->port, t->plan->proxy, t->plan->lookup);
	t->client = client_create();
	if (log_debug_is_on())
		client_trace(t->client, trace, t);
	t->login = login_create(&t->login_plan);
	t->progress = clock_ms();
	t->asked = CLOCK_NEVER;
}

static void finish(struct talk *t)
{
	dial_free(take(&t->dial));
	link_free(take(&t->link));
	login_free(take(&t->login));
	client_free(take(&t->client));
}

struct talk *talk_create(const struct session_plan *plan, struct tls *tls,
    const struct facts *facts, int64_t remembered, bool hurried)
{
	struct talk *t = xnew(struct talk);

	t->plan = plan;
	t->tls = tls;
	t->hurried = hurried;
	t->login_plan = (struct login_plan){
	    .user = plan->user,
	    .secret = plan->password,
	    .is_token = plan->is_token,
	    .auth = plan->auth,
	    .used = facts->of[FACT_MECHANISMS],
	    .remembered = remembered,
	    .certificate = plan->cert != NULL,
	    .host = plan->host,
	    .port = plan->port,
	    .encrypted = plan->tls == SESSION_TLS_IMPLICIT,
	    .stls = plan->tls == SESSION_TLS_STARTTLS,
	    .clear_text = plan->tls == SESSION_TLS_OFF,
	};
	t->round_trip = -1;
	begin(t);
	return t;
}

void talk_free(struct talk *t)
{
	if (!t)
		return;
	if (t->link && t->phase == OPENED)
		link_say_goodbye(t->link);
	finish(t);
	free(t);
}

/* An answer is due: the greeting, a step of the login, a command's. */
static bool waits_for_server(const struct talk *t)
{
	return t->phase < OPENED || client_waiting(t->client) > 0;
}

static bool reads(const struct talk *t)
{
	return !t->paused && !t->held;
}

size_t talk_poll(struct talk *t, struct pollfd fds[TALK_MOST_FDS], int64_t *wake)
{
	size_t count;

	*wake = CLOCK_NEVER;
	if (t->phase == OVER)
		return 0;
	if (t->phase == DIALING) {
		count = dial_poll(t->dial, fds, wake);
	} else {
		bool want_write = client_output(t->client).len > 0;

		fds[0] = (struct pollfd){
		    .fd = link_fd(t->link),
		    .events = link_events(t->link, reads(t), want_write),
		};
		count = 1;
		if (reads(t) && link_pending(t->link))
			*wake = 0;
	}
	if (waits_for_server(t) && reads(t))
		*wake = clock_sooner(*wake, t->progress + t->plan->timeout_ms);
	return count;
}

static void moved(struct talk *t)
{
	t->progress = clock_ms();
}

static enum talk_result over(struct talk *t)
{
	t->phase = OVER;
	return TALK_OVER;
}

static enum talk_result start_tls(struct talk *t, struct failure *why)
{
	t->phase = HANDSHAKE;
	if (link_start_tls(t->link, t->tls, t->plan->host, why))
		return over(t);
	return TALK_WAIT;
}

static enum talk_result dial(struct talk *t, struct failure *why)
{
	int fd;

	switch (dial_step(t->dial, &fd, why)) {
	case DIAL_MORE:
		return TALK_WAIT;
	case DIAL_FAILED:
		return over(t);
	case DIAL_DONE:
		break;
	}
	t->link = link_create(fd);
	moved(t);
	if (t->plan->tls == SESSION_TLS_IMPLICIT)
		return start_tls(t, why);
	t->phase = LOGIN;
	return TALK_WAIT;
}

static enum talk_result handshake(struct talk *t, struct failure *why)
{
	unsigned char binding[LINK_BINDING];

	switch (link_handshake(t->link, why)) {
	case LINK_WAIT:
		return TALK_WAIT;
	case LINK_END: /* to a handshake that is a broken line */
	case LINK_BROKEN:
		if (!link_may_do_better(t->link))
			return over(t);
		log_debug("%s; once more, with a new TLS session", why->words);
		finish(t);
		begin(t);
		return TALK_WAIT;
	case LINK_DONE:
		break;
	}
	moved(t);
	t->phase = LOGIN;
	log_debug("TLS with %s: %s%s", t->plan->host, link_cipher(t->link),
	    link_resumed(t->link) ? ", resumed" : "");
	if (link_binding(t->link, binding))
		login_bind(t->login, binding);
	if (t->plan->tls == SESSION_TLS_STARTTLS &&
	    login_encrypted(t->login, t->client, why) == LOGIN_FAILED)
		return over(t);
	return TALK_WAIT;
}

/* Sends what the line takes now. */
static enum link_result flush(struct talk *t, struct failure *why)
{
	for (;;) {
		struct slice out = client_output(t->client);
		enum link_result result;
		size_t sent;

		if (out.len == 0)
			return LINK_DONE;
		result = link_write(t->link, out.at, out.len, &sent, why);
		if (result != LINK_DONE)
			return result;
		client_sent(t->client, sent);
		POINT("line", "wrote");
		moved(t);
	}
}

static enum link_result receive(struct talk *t, struct failure *why)
{
	enum link_result result;
	size_t room, got;
	char *to = client_room(t->client, &room);

	result = link_read(t->link, to, room, &got, why);
	if (result == LINK_DONE) {
		client_received(t->client, got);
		moved(t);
		if (t->phase == LOGIN)
			link_quick_ack(t->link);
	}
	return result;
}

static enum talk_result log_in(struct talk *t, const struct answer *a, struct failure *why)
{
	login_hurry(t->login, t->hurried && !(quirks_of(talk_greeting(t), talk_capabilities(t)) &
						QUIRK_NO_PIPELINING));
	switch (login_answer(t->login, t->client, a, why)) {
	case LOGIN_MORE:
		return TALK_WAIT;
	case LOGIN_STLS:
		return start_tls(t, why);
	case LOGIN_FAILED:
		return over(t);
	case LOGIN_DONE:
		break;
	}
	t->phase = OPENED;
	if (login_is_hurried(t->login))
		t->asked = clock_ms(); /* for that CAPA */
	return TALK_OPENED;
}

/* A piece of the answer to the CAPA that went out behind the login. */
static enum talk_result hear_capabilities(
    struct talk *t, const struct answer *a, struct failure *why)
{
	return login_answer(t->login, t->client, a, why) == LOGIN_DONE ? TALK_ANNOUNCED : TALK_WAIT;
}

/* The answer to a command that went out alone has begun. */
static void measure(struct talk *t)
{
	int64_t trip;

	if (t->asked == CLOCK_NEVER)
		return;
	trip = clock_ms() - t->asked;
	if (t->round_trip < 0 || trip < t->round_trip)
		t->round_trip = trip;
	t->asked = CLOCK_NEVER;
}

/* Tells the next answer, or receives until there is one. TALK_WAIT: only the network can help now.
 */
static enum talk_result converse(struct talk *t, struct answer *answer, struct failure *why)
{
	if (t->held)
		return TALK_WAIT;
	for (;;) {
		switch (client_next(t->client, answer, why)) {
		case CLIENT_ANSWER:
			measure(t);
			return TALK_ANSWER;
		case CLIENT_BROKEN:
			return over(t);
		case CLIENT_MORE:
			break;
		}
		if (t->paused)
			return TALK_WAIT;
		switch (receive(t, why)) {
		case LINK_DONE:
			break;
		case LINK_WAIT:
			return TALK_WAIT;
		case LINK_END:
			failed(why, E_CLOSED, "%s closed the connection", t->plan->host);
			return over(t);
		case LINK_BROKEN:
			return over(t);
		}
	}
}

/* One step of whatever phase this is; *again: there is another one to be done at once. */
static enum talk_result step(
    struct talk *t, struct answer *answer, bool *again, struct failure *why)
{
	enum phase before = t->phase;
	enum talk_result result;

	if (t->phase == DIALING)
		result = dial(t, why);
	else if (t->phase == HANDSHAKE)
		result = handshake(t, why);
	else
		result = converse(t, answer, why);
	if (t->phase == LOGIN && result == TALK_ANSWER) {
		result = log_in(t, answer, why);
		*again = result == TALK_WAIT;
	}
	if (t->phase == OPENED && result == TALK_ANSWER && login_is_hurried(t->login)) {
		result = hear_capabilities(t, answer, why);
		*again = result == TALK_WAIT;
	}
	if (t->phase != before)
		*again = result == TALK_WAIT;
	return result;
}

/* What the server said last counts even if it has closed its side: so a line that cannot be written
 * to is given up only when there is nothing left to read. */
static enum talk_result step_and_flush(struct talk *t, struct answer *answer, struct failure *why)
{
	enum talk_result result;
	struct failure unsent;
	bool again;

	do {
		again = false;
		result = step(t, answer, &again, why);
	} while (again);
	if (result != TALK_OVER && t->phase >= LOGIN && client_output(t->client).len > 0 &&
	    flush(t, &unsent) == LINK_BROKEN && result == TALK_WAIT) {
		*why = unsent;
		return over(t);
	}
	return result;
}

enum talk_result talk_next(struct talk *t, struct answer *answer, struct failure *why)
{
	bool logging_in = t->phase < OPENED;
	enum talk_result result;

	if (t->phase == OVER)
		return TALK_OVER;
	result = step_and_flush(t, answer, why);
	if (result == TALK_WAIT && waits_for_server(t) && reads(t) &&
	    clock_ms() >= t->progress + t->plan->timeout_ms) {
		failed(why, E_TIMEOUT, "%s has been silent for %" PRId64 " s", t->plan->host,
		    t->plan->timeout_ms / 1000);
		result = over(t);
	}
	if (result == TALK_OVER && logging_in) {
		login_lost(t->login, why);
		blot_secret(why->words, strlen(why->words), t->plan->password);
	}
	return result;
}

enum error talk_send(
    struct talk *t, enum verb verb, struct slice argument, uint64_t tag, struct failure *why)
{
	if (client_waiting(t->client) == 0) {
		moved(t); /* from now on an answer is due */
		t->asked = t->progress;
	}
	return client_send(t->client, verb, argument, tag, why);
}

/* How much of the body TOP brings with the header: as little as the server can bear. */
static const char *lines_of_body(const struct talk *t)
{
	unsigned quirks = quirks_of(talk_greeting(t), talk_capabilities(t));

	return quirks & QUIRK_TOP_NEEDS_A_LINE ? "1" : "0";
}

enum error talk_send_number(
    struct talk *t, enum verb verb, uint32_t number, uint64_t tag, struct failure *why)
{
	char text[32];

	if (verb == VERB_TOP)
		snprintf(text, sizeof(text), "%" PRIu32 " %s", number, lines_of_body(t));
	else
		snprintf(text, sizeof(text), "%" PRIu32, number);
	return talk_send(t, verb, slice_of(text), tag, why);
}

void talk_pause(struct talk *t, bool paused)
{
	if (t->paused && !paused)
		moved(t);
	t->paused = paused;
}

void talk_hold(struct talk *t, bool held)
{
	if (t->held && !held)
		moved(t);
	t->held = held;
}

bool talk_is_paused(const struct talk *t)
{
	return t->paused;
}

int64_t talk_progress(const struct talk *t)
{
	return t->progress;
}

int64_t talk_round_trip(const struct talk *t)
{
	return t->round_trip;
}

size_t talk_waiting(const struct talk *t)
{
	return client_waiting(t->client);
}

const struct capabilities *talk_capabilities(const struct talk *t)
{
	return login_capabilities(t->login);
}

const char *talk_cipher(const struct talk *t)
{
	return t->link ? link_cipher(t->link) : "none";
}

struct slice talk_greeting(const struct talk *t)
{
	return login_greeting(t->login);
}

enum mechanism talk_mechanism(const struct talk *t)
{
	return login_mechanism(t->login);
}

int64_t talk_remembered(const struct talk *t)
{
	return login_remembered(t->login);
}

bool talk_was_refused(const struct talk *t)
{
	return login_was_refused(t->login);
}

enum reply_code talk_refusal(const struct talk *t)
{
	return login_refusal(t->login);
}

bool talk_capabilities_come(const struct talk *t)
{
	return login_is_hurried(t->login);
}
