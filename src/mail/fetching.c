/* Bodies, by RETR. Where the server may be asked for several at once (pipelining.c), what is in
 * flight is counted in octets (pace.h), and commands go out in windows:
 *
 *     RETR RETR RETR NOOP   RETR RETR ... NOOP   ...
 *
 * A body behind which another command was sent before its end is provisional: there are servers
 * that announce PIPELINING and put the "+OK" to the next command inside it (facts about servers:
 * pipelining.c). Its pieces go to the store, which does not count them; it is believed when the
 * NOOP that closes its window is answered in step, and its size is LIST's wherever this server's
 * lone RETRs have kept to LIST. Is it not, everything that is held waits until the odd ones have
 * been fetched again with nothing else on the line: the same octets, and LIST was wrong; others,
 * and pipelining was.
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

#define MOST_TRIES  2 /* lines that may break under one message before its reader is told */
#define MOST_DOUBTS 4 /* bodies of one message, no two alike, before its reader is told */

/* For a message that LIST says nothing of, so that not all of them go out at once. */
#define LEAST_OCTETS 512

/* ---- who wants what ---- */

static enum want_row row_of(const struct want *w)
{
	return w->urgent ? WANT_URGENT : WANT_BULK;
}

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

void fetching_doubted(struct session *s, const struct job *j)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w = wants_find(wants, j->id);

	if (!w)
		w = wants_add(wants, j->id, WANT_URGENT);
	else if (w->row == WANT_STORING || w->row == WANT_BULK)
		wants_move(wants, w, WANT_URGENT);
	w->urgent = w->alone = w->has_hash = true;
	w->doubts = j->doubts;
	memcpy(w->hash, j->hash, sizeof(w->hash));
	log_info(
	    "message %" PRId64 " came with another header than TOP gave: fetching it again", j->id);
}

size_t fetching_queue(const struct session *s)
{
	const size_t *count = s->fetching.wants.count;

	return count[WANT_URGENT] + count[WANT_BULK] + count[WANT_OUT] + count[WANT_HELD];
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
static void settle(struct session *s, struct want *w, const struct failure *why)
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
		settle(s, w, NULL);
		return true;
	}
	failed(&gone, E_VANISHED, "message %" PRId64 " is not on the server any more", w->id);
	settle(s, w, &gone);
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

static bool same_hash(const struct want *w, const struct body *b)
{
	return w->has_hash && memcmp(w->hash, b->sha256, sizeof(w->hash)) == 0;
}

static void discard_body(struct session *s, struct want *w)
{
	struct task *t = task_create(TASK_DISCARD);

	t->id = w->id;
	session_send_task(s, t);
	task_free(take(&w->body));
}

/* The store thread tells the reader, once it is there. Who asks for it until then need not ask the
 * server. */
static void believe(struct session *s, struct want *w)
{
	struct task *t = take(&w->body);

	POINT("fetch", "believed");
	t->body->doubts = w->doubts;
	wants_move(&s->fetching.wants, w, WANT_STORING);
	session_send_task(s, t);
}

void fetching_kept(struct session *s, int64_t id)
{
	struct want *w = wants_find(&s->fetching.wants, id);

	if (w && w->row == WANT_STORING)
		wants_remove(&s->fetching.wants, w);
}

static void believe_held(struct session *s)
{
	struct want *w;

	while ((w = s->fetching.wants.first[WANT_HELD]) != NULL)
		believe(s, w);
}

/* To be fetched again, with nothing else on the line; the same octets once more will be believed.
 */
static void doubt(struct session *s, struct want *w)
{
	struct failure why;

	memcpy(w->hash, w->body->body->sha256, sizeof(w->hash));
	w->has_hash = w->alone = w->urgent = true; /* others wait for it */
	w->doubted_alone = w->sent_alone;
	discard_body(s, w);
	if (++w->doubts < MOST_DOUBTS) {
		wants_move_first(&s->fetching.wants, w, WANT_URGENT);
		return;
	}
	failed(&why, E_PROTOCOL, "message %" PRId64 " comes otherwise each time", w->id);
	settle(s, w, &why);
}

/* All that is held is fetched anew. */
static void disbelieve_held(struct session *s)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w;

	while ((w = wants->last[WANT_HELD]) != NULL) {
		discard_body(s, w);
		wants_move_first(wants, w, row_of(w));
	}
}

static void forget_odd(struct session *s)
{
	for (enum want_row row = 0; row < WANT_ROWS; row++)
		for (struct want *w = s->fetching.wants.first[row]; w; w = w->next)
			w->is_odd = false;
	s->fetching.odd = false;
}

