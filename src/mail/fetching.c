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

#define MOST_TRIES    2 /* lines that may break under one message before its reader is told ... */
#define MOST_UNPROVEN 4 /* ... and behind it, at the NOOP that was to prove it */

/* Octets of small messages that wait here to be believed; what comes beyond that waits in the
 * store. One window has fewer, but behind an odd message many may wait. */
#define MOST_HELD (2 * WINDOW_OCTETS)

/* For a message that LIST says nothing of, so that not all of them go out at once. */
#define LEAST_OCTETS 512

/* Octets of a body: LIST is no end of it, but some answers have none. So many times what LIST says
 * is more than any way of counting comes to, and what lies behind it more than any mail. */
#define MOST_TIMES_LISTED 4
#define MOST_UNLISTED     (UINT64_C(4) << 30)

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

/* It may be another message's: a reply too many, for which the next is taken. Then the line that it
 * came on is out of step. */
void fetching_doubted(struct session *s, const struct job *j)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w = wants_find(wants, j->id);

	log_info(
	    "message %" PRId64 " came with another header than TOP gave: fetching it again", j->id);
	if (!w)
		w = wants_add(wants, j->id, WANT_URGENT);
	believing_doubted(w, j);
	if (s->line == LINE_READY && w->line == s->lines && believing_needs_line(s, w))
		line_close(s);
	if (w->row == WANT_STORING || w->row == WANT_BULK || w->row == WANT_URGENT)
		wants_move_first(wants, w, WANT_URGENT);
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
	const struct fetching *f = &s->fetching;

	return f->wants.first[WANT_URGENT] || (f->asked_for && f->wants.first[WANT_BULK]);
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

static void forget_window(struct fetching *f)
{
	f->window_count = 0;
	f->window_octets = 0;
	f->window_is_urgent = false;
	f->window_needs = 0;
}

/* NOOP's "+OK" might be that of a message. Where only the line's being in step says which one came,
 * LIST with a number stands in its place, for it is answered by that number (RFC 1939, 5). */
static enum error close_window(struct session *s, struct failure *why)
{
	struct fetching *f = &s->fetching;
	uint32_t number = f->window_needs ? session_number(s, f->window_needs) : 0;

	forget_window(f);
	f->noops_out++;
	if (number)
		return talk_send_number(s->talk, VERB_LIST, number, number, why);
	return talk_send(s->talk, VERB_NOOP, slice_of(""), 0, why);
}

static bool window_is_full(const struct fetching *f)
{
	return f->window_count >= WINDOW_MESSAGES || f->window_octets >= WINDOW_OCTETS;
}

static void note_out(struct session *s, struct want *w)
{
	struct fetching *f = &s->fetching;
	const struct message *m = listing_by_id(s->listing, w->id);

	w->line = s->lines;
	w->sent_alone = f->lone_out;
	w->sent_first = f->lone_out && !f->fetched_here;
	w->sent_ahead = false;
	w->listed = message_size(m);
	w->octets = w->listed > LEAST_OCTETS ? w->listed : LEAST_OCTETS;
	f->out_octets += w->octets;
	f->window_count++;
	f->window_octets += w->octets;
	f->window_is_urgent = f->window_is_urgent || w->urgent;
	if (believing_needs_proof(s, w))
		f->window_needs = w->id;
	f->read_here = f->fetched_here = true;
	wants_move(&f->wants, w, WANT_OUT);
}

static enum error send_retr(struct session *s, struct want *w, struct failure *why)
{
	struct fetching *f = &s->fetching;

	if (talk_waiting(s->talk) == 0) {
		pace_idle(&f->pace);
		f->lone_out = w->alone || !pipelining_fetches(s);
	}
	note_out(s, w);
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
		if (believing_needs_line(s, w)) { /* with nothing out, for it goes alone */
			line_leave(s);
			return OK;
		}
		if ((window_is_full(f) || f->window_is_urgent) && close_window(s, why))
			return why->code;
		if (send_retr(s, w, why))
			return why->code;
	}
	return !w || w->alone || window_is_full(f) ? fetching_pause(s, why) : OK;
}

void fetching_went_ahead(struct session *s, int64_t id)
{
	struct fetching *f = &s->fetching;
	struct want *w = wants_find(&f->wants, id);

	pace_idle(&f->pace);
	f->lone_out = true;
	if (!w)
		w = wants_add(&f->wants, id, WANT_BULK);
	note_out(s, w);
	w->sent_ahead = true;
}

/* One alone in its window has no command behind it: if it needs a proof, it gets one when it is
 * there. */
enum error fetching_pause(struct session *s, struct failure *why)
{
	return s->fetching.window_count > 1 ? close_window(s, why) : OK;
}

/* ---- what came ---- */

/* Who has seen that it is cached may have found it damaged, and asked for it anew meanwhile. */
void fetching_kept(struct session *s, int64_t id)
{
	struct want *w = wants_find(&s->fetching.wants, id);
	bool again, urgent;

	if (!w || w->row != WANT_STORING)
		return;
	again = w->again;
	urgent = w->urgent;
	wants_remove(&s->fetching.wants, w);
	if (again)
		fetching_want(s, id, urgent, true);
}

