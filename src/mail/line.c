#include "errand.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "quirks.h"

/* Where LOGIN-DELAY is announced a line is kept that long, since no other could be had; but others
 * may want the maildrop. */
#define LONGEST_KEPT_MS 300000

#define LONGEST_REMEMBERED_S (24 * 60 * 60) /* what CAPA said */

#define MOST_DELAY_S (24 * 60 * 60) /* of LOGIN-DELAY; more is not believed */

/* Lines that close with several commands out, one after the other: the second time it is no chance.
 */
#define MOST_BROKEN_PIPELINES 2

/* For the answer to a QUIT that commits nothing, and for the end of the line behind one that does.
 */
#define LEAVING_MS 5000

/* ---- what CAPA said last time ---- */

/* Only for so long: the server may have learnt a better way in, which is to be taken then. A clock
 * that was set back makes it no younger. */
static int64_t remembered(const struct session *s)
{
	int64_t age = clock_seconds() - s->facts.of[FACT_CAPA_AT];

	return age >= 0 && age < LONGEST_REMEMBERED_S ? s->facts.of[FACT_CAPA] : 0;
}

/* A server that needs other manners than it announces, or eats what was read, is asked each time:
 * what is done there hangs on more than is remembered. */
static void remember(struct session *s)
{
	int64_t capa = talk_remembered(s->talk);

	if (s->quirks || line_eats_what_was_read(s))
		capa = 0;
	session_learn(s, FACT_CAPA, capa);
	if (capa && capa != s->remembered)
		session_learn(s, FACT_CAPA_AT, clock_seconds());
}

/* A login by memory that came to nothing, or to something else, was one too many. */
static void forget_contradicted(struct session *s)
{
	if (s->talk && talk_remembered(s->talk) == 0)
		session_learn(s, FACT_CAPA, 0);
}

/* ---- */

void line_close(struct session *s)
{
	forget_contradicted(s);
	talk_free(take(&s->talk));
	s->line = LINE_NONE;
	survey_forget(s);
	ahead_line_closed(s);
	fetching_line_closed(s);
	heading_line_closed(s);
	secrets_line_closed(s);
	listing_drop(take(&s->listing));
	free(take(&s->numbers));
}

void line_open(struct session *s)
{
	if (secrets_wanted(s))
		secrets_ask(s);
	else
		line_connect(s);
}

void line_connect(struct session *s)
{
	pipelining_line_opens(s);
	s->remembered = remembered(s);
	s->talk = talk_create(s->plan, s->tls, &s->facts, s->remembered, pipelining_may_be(s));
	s->lines++;
	s->line = LINE_OPENING;
}

void line_not_listed(struct session *s, const struct failure *why)
{
	struct event *e;

	if (!s->refresh_wanted)
		return;
	s->refresh_wanted = s->refresh_waited_for = s->refresh_sure = false;
	e = event_create(EVENT_NOT_LISTED);
	e->number = s->refresh_asked;
	e->failure = *why;
	session_send_event(s, e);
}

/* Nobody gets what he waits for. */
void line_fail_all(struct session *s, const struct failure *why)
{
	s->failing_all = true;
	fetching_fail_all(s, why);
	heading_fail_all(s, why);
	s->failing_all = false;
	committing_broken(s, why);
	line_not_listed(s, why);
}

/* Said once, not at every try; and not here where somebody waits, who is told and will say it. */
static void complain(struct session *s, enum error before, const struct failure *why)
{
	if (before != why->code && !s->refresh_waited_for)
		log_warning("%s", why->words);
}

/* A login, or the listing after it, did not come about. Those who wait go on waiting only where
 * another try may help soon. */
static void attempt_failed(struct session *s, const struct failure *said, struct attempt a)
{
	struct failure why = *said;
	enum error before = s->backoff.trouble.code;
	bool again;

	a.retry_ms = s->plan->retry_ms;
	a.token = s->plan->is_token;
	a.chance = session_chance();
	again = backoff_failed(&s->backoff, &why, &a, clock_ms());
	complain(s, before, &why);
	committing_proved(s, &why); /* the proof is had at once or not at all */
	if (!again)
		line_fail_all(s, &why);
}

static void login_failed(struct session *s, const struct failure *why)
{
	struct attempt a = {.refused = false};

	if (s->talk) { /* there is none while the secret is asked for */
		a.refused = talk_was_refused(s->talk);
		a.code = talk_refusal(s->talk);
	}
	if (a.refused && why->code == E_LOGIN)
		secrets_refused(s);
	line_close(s);
	attempt_failed(s, why, a);
}

/* A line that broke or got out of step is replaced once; anything else is the answer. */
static void listing_failed(struct session *s, const struct failure *why)
{
	bool broke = why->code == E_CLOSED || why->code == E_PROTOCOL;

	if (broke && s->broken_listings++ == 0)
		return;
	attempt_failed(s, why, (struct attempt){0});
}

/* ---- LOGIN-DELAY: RFC 2449, 6.5 ---- */

static int64_t within(int64_t number, int64_t least, int64_t most)
{
	return number < least ? least : number > most ? most : number;
}

/* The server's last word on it, maybe to an earlier mount. A clock that was set back makes nobody
 * wait for longer than the delay. */
