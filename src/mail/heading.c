/* Headers that somebody wants to see, by TOP, on a line that is ready. They go out together, where
 * the server takes several commands at a time, but never beside bodies: which of the two a line
 * broke under is then no question. What TOP does not bring, comes with the body: the fs thread asks
 * for that. */
#include "errand.h"

#include <inttypes.h>

#include "alloc.h"
#include "clock.h"
#include "learn.h"

#define MOST_OUT 100 /* TOPs at a time where the server announced PIPELINING; else one */

/* Octets of one answer: a server may send the whole message, or never come to an end. */
#define MOST_OCTETS (UINT64_C(256) << 20)

void heading_want(struct session *s, int64_t id, bool urgent)
{
	struct wants *wants = &s->heading.wants;
	struct want *w = wants_find(wants, id);

	if (!w)
		w = wants_add(wants, id, urgent ? WANT_URGENT : WANT_BULK);
	else if (urgent && w->row == WANT_BULK)
		wants_move(wants, w, WANT_URGENT);
	w->urgent = w->urgent || urgent;
}

bool heading_waited_for(const struct session *s)
{
	return s->heading.wants.first[WANT_URGENT] != NULL;
}

bool heading_wanted(const struct session *s)
{
	const struct want *const *first = (const struct want *const *)s->heading.wants.first;

	return first[WANT_URGENT] || first[WANT_BULK] || first[WANT_OUT];
}

bool heading_is_next(const struct session *s)
{
	if (s->heading.wants.first[WANT_OUT] || heading_waited_for(s))
		return true;
	return heading_wanted(s) && !fetching_waited_for(s);
}

/* Tells whoever waits that TOP does not bring it. */
static void settle(struct session *s, struct want *w, const struct failure *why)
{
	struct event *e = event_create(EVENT_HEADED);

	e->id = w->id;
	e->failure = *why;
	session_send_event(s, e);
	wants_remove(&s->heading.wants, w);
}

static void refuse(struct session *s, struct want *w, const char *words)
{
	struct failure why;

	failed(&why, E_REFUSED, "the header of message %" PRId64 ": %s", w->id, words);
	settle(s, w, &why);
}

/* ---- asking ---- */

/* Nobody who waits for a body waits for headers that nobody waits for. */
static struct want *next_wanted(const struct session *s)
{
	const struct wants *wants = &s->heading.wants;

	if (wants->first[WANT_URGENT] || fetching_waited_for(s))
		return wants->first[WANT_URGENT];
	return wants->first[WANT_BULK];
}

/* true: nothing need be sent for it. */
static bool settled(struct session *s, struct want *w)
{
	struct failure gone;

	if (session_number(s, w->id) == 0) {
		failed(
		    &gone, E_VANISHED, "message %" PRId64 " is not on the server any more", w->id);
		settle(s, w, &gone);
		return true;
	}
	if (learning_top_is_there(s))
		return false;
	refuse(s, w, "the server has no TOP");
	return true;
}

enum error heading_go(struct session *s, struct failure *why)
{
	struct wants *wants = &s->heading.wants;
	size_t most = pipelining_allowed(s) ? MOST_OUT : 1;
	struct want *w;

	if (!wants->first[WANT_OUT] && talk_waiting(s->talk) > 0)
		return fetching_pause(s, why);
	while (wants->count[WANT_OUT] < most && (w = next_wanted(s)) != NULL) {
		if (settled(s, w))
			continue;
		wants_move(wants, w, WANT_OUT);
		if (talk_send_number(s->talk, VERB_TOP, session_number(s, w->id), 0, why))
			return why->code;
	}
	return OK;
}

/* ---- what came ---- */

/* Where there is no CAPA, the first answer says whether there is a TOP. */
static void take_status(struct session *s, struct want *w, const struct answer *a)
{
	struct learning *l = &s->learning;

	buf_clear(&s->heading.text);
	s->heading.octets = 0;
	if (a->status.sign == REPLY_OK) {
		l->top = TOP_WORKS;
		return;
	}
	if (!talk_capabilities(s->talk)->known && l->top == TOP_UNTRIED)
		l->top = TOP_REFUSED;
	refuse(s, w, "TOP was refused");
}

static enum error take_text(struct session *s, struct slice text, struct failure *why)
{
	struct heading *h = &s->heading;
	size_t room = LEARN_LARGEST - h->text.len;

	buf_add(&h->text, text.at, text.len < room ? text.len : room);
	h->octets += text.len;
	if (h->octets <= MOST_OCTETS)
		return OK;
	return failed(why, E_REFUSED, "%s sends more than %" PRIu64 " MiB for a header",
	    s->plan->host, MOST_OCTETS >> 20);
}

/* One that is too long to be kept, or is not there at all, is no answer. */
static void take_end(struct session *s, struct want *w)
{
	const struct message *m = listing_by_id(s->listing, w->id);
	CLEANUP(freep)
	struct learnt *learnt = learn_header(buf_slice(&s->heading.text), clock_seconds());
	struct task *t;

	if (learn_length(learnt) == 0 && (learnt->len > 0 || message_size(m) > 0)) {
		refuse(s, w, "TOP does not bring all of it");
		return;
	}
	if (learn_is_reply(learnt)) {
		refuse(s, w, "a reply came before it");
		return;
	}
	t = task_create(TASK_HEADER);
	t->id = w->id;
	t->learnt = take(&learnt);
	session_send_task(s, t);
	wants_remove(&s->heading.wants, w);
}

enum error heading_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct want *w = s->heading.wants.first[WANT_OUT];

	if (!w)
		return failed(why, E_PROTOCOL, "an answer to TOP came out of turn");
	if (a->kind == ANSWER_STATUS)
		take_status(s, w, a);
	else if (a->kind == ANSWER_TEXT)
		return take_text(s, a->text, why);
	else if (a->kind == ANSWER_END)
		take_end(s, w);
	return OK;
}

/* ---- what did not come ---- */

bool heading_broken(struct session *s, const struct failure *why)
{
	struct want *w = s->heading.wants.first[WANT_OUT];

	if (!w)
		return false;
	settle(s, w, why);
	return true;
}

/* Back where they came from, in their order. */
void heading_line_closed(struct session *s)
{
	struct wants *wants = &s->heading.wants;
	struct want *w;

	while ((w = wants->last[WANT_OUT]) != NULL)
		wants_move_first(wants, w, want_home(w));
}

void heading_fail_all(struct session *s, const struct failure *why)
{
	struct wants *wants = &s->heading.wants;

	heading_line_closed(s);
	while (wants->first[WANT_URGENT])
		settle(s, wants->first[WANT_URGENT], why);
	while (wants->first[WANT_BULK])
		settle(s, wants->first[WANT_BULK], why);
}

void heading_finish(struct session *s)
{
	struct wants *wants = &s->heading.wants;

	heading_line_closed(s);
	while (wants->first[WANT_URGENT])
		wants_remove(wants, wants->first[WANT_URGENT]);
	while (wants->first[WANT_BULK])
		wants_remove(wants, wants->first[WANT_BULK]);
	buf_finish(&s->heading.text);
}
