#include "errand.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "point.h"

/* Commands out at a time where the server announced PIPELINING; else one. They and their answers
 * are short; more than a server has ever been asked to hold does not make it faster. */
#define MOST_OUT 16384

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

bool committing_waits_for(const struct intention *i)
{
	return i->state != INTENTION_REFUSED;
}

static size_t waiting(const struct intentions *all)
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++)
		count += committing_waits_for(&all->all[i]);
	return count;
}

/* ---- the steps ---- */

static enum error mark(struct session *s, struct failure *why);
static enum error compare(struct session *s, struct failure *why);

/* Nothing is sent: this very listing has settled all, or (how) nobody can tell what there is. */
static void finish_unsent(struct session *s, const struct failure *how)
{
	if (s->line == LINE_COMMITTING)
		s->line = LINE_READY;
	s->committing.result.proved = !how;
	finish(s, how);
}

void committing_intentions(struct session *s, const struct failure *how, struct intentions *all)
{
	struct committing *c = &s->committing;
	struct failure why = {0};

	if (--c->questions > 0 || (c->stage != COMMIT_ASKING && c->stage != COMMIT_READING)) {
		free(all);
		return;
	}
	if (how->code) {
		free(all);
		finish_unsent(s, how);
		return;
	}
	free(c->intentions);
	c->intentions = all;
	c->result.waiting = waiting(all);
	if (c->result.waiting == 0) {
		finish_unsent(s, NULL);
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
	comparing_choose(s);
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

size_t committing_most_out(const struct session *s)
{
	return pipelining_allowed(s) ? MOST_OUT : 1;
}

static enum error compare(struct session *s, struct failure *why)
{
	if (comparing_go(s, why))
		return why->code;
	return comparing_done(s) ? mark(s, why) : OK;
}

/* "sent" goes to disk before any DELE goes out. */
static enum error mark(struct session *s, struct failure *why)
{
	struct committing *c = &s->committing;
	struct task *t = task_create(TASK_MARK);

	t->ids = xreallocarray(NULL, c->count, sizeof(*t->ids));
	for (size_t i = 0; i < c->count; i++) {
		c->all[i].marked = c->all[i].outcome == OUTCOME_NOT_SENT && !c->all[i].not_now;
		if (c->all[i].marked)
			t->ids[t->count++] = c->all[i].id;
	}
	c->next = 0;
	c->stage = COMMIT_MARKING;
	POINT("commit", "compared");
	session_send_task(s, t);
	return OK;
}

/* QUIT goes out behind the last DELE, and not a round trip later: one that is refused does not keep
 * the others from being deleted. */
static enum error send_deles(struct session *s, struct failure *why)
{
	struct committing *c = &s->committing;

	for (; c->next < c->count && talk_waiting(s->talk) < committing_most_out(s); c->next++) {
		struct deletion *d = &c->all[c->next];

		if (!d->marked)
			continue;
		if (talk_send_number(s->talk, VERB_DELE, d->number, c->next, why))
			return why->code;
		POINT("commit", "sent");
		d->sent = true;
		d->outcome = OUTCOME_UNKNOWN;
	}
	if (c->next < c->count || talk_waiting(s->talk) >= committing_most_out(s))
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

static enum error dele_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct deletion *d = &s->committing.all[a->tag];

	POINT("commit", "deleted");
	if (a->status.sign != REPLY_OK) {
		d->outcome = OUTCOME_REFUSED;
		proving_not_done(s, "the server refused to delete %s: %.*s", d->intention->name,
		    SLICE_ARGS(a->status.text));
	}
	return s->committing.stage == COMMIT_DELETING ? send_deles(s, why) : OK;
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
	proving_tell_journal(s);
	line_left(s);
	if (!c->final)
		session_want_listing(s);
	c->result.later = !c->final && !how.code && clock_ms() < s->backoff.patience_until;
	if (c->final || how.code || c->result.later)
		finish(s, how.code ? &how : NULL);
	else
		c->stage = COMMIT_PROVING;
}

enum error committing_answer(struct session *s, const struct answer *a, struct failure *why)
{
	switch (s->committing.stage) {
	case COMMIT_COMPARING:
		comparing_answer(s, a);
		return a->last ? compare(s, why) : OK;
	case COMMIT_DELETING:
	case COMMIT_QUITTING:
		if (a->verb == VERB_DELE)
			return dele_answer(s, a, why);
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
		proving_tell_journal(s); /* that none of them was sent */
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
		proving_tell_journal(s);
		break;
	default:
		break;
	}
	finish(s, why);
}

void committing_proved(struct session *s, const struct failure *how)
{
	if (s->committing.stage != COMMIT_PROVING)
		return;
	POINT("commit", "proved");
	if (how->code == OK)
		proving_look(s);
	finish(s, NULL); /* without a listing it stands as the server answered */
}
