/* Which bodies are believed. There is nothing in an answer to RETR that says which message it is:
 * one reply too many, and each message is taken for the next. So a body needs one of these:
 *
 * - the header that TOP gave. Only the store knows that one, and so it has the last word
 * (bodies.h);
 * - where TOP gave none, or has been seen to give others than RETR: a line in step, which is one
 *   where LIST with the message's number, sent behind it, is answered by that number. What begins
 *   like a reply is not believed so: a lone "+OK" too many came before it;
 * - with another header than TOP's, or on a line that is not in step: that it comes twice alike,
 *   each time as the first that is asked for on a line of its own. A reply too many follows another
 *   reply, and there the only ones before are those to the listing, which is nobody's mail.
 *
 * A body behind which another command was sent before its end is provisional besides: there are
 * servers that announce PIPELINING and put the "+OK" to the next command inside it (pipelining.c).
 * It waits here, or if it is large its pieces do in the store, which does not count them; it is
 * believed when the NOOP that closes its window is answered in step, and its size is LIST's
 * wherever this server's lone RETRs have kept to LIST. Is it not, everything that is held waits
 * until the odd one has been fetched again with nothing else on the line. The same octets: then a
 * lone RETR does not agree with LIST, and so sizes say nothing of this server's windows. Others:
 * the window is thrown away, and pipelining is over. */
#include "errand.h"

#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "learn.h"
#include "point.h"

#define MOST_DOUBTS 4 /* bodies of one message, no two alike, before its reader is told */

#define TOPS_DIFFER                                                                                \
	2 /* messages with other headers by TOP than by RETR, before TOP counts no more */

static bool same_hash(const struct want *w, const struct body *b)
{
	return w->has_hash && memcmp(w->hash, b->sha256, sizeof(w->hash)) == 0;
}

static bool top_differs(const struct session *s)
{
	return s->facts.of[FACT_TOP_DIFFERS] >= TOPS_DIFFER;
}

static bool has_header(const struct session *s, const struct want *w)
{
	const struct message *m = listing_by_id(s->listing, w->id);

	return m && atomic_load(&m->header) > 0;
}

bool believing_needs_proof(const struct session *s, const struct want *w)
{
	return w->has_hash || top_differs(s) || !has_header(s, w);
}

bool believing_needs_line(const struct session *s, const struct want *w)
{
	return (w->was_refused || w->other_header) && s->fetching.fetched_here;
}

bool believing_came_twice(const struct want *w)
{
	return w->doubted_first && w->sent_first && same_hash(w, w->body->body);
}

static void remember_doubted(struct want *w, const unsigned char *hash)
{
	memcpy(w->hash, hash, sizeof(w->hash));
	w->has_hash = w->alone = w->urgent = true; /* others wait for it */
	w->doubted_alone = w->sent_alone;
	w->doubted_first = w->sent_first;
}

void believing_unproven(struct session *s, struct want *w)
{
	remember_doubted(w, w->body->body->sha256);
	w->other_header = true;
	w->doubts++;
}

void believing_doubted(struct want *w, const struct job *j)
{
	bool was_alone = w->doubted_alone;

	remember_doubted(w, j->hash);
	w->doubted_alone = was_alone; /* it is the header that differed, not the body */
	w->other_header = true;
	w->doubts = j->doubts;
}

/* Its task leaves here. */
static struct task *take_body(struct session *s, struct want *w)
{
	s->fetching.held -= w->body->len;
	return take(&w->body);
}

/* Where the store has none of its pieces it need not know. */
void believing_discard(struct session *s, struct want *w)
{
	struct task *t = take_body(s, w);

	if (t->data || t->body->chunks == 0) {
		task_free(t);
		return;
	}
	t->kind = TASK_DISCARD;
	session_send_task(s, t);
}

/* What the store is told. It tells the reader, once the body is there; who asks for it until then
 * need not ask the server. */
