#include "errand.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "journal.h"
#include "learn.h"
#include "log.h"
#include "name.h"
#include "point.h"

/* Commands out at a time where the server announced PIPELINING; else one. */
#define MOST_OUT 500

bool committing_wants_line(const struct session *s)
{
	return s->committing.stage == COMMIT_WAITING;
}

bool committing_waited_for(const struct session *s)
{
	return committing_wants_line(s) || s->committing.stage == COMMIT_PROVING;
}

static void ask_store(struct session *s)
{
	s->committing.questions++;
	session_send_task(s, task_create(TASK_INTENTIONS));
}

static void forget(struct committing *c)
{
	free(c->all);
	free(c->intentions);
	buf_finish(&c->top);
	c->all = NULL;
	c->intentions = NULL;
	c->count = c->next = 0;
}

static void begin_round(struct session *s)
{
	struct committing *c = &s->committing;

	forget(c);
	c->before.deleted += c->result.deleted;
	c->before.dropped += c->result.dropped;
	c->refused = (struct failure){0};
	c->result = (struct commit_result){0};
	c->deadline = clock_in(s->plan->commit_ms);
	c->again = c->broken = false;
	c->stage = COMMIT_ASKING;
	POINT("commit", "asked");
	ask_store(s);
}

static void begin(struct session *s, bool final)
{
	struct committing *c = &s->committing;

	c->wanted = true;
	c->final = final;
	c->result = c->before = (struct commit_result){0};
	begin_round(s);
}

static void tell(struct session *s, const struct failure *how)
{
	struct committing *c = &s->committing;
	struct event *e = event_create(EVENT_COMMITTED);

	e->commit = c->result;
	e->commit.deleted += c->before.deleted;
	e->commit.dropped += c->before.dropped;
	e->final = c->final;
	e->failure = how ? *how : c->refused;
	session_send_event(s, e);
}

/* Whoever waits for the commit gets the real result, and not before what he removed was in it. */
static void finish(struct session *s, const struct failure *how)
{
	struct committing *c = &s->committing;

	if (c->again && !how && !c->final_after) {
		begin_round(s);
		return;
	}
	tell(s, how);
	forget(c);
	c->wanted = c->again = false;
	c->stage = COMMIT_NONE;
	if (c->final_after) {
		c->final_after = false;
		begin(s, true);
	}
}

void committing_want(struct session *s, bool final)
{
	struct committing *c = &s->committing;

	if (!c->wanted) {
		begin(s, final);
	} else if (final && c->stage <= COMMIT_WAITING) {
		c->final = true;
		c->deadline = clock_in(s->plan->commit_ms);
	} else if (c->stage > COMMIT_WAITING) {
		/* the one under way has read the journal already: an unlink may have come since */
		c->final_after = c->final_after || final;
		c->again = c->again || !final;
		if (final && c->stage == COMMIT_PROVING)
			finish(s, NULL);
	}
}

static bool waits(const struct intention *i)
{
	return i->state != INTENTION_REFUSED;
}

static size_t waiting(const struct intentions *all)
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++)
		count += waits(&all->all[i]);
	return count;
}

/* One that was not done: the journal tries it so often, then it is shown again. */
static void count_undone(struct committing *c, const struct deletion *d)
{
	if (d->intention->tries + 1 < JOURNAL_MOST_TRIES)
		c->result.waiting++;
	else
		c->result.dropped++;
}

/* Hands what became of each to the journal. */
static void tell_journal(struct session *s)
{
	struct committing *c = &s->committing;
	struct task *t = task_create(TASK_OUTCOMES);

	t->outcomes = xreallocarray(NULL, c->count, sizeof(*t->outcomes));
	for (size_t i = 0; i < c->count; i++) {
		const struct deletion *d = &c->all[i];

		if (d->marked || d->outcome != OUTCOME_NOT_SENT)
			t->outcomes[t->count++] = (struct outcome){d->id, d->outcome};
		if (d->outcome == OUTCOME_DELETED)
			c->result.deleted++;
		else if (d->outcome == OUTCOME_DROPPED)
			c->result.dropped++;
		else if (d->outcome == OUTCOME_REFUSED)
			count_undone(c, d);
		else
			c->result.waiting++;
	}
	session_send_task(s, t);
}

