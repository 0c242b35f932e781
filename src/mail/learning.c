/* The headers that a listing needs before it can be shown: by TOP, the newest first, because they
 * stand last. A message without a UIDL needs its header for a name; where there is no TOP either,
 * that is the beginning of its body. One message's trouble costs only its own header.
 *
 * Where several are out, nothing in an answer says whose header it is: a reply too many, and each
 * is taken for the next one's, whose time would be wrong for ever. So LIST with a number goes out
 * behind them, which is answered by that number where they came in step (believing.c). */
#include "errand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "learn.h"
#include "log.h"
#include "point.h"

/* Out at a time where the server announced PIPELINING; else one. Of TOPs as many as bring so many
 * octets, which no line that is in use holds at once, by what headers have taken so far: at first
 * all that a listing may want, since a second lot costs a round trip. Of bodies in their place a
 * few. */
#define OUT_OCTETS   ((size_t)16 << 20)
#define GUESSED      1024 /* octets of a header, before any has come ... */
#define GUESS_WEIGHT 16   /* ... and it counts as so many of them */
#define MOST_TOPS    16384
#define MOST_RETRS   100

/* Octets that the headers of one listing may take in memory, and that may be received for them
 * (bodies that stand in for headers). What lies beyond is shown without, or has no name. */
#define MOST_KEPT     (UINT64_C(64) << 20)
#define MOST_RECEIVED (UINT64_C(256) << 20)

/* What has been asked for by then may bring as much again, and bodies what LIST says of them.
 * Beyond that the line is given up. An answer that alone is more than all may be has no end, and
 * its header is left out; else it is all of them (there are servers that answer TOP with the whole
 * message), and the next line asks for no headers. */
#define GIVEN_UP (2 * MOST_RECEIVED)

/* Messages whose header decides which one they are, in one listing; headers= does not bound them.
 */
#define MOST_DOUBTS 10000

#define MOST_REFUSED 3 /* TOPs one after the other: then no more in this listing */

/* Lines that broke under headers, one after the other, before a listing goes without them; and
 * before it fails. */
#define BREAKS_WITHOUT 4
#define MOST_BREAKS    8

#define MOST_SILENT                                                                                \
	2 /* lines that fell silent at a TOP, each for timeout=, before no more is sent */

#define MOST_SHUNNED 65536 /* octets of the list of messages whose headers broke a line */

bool learning_top_is_there(const struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	return c->known ? c->top : s->learning.top != TOP_REFUSED;
}

/* For the headers of a listing. A commit, which somebody waits for, may try it all the same. */
static bool uses_top(const struct session *s)
{
	return learning_top_is_there(s) && s->learning.silent < MOST_SILENT;
}

void learning_forget(struct session *s)
{
	struct learning *l = &s->learning;

	buf_finish(&l->text);
	l->next = l->out = l->came = l->wanted = l->doubts = l->refused = 0;
	l->kept = l->received = l->coming = l->bodies = 0;
	l->answered = l->proof_asked = false;
	l->proof = 0;
}

void learning_finish(struct session *s)
{
	learning_forget(s);
	buf_finish(&s->learning.shunned);
}

/* ---- messages whose header broke a line ---- */

/* What it is known by in the next session, a LF at both ends: those that the server sends hold
 * none. */
static void write_key(struct buf *key, const struct draft *d, const struct row *r)
{
	buf_add_text(key, "\n");
	if (r->kind == ROW_NAMELESS)
		buf_printf(key, "\r%" PRIu32 " %" PRIu64, r->number, r->listed);
	else
		buf_add_slice(key, row_uidl(d, r));
	buf_add_text(key, "\n");
}

static bool is_shunned(const struct session *s, const struct row *r)
{
	const struct buf *shunned = &s->learning.shunned;
	CLEANUP(buf_finish) struct buf key = {0};

	if (shunned->len == 0)
		return false;
	write_key(&key, s->survey.draft, r);
	return memmem(buf_at(shunned), shunned->len, buf_at(&key), key.len) != NULL;
}

static bool wants_header(const struct session *s, const struct row *r)
{
	return r->kind != ROW_KNOWN && !r->learnt && !is_shunned(s, r);
}

/* The line is out of step behind the last answer (Dovecot does not stuff the dot of a first line,
 * so that the rest of a header comes where the next reply should be); else it broke under the first
 * that is out. Answers come in order, and the last rows were asked for first. */
