/* Bodies, by RETR. Where the server may be asked for several at once (pipelining.c), what is in
 * flight is counted in octets (pace.h), and commands go out in windows:
 *
 *     RETR RETR RETR NOOP   RETR RETR ... NOOP   ...
 *
 * What came is not always believed at once: believing.c.
 *
 * A reader who waits goes first, and closes his window. */
#include "errand.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "point.h"

#define WINDOW_OCTETS   (UINT64_C(1) << 20)
#define WINDOW_MESSAGES 100

#define MOST_TRIES 2 /* lines that may break under one message before its reader is told */

/* For a message that LIST says nothing of, so that not all of them go out at once. */
#define LEAST_OCTETS 512

/* ---- who wants what ---- */

void fetching_want(struct session *s, int64_t id, bool urgent, bool again)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w = wants_find(wants, id);

	if (!w)
		w = wants_add(wants, id, urgent ? WANT_URGENT : WANT_BULK);
	else if (urgent && w->row == WANT_BULK)
		wants_move(wants, w, WANT_URGENT);
	w->urgent = w->urgent || urgent;
	w->again = w->again || again;
}

/* Another header than TOP's may be another message's: a reply too many, for which the next is
 * taken. So it is fetched again as the first on a new line; unless this server has been seen to
 * send other headers for TOP. */
void fetching_doubted(struct session *s, const struct job *j)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w = wants_find(wants, j->id);

	log_info(
	    "message %" PRId64 " came with another header than TOP gave: fetching it again", j->id);
	if (s->line == LINE_READY && !s->fetching.top_differs)
		line_close(s);
	if (!w)
		w = wants_add(wants, j->id, WANT_URGENT);
	if (w->row == WANT_STORING || w->row == WANT_BULK || w->row == WANT_URGENT)
		wants_move_first(wants, w, WANT_URGENT);
	w->urgent = w->alone = w->has_hash = true;
	w->other_header = true;
	w->doubts = j->doubts;
	memcpy(w->hash, j->hash, sizeof(w->hash));
}

size_t fetching_queue(const struct session *s)
{
	const size_t *count = s->fetching.wants.count;

	return count[WANT_URGENT] + count[WANT_BULK] + count[WANT_OUT] + count[WANT_HELD] +
	       count[WANT_POSTPONED];
}

bool fetching_wanted(const struct session *s)
{
	return fetching_queue(s) > 0;
}

bool fetching_waited_for(const struct session *s)
{
	return s->fetching.wants.first[WANT_URGENT] != NULL;
}

/* Tells the reader that it will not come, or (NULL) that it is there. */
void fetching_settle(struct session *s, struct want *w, const struct failure *why)
{
	struct event *e = event_create(EVENT_FETCHED);

	e->id = w->id;
	if (why)
		e->failure = *why;
	session_send_event(s, e);
	wants_remove(&s->fetching.wants, w);
}

/* ---- asking ---- */

static struct want *next_wanted(const struct fetching *f)
{
	return f->wants.first[WANT_URGENT] ? f->wants.first[WANT_URGENT]
					   : f->wants.first[WANT_BULK];
}

static bool is_cached(const struct want *w, const struct message *m)
{
	return !w->again && !w->has_hash && message_flags(m) & MESSAGE_CACHED;
}

/* true: nothing need be sent for it. */
static bool settled(struct session *s, struct want *w)
{
	const struct message *m = listing_by_id(s->listing, w->id);
	struct failure gone;

	if (m && session_number(s, w->id)) {
		if (!is_cached(w, m))
			return false;
		fetching_settle(s, w, NULL);
		return true;
	}
	failed(&gone, E_VANISHED, "message %" PRId64 " is not on the server any more", w->id);
	fetching_settle(s, w, &gone);
	return true;
}

/* Whether its RETR may go out beside what is out already. */
static bool may_go(struct session *s, const struct want *w)
{
	struct fetching *f = &s->fetching;

	if (talk_waiting(s->talk) == 0)
		return w->alone || !f->odd;
	if (w->alone || f->odd || f->lone_out || !pipelining_fetches(s))
		return false;
	if (f->out_octets < pace_limit(&f->pace))
		return true;
	pace_held_back(&f->pace);
	return false;
}

static enum error close_window(struct session *s, struct failure *why)
{
	struct fetching *f = &s->fetching;

	f->window_count = 0;
	f->window_octets = 0;
	f->window_is_urgent = false;
	f->noops_out++;
	return talk_send(s->talk, VERB_NOOP, slice_of(""), 0, why);
}

static bool window_is_full(const struct fetching *f)
{
	return f->window_count >= WINDOW_MESSAGES || f->window_octets >= WINDOW_OCTETS;
}

static enum error send_retr(struct session *s, struct want *w, struct failure *why)
{
	struct fetching *f = &s->fetching;
	const struct message *m = listing_by_id(s->listing, w->id);

	if (talk_waiting(s->talk) == 0) {
		pace_idle(&f->pace, clock_ms());
		f->lone_out = w->alone || !pipelining_fetches(s);
	}
	w->sent_alone = f->lone_out;
	w->listed = message_size(m);
	w->octets = w->listed > LEAST_OCTETS ? w->listed : LEAST_OCTETS;
	f->out_octets += w->octets;
	f->window_count++;
	f->window_octets += w->octets;
	f->window_is_urgent = f->window_is_urgent || w->urgent;
	f->read_here = true;
	wants_move(&f->wants, w, WANT_OUT);
	POINT("fetch", "asked");
	return talk_send_number(s->talk, VERB_RETR, session_number(s, w->id), 0, why);
}