/* Only a header, where LIST counts more: some servers lose a body, and have it the next time
 * (quirks.c). */
static bool lost_its_body(const struct want *w)
{
	const struct body *b = w->body->body;

	return b->size == b->header && b->size < w->listed;
}

static bool is_odd(const struct session *s, const struct want *w)
{
	if (s->facts.of[FACT_LIST_INEXACT])
		return lost_its_body(w);
	return w->listed > 0 && w->body->body->size != w->listed;
}

/* It holds up the others no more. */
static void odd_settled(struct session *s, struct want *w)
{
	w->is_odd = s->fetching.odd = false;
	believe_held(s);
}

/* What was odd in a window has come again, alone. */
static void odd_again(struct session *s, struct want *w, bool same)
{
	if (same) {
		session_learn(s, FACT_LIST_INEXACT, 1);
		odd_settled(s, w);
	} else {
		pipelining_failed(s, true);
		forget_odd(s);
		disbelieve_held(s);
	}
}

static void came_alone(struct session *s, struct want *w)
{
	const struct body *b = w->body->body;
	bool same = same_hash(w, b);

	s->fetching.lone_out = false;
	pipelining_lone_fetch(s, w->listed == 0 || w->listed == b->size);
	if (w->is_odd)
		odd_again(s, w, same);
	w->body->body->sure = same;
	if (!same && (w->doubted_alone || (!w->has_hash && lost_its_body(w))))
		doubt(s, w);
	else
		believe(s, w); /* the store doubts it again if it must */
}

/* The one that was fetched alone and had a NOOP behind it, to see whether more comes. */
static struct want *find_lone(const struct fetching *f)
{
	struct want *w = f->wants.first[WANT_HELD];

	while (w && !w->sent_alone)
		w = w->next;
	return w;
}

static struct want *find_odd(const struct session *s)
{
	struct want *w = s->fetching.wants.first[WANT_HELD];

	while (w && !is_odd(s, w))
		w = w->next;
	return w;
}

/* A window is closed in step: its bodies are believed, unless one has not LIST's size. One such is
 * enough to find out whether it is LIST that is wrong; the others wait for it, odd ones too. */
static void window_closed(struct session *s)
{
	struct fetching *f = &s->fetching;
	struct want *w = find_lone(f);

	if (w) {
		wants_move(&f->wants, w, WANT_OUT); /* not one of those that it may set free */
		came_alone(s, w);
	} else if (f->odd) {
		return;
	} else if ((w = find_odd(s)) != NULL) {
		f->odd = w->is_odd = true;
		doubt(s, w);
	} else {
		believe_held(s);
		s->pipelines_broken = 0;
	}
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
		came_alone(s, w);
	else
		believe(s, w);
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
		odd_settled(s, w);
	failed(&why, status->code == CODE_SYS_TEMP ? E_LATER : E_REFUSED, "%s refused RETR: %.*s",
	    s->plan->host, SLICE_ARGS(status->text));
	settle(s, w, &why);
}

static enum error noop_answer(struct session *s)
{
	s->fetching.noops_out--;
	window_closed(s);
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
		wants_move_first(wants, w, row_of(w));
}

void fetching_line_closed(struct session *s)
{
	struct fetching *f = &s->fetching;

	gather_abort(take(&f->gather));
	want_again(s, WANT_OUT);
	disbelieve_held(s);
	forget_odd(s);
	f->out_octets = f->window_octets = 0;
	f->window_count = f->noops_out = 0;
	f->lone_out = f->window_is_urgent = false;
}

void fetching_broken(struct session *s, const struct failure *why)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w = wants->first[WANT_OUT] ? wants->first[WANT_OUT] : wants->first[WANT_HELD];

	/* silence has used up the reader's patience; a line that broke has not */
	if (w && (++w->tries >= MOST_TRIES || why->code == E_TIMEOUT)) {
		gather_abort(take(&s->fetching.gather));
		if (w->body)
			discard_body(s, w);
		settle(s, w, why);
	}
}

void fetching_fail_all(struct session *s, const struct failure *why)
{
	struct want *w;

	fetching_line_closed(s);
	while ((w = next_wanted(&s->fetching)) != NULL)
		settle(s, w, why);
}

void fetching_finish(struct session *s)
{
	struct wants *wants = &s->fetching.wants;

	for (enum want_row row = 0; row < WANT_ROWS; row++)
		while (wants->first[row])
			wants_remove(wants, wants->first[row]);
}