static const struct row *culprit(const struct session *s, const struct failure *why)
{
	const struct learning *l = &s->learning;
	const struct draft *d = s->survey.draft;
	size_t i = d->count - 1;

	if (l->answered && (why->code == E_PROTOCOL || l->out == 0))
		return &d->rows[l->last];
	while (!d->rows[i].asked)
		i--;
	return &d->rows[i];
}

static uint64_t most_received(const struct learning *l)
{
	return GIVEN_UP + l->bodies;
}

bool learning_broken(struct session *s, const struct failure *why)
{
	struct learning *l = &s->learning;
	const struct row *r;

	if (!s->survey.draft || (l->out == 0 && !l->answered) || ++l->breaks > MOST_BREAKS)
		return false;
	if (l->received > most_received(l) && l->coming <= MOST_RECEIVED) {
		log_info("%s: the listing goes without headers", why->words);
		l->breaks = l->breaks < BREAKS_WITHOUT ? BREAKS_WITHOUT : l->breaks;
		return true;
	}
	if (l->out == 0 && learning_is_unproven(s) && why->code != E_PROTOCOL)
		return true; /* under what was asked for behind them */
	if (why->code == E_TIMEOUT && uses_top(s) && ++l->silent == MOST_SILENT) {
		buf_clear(&l->shunned); /* it was none of them */
		return true;
	}
	r = culprit(s, why);
	log_info("%s, at the header of message %" PRIu32 ": it is left out", why->words, r->number);
	if (l->shunned.len < MOST_SHUNNED)
		write_key(&l->shunned, s->survey.draft, r);
	return true;
}

/* ---- asking ---- */

static bool may_ask(const struct session *s, const struct row *r)
{
	const struct learning *l = &s->learning;

	if (l->kept > MOST_KEPT || l->received > MOST_RECEIVED)
		return false;
	if (r->kind == ROW_NAMELESS)
		return true;
	if (l->refused >= MOST_REFUSED || !uses_top(s))
		return false;
	return r->kind == ROW_NEW ? l->wanted > 0 : l->doubts > 0;
}

static enum error ask_for(struct session *s, struct row *r, struct failure *why)
{
	struct learning *l = &s->learning;
	bool top = uses_top(s);

	if (talk_send_number(s->talk, top ? VERB_TOP : VERB_RETR, r->number, l->next, why))
		return why->code;
	if (!top) {
		s->fetching.read_here = true;
		l->bodies += r->listed;
	}
	l->wanted -= r->kind == ROW_NEW;
	l->doubts -= r->kind == ROW_DOUBTFUL || r->kind == ROW_TWIN;
	l->out++;
	r->asked = true;
	return OK;
}

/* All that was asked for has come, or will not: the draft is the store's again. */
static void publish(struct session *s)
{
	struct task *t = task_create(TASK_PUBLISH);

	POINT("listing", "learnt");
	s->learning.breaks = 0;
	t->draft = take(&s->survey.draft);
	t->draft->sure = s->refresh_sure;
	session_send_task(s, t);
}

static size_t most_out(const struct session *s)
{
	const struct learning *l = &s->learning;
	size_t counted = l->came + GUESS_WEIGHT;
	size_t most = OUT_OCTETS * counted / ((size_t)l->received + GUESS_WEIGHT * GUESSED);

	if (!pipelining_allowed(s) || l->breaks >= BREAKS_WITHOUT)
		return 1;
	if (!uses_top(s) || most < MOST_RETRS)
		return MOST_RETRS;
	return most < MOST_TOPS ? most : MOST_TOPS;
}

bool learning_is_unproven(const struct session *s)
{
	return s->ahead.unproven || s->learning.proof;
}

/* Behind the last lot, unless what goes ahead has it already. */
static enum error ask_for_proof(struct session *s, struct failure *why)
{
	struct learning *l = &s->learning;
	uint32_t number = s->survey.draft->rows[0].number;

	if (l->proof_asked || s->ahead.unproven || l->out < 2)
		return OK;
	l->proof_asked = true;
	l->proof = number;
	return talk_send_number(s->talk, VERB_LIST, number, number, why);
}

static enum error ask(struct session *s, struct failure *why)
{
	struct learning *l = &s->learning;
	size_t most = most_out(s);