enum error fetching_go(struct session *s, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w;

	while ((w = next_wanted(f)) != NULL) {
		if (settled(s, w))
			continue;
		if (!may_go(s, w))
			break;
		if ((window_is_full(f) || f->window_is_urgent) && close_window(s, why))
			return why->code;
		if (send_retr(s, w, why))
			return why->code;
	}
	return !w || window_is_full(f) ? fetching_pause(s, why) : OK;
}

/* One alone in its window has no command behind it: it needs no proof. */
enum error fetching_pause(struct session *s, struct failure *why)
{
	return s->fetching.window_count > 1 ? close_window(s, why) : OK;
}

/* ---- what came ---- */

void fetching_kept(struct session *s, int64_t id)
{
	struct want *w = wants_find(&s->fetching.wants, id);

	if (w && w->row == WANT_STORING)
		wants_remove(&s->fetching.wants, w);
}

static enum error came(struct session *s, const struct answer *a, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];

	POINT("fetch", "came");
	f->out_octets -= w->octets;
	w->octets = 0;
	s->in_store += gather_hold(take(&f->gather), &w->body);
	if (a->pipelined) {
		wants_move(&f->wants, w, WANT_HELD);
		return OK;
	}
	f->window_count = 0;
	f->window_octets = 0;
	f->window_is_urgent = false;
	if (w->listed > w->body->body->size) {
		/* what is missing may still come, where the next reply should be: Dovecot does not
		 * stuff the dot of a first line */
		w->sent_alone = true;
		wants_move(&f->wants, w, WANT_HELD);
		return close_window(s, why);
	}
	if (w->sent_alone)
		believing_came_alone(s, w);
	else
		believing_believe(s, w);
	return OK;
}

static void came_text(struct session *s, struct slice text)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];
	uint64_t expected = text.len < w->octets ? text.len : w->octets;

	POINT("fetch", "text");
	w->octets -= expected;
	f->out_octets -= expected;
	s->in_store += gather_add(f->gather, text);
	pace_arrived(&f->pace, text.len, clock_ms());
}

static void refused(struct session *s, const struct reply_status *status)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];
	struct failure why;

	f->out_octets -= w->octets;
	f->lone_out = false;
	if (w->is_odd)
		believing_odd_settled(s, w);
	if (status->code == CODE_SYS_TEMP && postponing_takes(s, w))
		return;
	failed(&why, status->code == CODE_SYS_TEMP ? E_LATER : E_REFUSED, "%s refused RETR: %.*s",
	    s->plan->host, SLICE_ARGS(status->text));
	fetching_settle(s, w, &why);
}

static enum error noop_answer(struct session *s)
{
	s->fetching.noops_out--;
	believing_window_closed(s);
	return OK;
}

enum error fetching_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];

	if (a->verb == VERB_NOOP && f->noops_out > 0)
		return noop_answer(s);
	if (a->verb != VERB_RETR || !w)
		return failed(
		    why, E_PROTOCOL, "an answer to %s came out of turn", verb_word(a->verb));
	if (a->kind == ANSWER_STATUS && a->status.sign != REPLY_OK)
		refused(s, &a->status);
	else if (a->kind == ANSWER_STATUS)
		f->gather = gather_create(w->id, clock_seconds(), &s->queues->tasks);
	else if (a->kind == ANSWER_TEXT)
		came_text(s, a->text);
	else if (a->kind == ANSWER_END)
		return came(s, a, why);
	return OK;
}

/* ---- what did not come ---- */

/* Back where they came from, in their order. */
static void want_again(struct session *s, enum want_row row)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w;

	while ((w = wants->last[row]) != NULL)
		wants_move_first(wants, w, want_home(w));
}

void fetching_line_closed(struct session *s)
{
	struct fetching *f = &s->fetching;

	gather_abort(take(&f->gather));
	want_again(s, WANT_OUT);
	believing_nothing(s);
	f->out_octets = f->window_octets = 0;
	f->window_count = f->noops_out = 0;
	f->lone_out = f->window_is_urgent = false;
}

/* Nobody can tell under which of several the line broke: each has the next one to itself. */
static void part(struct wants *wants)
{
	for (struct want *w = wants->first[WANT_OUT]; w; w = w->next)
		w->alone = true;
	for (struct want *w = wants->first[WANT_HELD]; w; w = w->next)
		w->alone = true;
}

void fetching_broken(struct session *s, const struct failure *why)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w = wants->first[WANT_OUT] ? wants->first[WANT_OUT] : wants->first[WANT_HELD];

	if (pipelining_is_used(s)) { /* as the user wants it, whatever the server */
		part(wants);
		return;
	}
	/* silence has used up the reader's patience; a line that broke has not */
	if (w && (++w->tries >= MOST_TRIES || why->code == E_TIMEOUT)) {
		gather_abort(take(&s->fetching.gather));
		if (w->body)
			believing_discard(s, w);
		fetching_settle(s, w, why);
	} else if (w) {
		w->urgent = true; /* first on the next line, where nobody else can break it */
	}
}

void fetching_fail_all(struct session *s, const struct failure *why)
{
	struct want *w;

	fetching_line_closed(s);
	postponing_look(s, CLOCK_NEVER);
	while ((w = next_wanted(&s->fetching)) != NULL)
		fetching_settle(s, w, why);
}

void fetching_finish(struct session *s)
{
	struct wants *wants = &s->fetching.wants;

	for (enum want_row row = 0; row < WANT_ROWS; row++)
		while (wants->first[row])
			wants_remove(wants, wants->first[row]);
}