void line_be_patient(struct session *s)
{
	int64_t delay = within(s->facts.of[FACT_LOGIN_DELAY], 0, MOST_DELAY_S);
	int64_t left = s->facts.of[FACT_LAST_LOGIN] + delay - clock_seconds();

	s->backoff.patience_until = clock_in(within(left, 0, delay) * 1000);
}

static void learn_delay(struct session *s, const struct capabilities *c)
{
	session_learn(s, FACT_LOGIN_DELAY, c->login_delay ? c->login_delay_s : 0);
	if (c->login_delay && c->login_delay_s > 0)
		session_learn(s, FACT_LAST_LOGIN, clock_seconds());
	line_be_patient(s);
}

int64_t line_idle_until(const struct session *s)
{
	int64_t kept = within(s->facts.of[FACT_LOGIN_DELAY] * 1000, 0, LONGEST_KEPT_MS);
	int64_t idle = s->idle_since + s->plan->idle_ms;

	return idle > s->logged_in + kept ? idle : s->logged_in + kept;
}

/* ---- */

static void warn_of_eating(struct session *s)
{
	s->state.eats_read = line_eats_what_was_read(s);
	if (!s->state.eats_read || s->warned_of_eating)
		return;
	s->warned_of_eating = true;
	log_warning("%s deletes what was merely read, once a session ends in order: sessions are "
		    "broken off instead, except to delete",
	    s->plan->host);
}

void line_announced(struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	s->quirks = quirks_of(talk_greeting(s->talk), c);
	snprintf(s->state.server, sizeof(s->state.server), "%s", c->implementation);
	learn_delay(s, c);
	remember(s);
	warn_of_eating(s);
}

void line_opened(struct session *s)
{
	s->refresh_covered = s->refresh_asked;
	backoff_logged_in(&s->backoff);
	secrets_accepted(s);
	s->quirks = quirks_of(talk_greeting(s->talk), talk_capabilities(s->talk));
	s->logged_in = clock_ms();
	s->fetching.read_here = s->fetching.fetched_here = false;
	s->line = LINE_SURVEYING;
	snprintf(
	    s->state.login, sizeof(s->state.login), "%s", mechanism_name(talk_mechanism(s->talk)));
	snprintf(s->state.cipher, sizeof(s->state.cipher), "%s", talk_cipher(s->talk));
	session_learn(s, FACT_MECHANISMS,
	    s->facts.of[FACT_MECHANISMS] | MECHANISM_BIT(talk_mechanism(s->talk)));
	if (!talk_capabilities_come(s->talk))
		line_announced(s);
}

/* Whether pipelining is to blame for the end of the line: then the same is tried without it. */
static bool pipelining_is_to_blame(struct session *s, const struct failure *why)
{
	if (s->plan->pipelining == PIPELINING_ON || !pipelining_is_used(s))
		return false;
	switch (why->code) {
	case E_PROTOCOL:
		pipelining_failed(s, true);
		return true;
	case E_TIMEOUT:
		pipelining_failed(s, false);
		return true;
	case E_CLOSED:
		if (++s->pipelines_broken >= MOST_BROKEN_PIPELINES)
			pipelining_failed(s, false);
		return true;
	default:
		return false;
	}
}

/* The line is of no more use. Whatever was under way on it is settled; think() opens another if one
 * is wanted. */
void line_over(struct session *s, const struct failure *why)
{
	enum line_state was = s->line;
	bool try_again;

	if (was == LINE_ASKING || was == LINE_OPENING) {
		login_failed(s, why);
		return;
	}
	try_again = pipelining_is_to_blame(s, why);
	if (was == LINE_SURVEYING && (!try_again || why->code == E_CLOSED))
		try_again = learning_broken(s, why) || try_again;
	if (was == LINE_READY && !try_again && !heading_broken(s, why))
		fetching_broken(s, why);
	line_close(s);
	if (was == LINE_SURVEYING && !try_again)
		listing_failed(s, why);
	if (was == LINE_READY && (fetching_wanted(s) || heading_wanted(s)))
		log_info("%s; connecting again", why->words);
	if (was == LINE_COMMITTING)
		committing_line_broke(s, why, try_again);
}

bool line_eats_what_was_read(const struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	return (c->expire && c->expire_days == 0) || s->quirks & QUIRK_EATS_READ;
}

void line_leave(struct session *s)
{
	struct failure why;

	if (line_eats_what_was_read(s) || talk_waiting(s->talk) > 0 ||
	    talk_send(s->talk, VERB_QUIT, slice_of(""), 0, &why)) {
		line_close(s);
		return;
	}
	line_left(s);
}

void line_left(struct session *s)
{
	s->line = LINE_LEAVING;
	s->leave_by = clock_in(LEAVING_MS);
}

/* Courier says "+OK" to QUIT and deletes then: the listing that shall prove it waits until the
 * server has closed its side. */
static bool waits_for_the_end(const struct session *s)
{
	return s->committing.stage == COMMIT_PROVING && !s->end;
}

bool line_is_left(const struct session *s)
{
	return (talk_waiting(s->talk) == 0 && !waits_for_the_end(s)) || clock_ms() >= s->leave_by;
}