/* What is missing may still come, where the next reply should be: Dovecot does not stuff the dot of
 * a first line. */
static bool needs_close(const struct session *s, const struct want *w)
{
	return w->listed > w->body->body->size ||
	       (believing_needs_proof(s, w) && !believing_came_twice(w));
}

static enum error came(struct session *s, const struct answer *a, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];

	POINT("fetch", "came");
	f->out_octets -= w->octets;
	w->octets = 0;
	s->in_store += gather_hold(take(&f->gather), f->held < MOST_HELD, &w->body);
	f->held += w->body->len;
	if (a->pipelined || f->window_count > 1 || needs_close(s, w)) {
		wants_move(&f->wants, w, WANT_HELD);
		w->sent_alone = w->sent_alone || (!a->pipelined && f->window_count == 1);
		return a->pipelined ? OK : close_window(s, why);
	}
	forget_window(f);
	w->body->body->unproven = true;
	if (w->sent_alone)
		believing_came_alone(s, w);
	else
		believing_believe(s, w);
	return OK;
}

/* Where it goes on all the same the disk would fill, and nobody ever get another message. */
static enum error check_end(const struct session *s, const struct want *w, struct failure *why)
{
	if (s->fetching.came <= w->listed * MOST_TIMES_LISTED + MOST_UNLISTED)
		return OK;
	return failed(why, E_REFUSED,
	    "message %" PRId64 " has no end: LIST says %" PRIu64
	    " octets, and %s sent more than %d "
	    "times as many and %" PRIu64 " GiB",
	    w->id, w->listed, s->plan->host, MOST_TIMES_LISTED, MOST_UNLISTED >> 30);
}

static void begins(struct session *s, const struct want *w)
{
	s->fetching.gather = gather_create(w->id, &s->queues->tasks);
	s->fetching.came = 0;
}

static enum error came_text(struct session *s, struct slice text, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];
	uint64_t expected = text.len < w->octets ? text.len : w->octets;

	POINT("fetch", "text");
	w->octets -= expected;
	f->out_octets -= expected;
	f->came += text.len;
	s->in_store += gather_add(f->gather, text);
	pace_arrived(&f->pace, text.len, clock_ms());
	return check_end(s, w, why);
}

/* Another session may have deleted it, or the refusal was meant for another command. So it is asked
 * for once more, first on a new line, whose listing says whether it is there: that one listing
 * answers it for all that are refused now. Where it was the first already, the next listing has to
 * do. What is in trouble is not asked for so again. true: it is wanted still. */
static bool is_asked_again(struct session *s, struct want *w)
{
	if (troubled_holds(&s->troubled, w->id, clock_ms()))
		return false;
	if (w->was_refused || w->sent_first) {
		session_want_listing(s);
		return false;
	}
	w->was_refused = w->alone = true;
	wants_move_first(&s->fetching.wants, w, want_home(w));
	return true;
}

static void refused(struct session *s, const struct reply_status *status)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];
	struct failure why;

	f->out_octets -= w->octets;
	f->lone_out = false;
	if (f->window_count == 1 && talk_waiting(s->talk) == 0)
		forget_window(f); /* or its NOOP would go out together with the next RETR */
	if (w->is_odd)
		believing_odd_settled(s, w);
	if (status->code == CODE_SYS_TEMP && postponing_takes(s, w))
		return;
	if (status->code == CODE_NONE && is_asked_again(s, w))
		return;
	failed(&why, status->code == CODE_SYS_TEMP ? E_LATER : E_REFUSED, "%s refused RETR: %.*s",
	    s->plan->host, SLICE_ARGS(status->text));
	fetching_settle(s, w, &why);
}

static enum error window_answer(struct session *s, const struct answer *a, struct failure *why)
{
	uint64_t octets;
	uint32_t number;

	if (a->verb == VERB_LIST &&
	    !(a->status.sign == REPLY_OK && reply_list(a->status.text, &number, &octets) &&
		number == a->tag))
		return failed(why, E_PROTOCOL,
		    "out of step: LIST %" PRIu64 " was answered by: %.*s", a->tag,
		    SLICE_ARGS(a->status.text));
	s->fetching.noops_out--;
	believing_window_closed(s);
	return OK;
}

enum error fetching_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w = f->wants.first[WANT_OUT];

	if ((a->verb == VERB_NOOP || a->verb == VERB_LIST) && f->noops_out > 0)
		return window_answer(s, a, why);
	if (a->verb != VERB_RETR || !w)
		return failed(
		    why, E_PROTOCOL, "an answer to %s came out of turn", verb_word(a->verb));
	if (a->kind == ANSWER_STATUS && a->status.sign != REPLY_OK)
		refused(s, &a->status);
	else if (a->kind == ANSWER_STATUS)
		begins(s, w);
	else if (a->kind == ANSWER_TEXT)
		return came_text(s, a->text, why);
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
	forget_window(f);
	f->out_octets = 0;
	f->noops_out = 0;
	f->lone_out = false;
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
	if (w && w->row == WANT_HELD && w->listed <= w->body->body->size &&
	    w->doubts + 1 < MOST_UNPROVEN) {
		believing_unproven(s, w);
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