static struct task *believed(struct session *s, struct want *w)
{
	struct task *t = take_body(s, w);
	struct body *b = t->body;

	POINT("fetch", "believed");
	b->doubts = w->doubts;
	b->unproven = b->unproven || (b->learnt && learn_is_reply(b->learnt));
	b->sure = b->sure || (top_differs(s) && !b->unproven);
	w->again = w->urgent = false; /* what is asked from now on is asked anew */
	wants_move(&s->fetching.wants, w, WANT_STORING);
	s->in_store += t->len;
	return t;
}

void believing_believe(struct session *s, struct want *w)
{
	session_send_task(s, believed(s, w));
}

/* All at once: the store wakes up once, and has one transaction for them. */
static void believe_held(struct session *s)
{
	struct queue_lot lot = {.first = NULL};
	struct want *w;

	while ((w = s->fetching.wants.first[WANT_HELD]) != NULL)
		queue_lot_add(&lot, &believed(s, w)->item);
	queue_put_lot(&s->queues->tasks, &lot);
}

/* It holds up the others no more. */
void believing_odd_settled(struct session *s, struct want *w)
{
	w->is_odd = s->fetching.odd = false;
	believe_held(s);
}

/* To be fetched again, with nothing else on the line; the same octets once more will be believed.
 */
static void doubt(struct session *s, struct want *w)
{
	struct failure why;

	remember_doubted(w, w->body->body->sha256);
	believing_discard(s, w);
	wants_move_first(&s->fetching.wants, w, WANT_URGENT);
	if (++w->doubts < MOST_DOUBTS)
		return;
	failed(&why, E_PROTOCOL, "message %" PRId64 " comes otherwise each time", w->id);
	fetching_settle(s, w, &why);
}

static void forget_odd(struct session *s)
{
	for (enum want_row row = 0; row < WANT_ROWS; row++)
		for (struct want *w = s->fetching.wants.first[row]; w; w = w->next)
			w->is_odd = false;
	s->fetching.odd = false;
}

/* All that is held is fetched anew. */
void believing_nothing(struct session *s)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w;

	while ((w = wants->last[WANT_HELD]) != NULL) {
		believing_discard(s, w);
		wants_move_first(wants, w, want_home(w));
	}
	forget_odd(s);
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

/* What was odd in a window has come again, alone. */
static void odd_again(struct session *s, struct want *w, bool same)
{
	if (same) {
		session_learn(s, FACT_LIST_INEXACT, 1);
		believing_odd_settled(s, w);
	} else {
		pipelining_failed(s, true);
		believing_nothing(s);
	}
}

void believing_came_alone(struct session *s, struct want *w)
{
	struct body *b = w->body->body;
	bool same = same_hash(w, b), last = w->doubts + 1 >= MOST_DOUBTS;
	bool exact = w->listed == 0 || w->listed == b->size;

	s->fetching.lone_out = false;
	if (exact || !w->sent_ahead)
		pipelining_lone_fetch(s, exact);
	if (w->is_odd)
		odd_again(s, w, same);
	b->sure = believing_came_twice(w);
	if (b->sure && has_header(s, w) && !top_differs(s))
		session_learn(s, FACT_TOP_DIFFERS, s->facts.of[FACT_TOP_DIFFERS] + 1);
	if (!same && (last || w->doubted_alone || (!w->has_hash && lost_its_body(w))))
		doubt(s, w);
	else
		believing_believe(s, w); /* the store doubts it again if it must */
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

bool believing_holds_odd(const struct session *s)
{
	return find_odd(s) != NULL;
}

/* A window is closed in step: its bodies are believed, unless one has not LIST's size. One such is
 * enough to find out whether it is LIST that is wrong; the others wait for it, odd ones too. */
void believing_window_closed(struct session *s)
{
	struct fetching *f = &s->fetching;
	struct want *w = find_lone(f);

	if (w) {
		wants_move(&f->wants, w, WANT_OUT); /* not one of those that it may set free */
		believing_came_alone(s, w);
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