/* ---- which deletions, by which numbers ---- */

/* Whether its header is to be compared. An intention from before this line's listing is good only
 * for the message that it was made for; so is a later one, but where its UIDL says least, and there
 * is something to compare, that is done all the same. */
static bool is_doubtful(const struct session *s, const struct intention *i)
{
	const struct message *m = listing_by_id(s->listing, i->id);

	if (m && message_flags(m) & MESSAGE_TWIN)
		return true;
	if (!i->resized && !name_is_counter(slice_of(i->name)))
		return false;
	return i->older || i->tries > 0 || (i->has_digest && learning_top_is_there(s));
}

static void drop(struct deletion *d)
{
	d->outcome = OUTCOME_DROPPED;
	log_warning(
	    "%s is not deleted: the server now lists another message under its UIDL, or one "
	    "that cannot be told from it; it is shown again",
	    d->intention->name);
}

/* What nothing tells from another message, or what cannot be compared, is not deleted. */
static void drop_hopeless(const struct session *s, struct deletion *d)
{
	const struct message *m = listing_by_id(s->listing, d->id);

	if (message_flags(m) & MESSAGE_FIXED ||
	    (d->doubtful && (!d->intention->has_digest || !learning_top_is_there(s))))
		drop(d);
}

static void choose(struct session *s)
{
	struct committing *c = &s->committing;

	c->all = xreallocarray(NULL, c->intentions->count, sizeof(*c->all));
	for (size_t i = 0; i < c->intentions->count; i++) {
		const struct intention *in = &c->intentions->all[i];
		uint32_t number = session_number(s, in->id);

		if (!waits(in) || number == 0)
			continue;
		c->all[c->count] = (struct deletion){
		    .id = in->id,
		    .number = number,
		    .doubtful = is_doubtful(s, in),
		    .outcome = OUTCOME_NOT_SENT,
		    .intention = in,
		};
		drop_hopeless(s, &c->all[c->count++]);
	}
}

/* ---- the steps ---- */

static enum error mark(struct session *s, struct failure *why);
static enum error compare(struct session *s, struct failure *why);

void committing_intentions(struct session *s, struct intentions *all)
{
	struct committing *c = &s->committing;
	struct failure why = {0};

	if (--c->questions > 0 || (c->stage != COMMIT_ASKING && c->stage != COMMIT_READING)) {
		free(all);
		return;
	}
	free(c->intentions);
	c->intentions = all;
	c->result.waiting = waiting(all);
	if (c->result.waiting == 0) {
		if (s->line == LINE_COMMITTING)
			s->line =
			    LINE_READY; /* this very listing has settled all: nothing is sent */
		c->result.proved = true;
		finish(s, NULL);
		return;
	}
	if (s->plan->read_only) {
		failed(
		    &why, E_READONLY, "the mount is read-only: nothing is deleted on the server");
		finish(s, &why);
		return;
	}
	if (c->stage == COMMIT_ASKING) {
		c->stage = COMMIT_WAITING;
		return;
	}
	choose(s);
	c->result.waiting -= c->count; /* those are told one by one */
	c->stage = COMMIT_COMPARING;
	if (compare(s, &why))
		line_over(s, &why);
}

static void read_journal(struct session *s)
{
	forget(&s->committing);
	s->committing.stage = COMMIT_READING;
	ask_store(s);
}

enum error committing_start(struct session *s, struct failure *why)
{
	struct failure held;

	if (s->held && clock_ms() >= s->held_until) {
		line_close(s); /* another listing may be believed */
		return OK;
	}
	if (s->held) {
		failed(&held, E_SHRUNK, "nothing is deleted on the server now: %s",
		    s->backoff.trouble.words);
		finish(s, &held);
		return OK;
	}
	s->line = LINE_COMMITTING;
	POINT("commit", "begun");
	read_journal(s);
	return OK;
}