	while (l->out < most && l->next > 0) {
		struct row *r = &s->survey.draft->rows[--l->next];

		if (wants_header(s, r) && may_ask(s, r) && ask_for(s, r, why))
			return why->code;
	}
	if (l->next == 0 && l->out > 0 && (ahead_go(s, why) || ask_for_proof(s, why)))
		return why->code;
	if (l->out == 0 && !learning_is_unproven(s))
		publish(s);
	return OK;
}

enum error learning_start(struct session *s, struct failure *why)
{
	struct learning *l = &s->learning;

	learning_forget(s);
	l->next = s->survey.draft->count;
	if (l->breaks < BREAKS_WITHOUT) {
		l->wanted = s->plan->headers;
		l->doubts = MOST_DOUBTS;
	}
	return ask(s, why);
}

/* ---- answers ---- */

/* Where there is no CAPA, the first refusal says that there is no TOP: what needs its header all
 * the same is asked for again, by another command. */
static void top_refused(struct session *s, const struct answer *a)
{
	struct learning *l = &s->learning;

	l->refused++;
	if (talk_capabilities(s->talk)->known || l->top != TOP_UNTRIED)
		return;
	l->top = TOP_REFUSED;
	l->next = a->tag + 1;
}

static void top_granted(struct learning *l)
{
	l->top = TOP_WORKS;
	if (l->refused < MOST_REFUSED)
		l->refused = 0;
}

static void take_status(struct session *s, const struct answer *a)
{
	buf_clear(&s->learning.text);
	s->learning.coming = 0;
	if (a->verb != VERB_TOP)
		return;
	if (a->status.sign == REPLY_OK)
		top_granted(&s->learning);
	else
		top_refused(s, a);
}

/* What the line does is known before the first body then. */
static enum error take_text(struct session *s, struct slice text, struct failure *why)
{
	struct learning *l = &s->learning;
	size_t room = LEARN_LARGEST - l->text.len;

	buf_add(&l->text, text.at, text.len < room ? text.len : room);
	l->received += text.len;
	l->coming += text.len;
	pace_arrived(&s->fetching.pace, text.len, clock_ms());
	if (l->received <= most_received(l))
		return OK;
	return failed(why, E_REFUSED, "%s sends more than %" PRIu64 " MiB for headers",
	    s->plan->host, most_received(l) >> 20);
}

/* No octet at all tells nothing, unless there is none; nor does a reply too many. */
static void take_end(struct learning *l, enum verb verb, struct row *r)
{
	CLEANUP(freep) struct learnt *learnt = NULL;

	if (verb == VERB_TOP)
		l->silent = 0;
	learnt = learn_header(buf_slice(&l->text), clock_seconds());
	if (r->kind != ROW_NAMELESS &&
	    ((learnt->len == 0 && r->listed > 0) || learn_is_reply(learnt)))
		return;
	l->kept += learnt->len;
	r->learnt = take(&learnt);
}

/* "-ERR" proves nothing, and is no header. */
static enum error proof_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct learning *l = &s->learning;
	uint64_t octets;
	uint32_t number;

	if (a->status.sign == REPLY_OK &&
	    (!reply_list(a->status.text, &number, &octets) || number != l->proof))
		return failed(why, E_PROTOCOL,
		    "out of step behind the headers: LIST %" PRIu32 " was answered by: %.*s",
		    l->proof, SLICE_ARGS(a->status.text));
	l->proof = 0;
	return OK;
}

static enum error list_answer(struct session *s, const struct answer *a, struct failure *why)
{
	return s->ahead.unproven ? ahead_answer(s, a, why) : proof_answer(s, a, why);
}

enum error learning_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct learning *l = &s->learning;
	struct row *r;

	if (a->verb == VERB_LIST)
		return list_answer(s, a, why) ? why->code : ask(s, why);
	r = &s->survey.draft->rows[a->tag];
	if (a->kind == ANSWER_STATUS)
		take_status(s, a);
	if (a->kind == ANSWER_TEXT && take_text(s, a->text, why))
		return why->code;
	if (a->kind == ANSWER_END)
		take_end(l, a->verb, r);
	if (!a->last)
		return OK;
	r->asked = false;
	l->answered = true;
	l->came++;
	l->last = a->tag;
	l->out--;
	return ask(s, why);
}
