#include "errand.h"

#include <inttypes.h>

#include "alloc.h"
#include "clock.h"
#include "point.h"

/* ---- from the fs thread ---- */

/* Why a new wish cannot be had now; OK: it can be tried. */
static enum error no_use_now(const struct session *s, struct failure *why)
{
	*why = (struct failure){0};
	if (s->ending)
		failed(why, E_ENDING, "pop3fs is ending");
	else if (s->line == LINE_NONE && backoff_holds(&s->backoff, clock_ms()))
		backoff_answer(&s->backoff, why);
	return why->code;
}

static void not_fetched(struct session *s, int64_t id, const struct failure *why)
{
	struct event *e = event_create(EVENT_FETCHED);

	e->id = id;
	e->failure = *why;
	session_send_event(s, e);
}

static void want_fetch(struct session *s, const struct job *j)
{
	struct fetching *f = &s->fetching;
	struct failure why;

	if (!j->urgent && !j->waited_for && !wants_find(&f->wants, j->id) &&
	    troubled_holds(&s->troubled, j->id, clock_ms())) {
		failed(&why, E_LATER, "message %" PRId64 " could not be had a while ago", j->id);
		not_fetched(s, j->id, &why);
		return;
	}
	f->asked_for = j->waited_for || (f->asked_for && f->wants.first[WANT_BULK]);
	fetching_want(s, j->id, j->urgent, j->again);
	if (no_use_now(s, &why))
		fetching_fail_all(s, &why);
}

static void want_header(struct session *s, const struct job *j)
{
	struct failure why;

	heading_want(s, j->id, j->urgent);
	if (no_use_now(s, &why))
		heading_fail_all(s, &why);
}

static void want_refresh(struct session *s, const struct job *j)
{
	struct failure why;

	session_want_listing(s);
	if (j->waited_for) {
		s->refresh_waited_for = true;
		s->refresh_asked = j->number;
	}
	if (j->insists) {
		s->refresh_sure = true;
		backoff_ask(&s->backoff);
		secrets_person_asks(s);
	}
	if (no_use_now(s, &why))
		line_not_listed(s, &why);
}

static void want_commit(struct session *s, const struct job *j)
{
	struct failure ending;

	if (j->final) {
		s->ending = true;
		failed(&ending, E_ENDING, "pop3fs is ending");
		if (s->line == LINE_READY && talk_waiting(s->talk) > 0)
			line_close(s); /* what is still coming in would hold up the commit */
		fetching_fail_all(s, &ending);
		heading_fail_all(s, &ending);
		line_not_listed(s, &ending);
	}
	backoff_hurry(&s->backoff);
	committing_want(s, j->final);
}

/* ---- from the store ---- */

static void merged(struct session *s, struct job *j)
{
	struct failure why;
	enum error e;

	if (s->line != LINE_SURVEYING || j->draft->line != s->lines)
		return; /* the line that it was for is gone */
	if (j->failure.code) {
		line_over(s, &j->failure);
		return;
	}
	e = survey_merged(s, take(&j->draft), &why);
	if (e)
		line_over(s, &why);
}

/* Who asked when the line had logged in already waits for the next one. */
static void answer_refreshes(struct session *s)
{
	struct event *e = event_create(EVENT_REFRESHED);

	e->number = s->refresh_covered;
	session_send_event(s, e);
	s->refresh_wanted = s->refresh_waited_for = false;
	if (s->refresh_asked > s->refresh_covered) {
		session_want_listing(s);
		s->refresh_waited_for = true;
	}
	s->refresh_sure = s->refresh_sure && s->refresh_wanted;
}

/* The listing stands. The listing event to the fs thread came from the store. */
static void published(struct session *s, struct job *j)
{
	if (s->line != LINE_SURVEYING || j->draft->line != s->lines)
		return;
	if (j->failure.code) {
		line_over(s, &j->failure);
		return;
	}
	s->listing = take(&j->listing);
	s->numbers = take(&j->numbers);
	s->line = LINE_READY;
	POINT("listing", "known");
	backoff_listed(&s->backoff);
	s->broken_listings = 0;
	s->idle_since = clock_ms();
	if (talk_round_trip(s->talk) >= 0)
		pace_trip(&s->fetching.pace, talk_round_trip(s->talk));
	survey_published(s, j->draft);
	ahead_listed(s);
	if (s->held)
		return;
	s->state.listed = j->draft->at;
	s->state.bad_lines = j->draft->bad_lines;
	draft_free(
	    take(&j->draft)); /* of a large maildrop it takes as much memory as the listing */
	answer_refreshes(s);
	committing_proved(s, &s->backoff.trouble);
}

/* ---- */

void orders_take(struct session *s, struct job *j)
{
	struct failure why;

	switch (j->kind) {
	case JOB_FETCH:
		want_fetch(s, j);
		break;
	case JOB_HEADER:
		want_header(s, j);
		break;
	case JOB_REFRESH:
		want_refresh(s, j);
		break;
	case JOB_COMMIT:
		want_commit(s, j);
		break;
	case JOB_END:
		s->end = true;
		break;
	case JOB_STORED:
		s->in_store -= j->octets;
		break;
	case JOB_MERGED:
		merged(s, j);
		break;
	case JOB_PUBLISHED:
		published(s, j);
		break;
	case JOB_INTENTIONS:
		committing_intentions(s, &j->failure, take(&j->intentions));
		break;
	case JOB_KEPT:
		fetching_kept(s, j->id);
		break;
	case JOB_DOUBTED:
		fetching_doubted(s, j);
		break;
	case JOB_MARKED:
		if (committing_marked(s, &j->failure, &why))
			line_over(s, &why);
		break;
	}
}