static size_t most_out(const struct session *s)
{
	return pipelining_allowed(s) ? MOST_OUT : 1;
}

static enum error compare(struct session *s, struct failure *why)
{
	struct committing *c = &s->committing;

	for (; c->next < c->count && talk_waiting(s->talk) < most_out(s); c->next++) {
		struct deletion *d = &c->all[c->next];

		if (d->doubtful && d->outcome == OUTCOME_NOT_SENT &&
		    talk_send_number(s->talk, VERB_TOP, d->number, c->next, why))
			return why->code;
	}
	if (c->next < c->count || talk_waiting(s->talk) > 0)
		return OK;
	return mark(s, why);
}

/* "sent" goes to disk before any DELE goes out. */
static enum error mark(struct session *s, struct failure *why)
{
	struct committing *c = &s->committing;
	struct task *t = task_create(TASK_MARK);

	t->ids = xreallocarray(NULL, c->count, sizeof(*t->ids));
	for (size_t i = 0; i < c->count; i++) {
		c->all[i].marked = c->all[i].outcome == OUTCOME_NOT_SENT;
		if (c->all[i].marked)
			t->ids[t->count++] = c->all[i].id;
	}
	c->next = 0;
	c->stage = COMMIT_MARKING;
	POINT("commit", "compared");
	session_send_task(s, t);
	return OK;
}

static enum error send_deles(struct session *s, struct failure *why)
{
	struct committing *c = &s->committing;

	for (; c->next < c->count && talk_waiting(s->talk) < most_out(s); c->next++) {
		struct deletion *d = &c->all[c->next];

		if (!d->marked)
			continue;
		if (talk_send_number(s->talk, VERB_DELE, d->number, c->next, why))
			return why->code;
		POINT("commit", "sent");
		d->sent = true;
		d->outcome = OUTCOME_UNKNOWN;
	}
	if (c->next < c->count || talk_waiting(s->talk) > 0)
		return OK;
	c->stage = COMMIT_QUITTING;
	POINT("commit", "quits");
	return talk_send(s->talk, VERB_QUIT, slice_of(""), 0, why);
}

enum error committing_marked(struct session *s, const struct failure *how, struct failure *why)
{
	if (s->committing.stage != COMMIT_MARKING)
		return OK;
	if (how->code == E_VANISHED) {
		read_journal(s); /* one was undeleted meanwhile */
		return OK;
	}
	if (how->code) {
		*why = *how;
		return why->code;
	}
	s->committing.stage = COMMIT_DELETING;
	POINT("commit", "marked");
	return send_deles(s, why);
}

static bool is_same(const struct deletion *d, struct slice text)
{
	CLEANUP(freep) struct learnt *learnt = learn_header(text, clock_seconds());

	return memcmp(learnt->digest, d->intention->digest, sizeof(learnt->digest)) == 0;
}

static enum error top_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct committing *c = &s->committing;
	struct deletion *d = &c->all[a->tag];

	if (a->kind == ANSWER_STATUS) {
		buf_clear(&c->top);
		if (a->status.sign != REPLY_OK)
			drop(d);
	} else if (a->kind == ANSWER_TEXT && c->top.len < LEARN_LARGEST) {
		size_t room = LEARN_LARGEST - c->top.len;

		buf_add(&c->top, a->text.at, a->text.len < room ? a->text.len : room);
	} else if (a->kind == ANSWER_END && !is_same(d, buf_slice(&c->top))) {
		drop(d);
	}
	return a->last ? compare(s, why) : OK;
}

/* Said of each, and to whoever waits for the commit of the first. */
__attribute__((format(printf, 2, 3))) static void not_done(
    struct committing *c, const char *format, ...)
{
	struct failure why;
	va_list args;

