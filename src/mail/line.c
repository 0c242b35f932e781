#include "errand.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"

/* After a login that failed no other is tried by itself before this, doubled each time up to the
 * latter. */
#define FIRST_PAUSE_MS   1000
#define LONGEST_PAUSE_MS 60000
#define RETRY_PAUSE_MS   8000 /* the longest between tries while the maildrop is in use */

/* A bare -ERR to a secret that was good before means "in use" on servers without codes; but not for
 * ever. */
#define MOST_BARE_REFUSALS 3

/* Lines that close with several commands out, one after the other: the second time it is no chance.
 */
#define MOST_BROKEN_PIPELINES 2

#define LEAVING_MS 5000 /* for the answer to a QUIT that commits nothing */

void line_close(struct session *s)
{
	talk_free(take(&s->talk));
	s->line = LINE_NONE;
	survey_forget(s);
	fetching_line_closed(s);
	listing_drop(take(&s->listing));
	free(take(&s->numbers));
}

void line_open(struct session *s)
{
	s->talk = talk_create(s->plan, s->tls);
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
	e->failure = *why;
	session_send_event(s, e);
}

/* Nobody gets what he waits for. */
void line_fail_all(struct session *s, const struct failure *why)
{
	fetching_fail_all(s, why);
	committing_broken(s, why);
	line_not_listed(s, why);
}

/* Said once, not at every try; and not here where somebody waits, who is told and will say it. */
static void line_trouble(struct session *s, const struct failure *why)
{
	if (s->trouble.code != why->code && !s->refresh_waited_for)
		log_warning("%s", why->words);
	s->trouble = *why;
}

static bool may_mean_in_use(struct session *s, const struct failure *why)
{
	if (why->code != E_LOGIN || !s->secret_was_good || talk_refusal(s->talk) != CODE_NONE)
		return false;
	return ++s->bare_refusals <= MOST_BARE_REFUSALS;
}

static int64_t pause_ms(unsigned attempts, int64_t longest)
{
	int64_t ms = attempts > 16 ? longest : (int64_t)FIRST_PAUSE_MS << attempts;

	if (ms > longest)
		ms = longest;
	return ms - random() % (ms / 4); /* so that two that collided do not collide again */
}

/* A login that did not come about. Those who wait go on waiting only where another try may help
 * soon. */
static void login_failed(struct session *s, const struct failure *why)
{
	bool in_use = may_mean_in_use(s, why);
	bool may_help = why->code == E_LOCKED || why->code == E_LATER || in_use;
	bool secret_refused = why->code == E_CONFIG ||
			      (why->code == E_LOGIN && talk_secret_was_sent(s->talk) && !in_use);

	line_close(s);
	line_trouble(s, why);
	s->secret_refused = s->secret_refused || secret_refused;
	if (may_help && s->retry_until == CLOCK_NEVER)
		s->retry_until = clock_in(s->plan->retry_ms);
	if (may_help && clock_ms() < s->retry_until) {
		s->not_before = clock_in(pause_ms(s->attempts++, RETRY_PAUSE_MS));
		return;
	}
	s->retry_until = CLOCK_NEVER;
	s->not_before = clock_in(pause_ms(s->attempts++, LONGEST_PAUSE_MS));
	line_fail_all(s, why);
}

void line_opened(struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	s->secret_was_good = true;
	s->secret_refused = false;
	s->bare_refusals = 0;
	s->fetching.read_here = false;
	s->line = LINE_SURVEYING;
	snprintf(s->state.server, sizeof(s->state.server), "%s", c->implementation);
	snprintf(s->state.cipher, sizeof(s->state.cipher), "%s", talk_cipher(s->talk));
}

/* Lines that close with several commands out, one after the other: the second time it is no chance.
 */
#define MOST_BROKEN_PIPELINES 2

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

	if (was == LINE_OPENING) {
		login_failed(s, why);
		return;
	}
	try_again = pipelining_is_to_blame(s, why);
	if (was == LINE_SURVEYING && (!try_again || why->code == E_CLOSED))
		try_again = learning_broken(s, why) || try_again;
	if (was == LINE_READY && !try_again)
		fetching_broken(s, why);
	line_close(s);
	switch (was) {
	case LINE_SURVEYING:
		/* a line that broke is replaced once; anything else is the answer, unless it was
		 * one message's header: that costs its time, not the listing */
		if (try_again || (why->code == E_CLOSED && s->attempts++ == 0))
			break;
		line_trouble(s, why);
		s->not_before = clock_in(pause_ms(s->attempts++, LONGEST_PAUSE_MS));
		line_fail_all(s, why);
		break;
	case LINE_READY:
		if (fetching_wanted(s))
			log_info("%s; connecting again", why->words);
		break;
	case LINE_COMMITTING:
		log_warning("%s", why->words);
		committing_broken(s, why);
		break;
	default:
		break;
	}
}

/* Some servers delete at QUIT what was merely read; they say so (EXPIRE 0: RFC 2449, 6.7). */
bool line_eats_what_was_read(const struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	return c->expire && c->expire_days == 0;
}

void line_leave(struct session *s)
{
	struct failure why;

	if (line_eats_what_was_read(s) || talk_waiting(s->talk) > 0 ||
	    talk_send(s->talk, VERB_QUIT, slice_of(""), 0, &why)) {
		line_close(s);
		return;
	}
	s->line = LINE_LEAVING;
	s->leave_by = clock_in(LEAVING_MS);
}
