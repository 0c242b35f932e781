#include "talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "blot.h"
#include "clock.h"
#include "opening.h"
#include "point.h"
#include "quirks.h"

struct talk {
	const struct session_plan *plan;
	struct opening *opening;
	bool over;
	bool paused, held;  /* talk.h */
	int64_t asked;      /* clock.h: when a command went out alone; CLOCK_NEVER: none has */
	int64_t round_trip; /* talk.h */
	int64_t progress;   /* when the last octet moved, or the waiting for one began; clock.h */
};

struct talk *talk_create(const struct session_plan *plan, struct tls *tls,
    const struct facts *facts, int64_t remembered, bool hurried)
{
	struct talk *t = xnew(struct talk);

	t->plan = plan;
	t->opening = opening_create(plan, tls, facts, remembered, hurried);
	t->progress = clock_ms();
	t->asked = CLOCK_NEVER;
	t->round_trip = -1;
	return t;
}

void talk_free(struct talk *t)
{
	if (!t)
		return;
	opening_free(t->opening, !t->over);
	free(t);
}

static struct client *client_of(const struct talk *t)
{
	return opening_client(t->opening);
}

static struct login *login_of(const struct talk *t)
{
	return opening_login(t->opening);
}

static struct link *line_of(const struct talk *t)
{
	return connection_link(opening_connection(t->opening));
}

/* An answer is due: the greeting, a step of the login, a command's. */
static bool waits_for_server(const struct talk *t)
{
	return !opening_is_done(t->opening) || client_waiting(client_of(t)) > 0;
}

static bool reads(const struct talk *t)
{
	return !t->paused && !t->held;
}

size_t talk_poll(struct talk *t, struct pollfd fds[TALK_MOST_FDS], int64_t *wake)
{
	bool want_write = client_output(client_of(t)).len > 0;
	size_t count;

	*wake = CLOCK_NEVER;
	if (t->over)
		return 0;
	count = connection_poll(opening_connection(t->opening), fds, reads(t), want_write, wake);
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
	t->over = true;
	return TALK_OVER;
}

static enum talk_result connect_on(struct talk *t, bool *again, struct failure *why)
{
	enum opening_result result = opening_connect(t->opening, why);

	if (result == OPENING_FAILED)
		return over(t);
	*again = result == OPENING_MOVED;
	if (*again)
		moved(t);
	return TALK_WAIT;
}

/* Sends what the line takes now. */
static enum link_result flush(struct talk *t, struct failure *why)
{
	struct client *client = client_of(t);

	for (;;) {
		struct slice out = client_output(client);
		enum link_result result;
		size_t sent;

		if (out.len == 0)
			return LINK_DONE;
		result = link_write(line_of(t), out.at, out.len, &sent, why);
		if (result != LINK_DONE)
			return result;
		client_sent(client, sent);
		POINT("line", "wrote");
		moved(t);
	}
}

static enum link_result receive(struct talk *t, struct failure *why)
{
	struct link *line = line_of(t);
	enum link_result result;
	size_t room, got;
	char *to = client_room(client_of(t), &room);

	result = link_read(line, to, room, &got, why);
	if (result == LINK_DONE) {
		client_received(client_of(t), got);
		moved(t);
		if (!opening_is_done(t->opening))
			link_quick_ack(line);
	}
	return result;
}

/* A piece of what the login is answered, or of what is announced behind it. */
static enum talk_result open_on(
    struct talk *t, const struct answer *a, bool *again, struct failure *why)
{
	bool was_done = opening_is_done(t->opening);
	enum opening_result result = opening_answer(t->opening, a, why);

	if (result == OPENING_FAILED)
		return over(t);
	*again = result != OPENING_DONE;
	if (*again)
		return TALK_WAIT;
	if (was_done)
		return TALK_ANNOUNCED;
	if (opening_hears(t->opening))
		t->asked = clock_ms(); /* for the CAPA behind the login */
	return TALK_OPENED;
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
		switch (client_next(client_of(t), answer, why)) {
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

/* One step; *again: there is another one to be done at once. */
static enum talk_result step(
    struct talk *t, struct answer *answer, bool *again, struct failure *why)
{
	enum talk_result result;

	if (opening_connects(t->opening))
		return connect_on(t, again, why);
	result = converse(t, answer, why);
	if (result != TALK_ANSWER || (opening_is_done(t->opening) && !opening_hears(t->opening)))
		return result;
	return open_on(t, answer, again, why);
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
	if (result != TALK_OVER && !opening_connects(t->opening) &&
	    flush(t, &unsent) == LINK_BROKEN && result == TALK_WAIT) {
		*why = unsent;
		return over(t);
	}
	return result;
}

/* Where TLS begins with the first octet both sides wait for the other's. */
static void say_silent(const struct talk *t, struct failure *why)
{
	bool wants_tls = !opening_is_done(t->opening) && talk_greeting(t).len == 0 &&
			 t->plan->tls != SESSION_TLS_IMPLICIT;

	failed(why, E_TIMEOUT, "%s has been silent for %" PRId64 " s%s", t->plan->host,
	    t->plan->timeout_ms / 1000,
	    wants_tls ? " (pop3s:// is for a port that speaks TLS from the start)" : "");
}

enum talk_result talk_next(struct talk *t, struct answer *answer, struct failure *why)
{
	bool opening = !opening_is_done(t->opening);
	enum talk_result result;

	if (t->over)
		return TALK_OVER;
	result = step_and_flush(t, answer, why);
	if (result == TALK_WAIT && waits_for_server(t) && reads(t) &&
	    clock_ms() >= t->progress + t->plan->timeout_ms) {
		say_silent(t, why);
		result = over(t);
	}
	if (result == TALK_OVER && opening) {
		login_lost(login_of(t), why);
		blot_secret(why->words, strlen(why->words), t->plan->password);
	}
	return result;
}

enum error talk_send(
    struct talk *t, enum verb verb, struct slice argument, uint64_t tag, struct failure *why)
{
	if (client_waiting(client_of(t)) == 0) {
		moved(t); /* from now on an answer is due */
		t->asked = t->progress;
	}
	return client_send(client_of(t), verb, argument, tag, why);
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
	return client_waiting(client_of(t));
}

const struct capabilities *talk_capabilities(const struct talk *t)
{
	return login_capabilities(login_of(t));
}

const char *talk_cipher(const struct talk *t)
{
	const struct link *line = line_of(t);

	return line ? link_cipher(line) : "none";
}

struct slice talk_greeting(const struct talk *t)
{
	return login_greeting(login_of(t));
}

enum mechanism talk_mechanism(const struct talk *t)
{
	return login_mechanism(login_of(t));
}

int64_t talk_remembered(const struct talk *t)
{
	return login_remembered(login_of(t));
}

bool talk_was_refused(const struct talk *t)
{
	return login_was_refused(login_of(t));
}

enum reply_code talk_refusal(const struct talk *t)
{
	return login_refusal(login_of(t));
}

bool talk_capabilities_come(const struct talk *t)
{
	return opening_hears(t->opening);
}