	va_start(args, format);
	vsnprintf(why.words, sizeof(why.words), format, args);
	va_end(args);
	why.code = E_REFUSED;
	log_warning("%s", why.words);
	if (!c->refused.code)
		c->refused = why;
}

static enum error dele_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct deletion *d = &s->committing.all[a->tag];

	POINT("commit", "deleted");
	if (a->status.sign != REPLY_OK) {
		d->outcome = OUTCOME_REFUSED;
		not_done(&s->committing, "the server refused to delete %s: %.*s",
		    d->intention->name, SLICE_ARGS(a->status.text));
	}
	return send_deles(s, why);
}

static void quit_answer(struct session *s, const struct answer *a)
{
	struct committing *c = &s->committing;
	struct failure how = {0};

	POINT("commit", "quit");
	if (a->status.sign == REPLY_OK) {
		for (size_t i = 0; i < c->count; i++)
			if (c->all[i].outcome == OUTCOME_UNKNOWN)
				c->all[i].outcome = OUTCOME_DELETED;
	} else {
		failed(&how, E_REFUSED, "%s answered QUIT with -ERR %.*s", s->plan->host,
		    SLICE_ARGS(a->status.text));
	}
	tell_journal(s);
	s->line = LINE_LEAVING;
	if (!c->final)
		session_want_listing(s);
	if (c->final || how.code || clock_ms() < s->backoff.patience_until)
		finish(s, how.code ? &how : NULL);
	else
		c->stage = COMMIT_PROVING;
}

enum error committing_answer(struct session *s, const struct answer *a, struct failure *why)
{
	switch (s->committing.stage) {
	case COMMIT_COMPARING:
		return top_answer(s, a, why);
	case COMMIT_DELETING:
		return dele_answer(s, a, why);
	case COMMIT_QUITTING:
		quit_answer(s, a);
		return OK;
	default:
		return failed(
		    why, E_PROTOCOL, "an answer to %s came out of turn", verb_word(a->verb));
	}
}

static bool dele_is_out(const struct committing *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->all[i].sent)
			return true;
	return false;
}

void committing_line_broke(struct session *s, const struct failure *why, bool try_again)
{
	struct committing *c = &s->committing;
	bool broke = (why->code == E_CLOSED || why->code == E_PROTOCOL) && !c->broken;
	size_t left = c->intentions ? waiting(c->intentions) : c->result.waiting;

	if (!(broke || try_again) || dele_is_out(c)) {
		log_warning("%s", why->words);
		committing_broken(s, why);
		return;
	}
	c->broken = true;
	if (c->stage == COMMIT_MARKING)
		tell_journal(s); /* that none of them was sent */
	forget(c);
	c->result = (struct commit_result){.waiting = left};
	c->stage = COMMIT_WAITING;
}

void committing_broken(struct session *s, const struct failure *why)
{
	struct committing *c = &s->committing;

	switch (c->stage) {
	case COMMIT_NONE:
		return;
	case COMMIT_PROVING:
		committing_proved(s, why);
		return;
	case COMMIT_MARKING:
	case COMMIT_DELETING:
	case COMMIT_QUITTING:
	case COMMIT_COMPARING:
		tell_journal(s);
		break;
	default:
		break;
	}
	finish(s, why);
}

/* The listing after QUIT is the proof: what it still has was not deleted, whatever the answers
 * were. */
void committing_proved(struct session *s, const struct failure *how)
{
	struct committing *c = &s->committing;

	if (c->stage != COMMIT_PROVING)
		return;
	POINT("commit", "proved");
	/* without a listing it stands as the server answered, and the next one proves it */
	for (size_t i = 0; i < c->count && how->code == OK; i++) {
		if (c->all[i].outcome == OUTCOME_DELETED &&
		    listing_by_id(s->listing, c->all[i].id)) {
			c->result.deleted--;
			count_undone(c, &c->all[i]);
			not_done(c, "%s is still listed after \"+OK\" to DELE and QUIT",
			    c->all[i].intention->name);
		}
	}
	c->result.proved = how->code == OK;
	finish(s, NULL);
}
