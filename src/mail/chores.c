#include "chores.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "checking.h"
#include "clock.h"
#include "counters.h"
#include "journal.h"
#include "keeping.h"
#include "log.h"
#include "merge.h"
#include "pins.h"
#include "point.h"
#include "stored.h"

/* ---- doing, inside a transaction ---- */

static enum error do_chunk(struct chores *c, struct work *w)
{
	return keeping_piece(c, w->task, &w->failure);
}

static enum error do_body(struct chores *c, struct work *w)
{
	return keeping_body(c, w);
}

static enum error do_header(struct chores *c, struct work *w)
{
	const struct task *t = w->task;

	keeping_header(c, t);
	return stored_bring_header(c->store, t->id, t->learnt, &w->header, &w->failure);
}

static enum error do_discard(struct chores *c, struct work *w)
{
	return keeping_break_off(c, w->task->id, &w->failure);
}

static enum error do_damaged(struct chores *c, struct work *w)
{
	return keeping_discard(c, w->task->id, &w->failure);
}

static enum error do_merge(struct chores *c, struct work *w)
{
	return merge_draft(c->store, c->listing, w->task->draft, &w->failure);
}

static enum error do_publish(struct chores *c, struct work *w)
{
	enum error error = merge_publish(
	    c->store, c->listing, w->task->draft, &w->listing, &w->numbers, &w->same, &w->failure);

	if (error || w->task->draft->verdict != DRAFT_STANDS)
		return error;
	error = journal_settle(c->store, &w->failure);
	return error ? error : journal_all(c->store, &w->intentions, &w->failure);
}

static enum error do_outcomes(struct chores *c, struct work *w)
{
	for (size_t i = 0; i < w->task->count; i++) {
		enum error error = journal_outcome(c->store, &w->task->outcomes[i], &w->failure);

		if (error)
			return error;
	}
	return journal_all(c->store, &w->intentions, &w->failure);
}

static enum error do_intentions(struct chores *c, struct work *w)
{
	return journal_all(c->store, &w->intentions, &w->failure);
}

static enum error do_mark(struct chores *c, struct work *w)
{
	return journal_mark(c->store, w->task->ids, w->task->count, &w->failure);
}

static enum error do_remember(struct chores *c, struct work *w)
{
	return store_remember(c->store, w->task->key, w->task->value, &w->failure);
}

static enum error do_unlink(struct chores *c, struct work *w)
{
	return journal_unlink(c->store, w->task->id, &w->failure);
}

static enum error do_undelete(struct chores *c, struct work *w)
{
	return journal_undelete(c->store, w->task->id, &w->failure);
}

static enum error do_used(struct chores *c, struct work *w)
{
	int64_t now = clock_seconds();
	enum error error = OK;

	for (size_t i = 0; !error && i < w->task->count; i++)
		error = bodies_used(c->store, w->task->ids[i], now, &w->failure);
	return error;
}

static enum error do_check(struct chores *c, struct work *w)
{
	bool done;
	enum error error = checking_step(c->store, w->task->checking, &done, &w->failure);

	w->again = !error && !done;
	return error;
}

static enum error do_nothing(struct chores *c, struct work *w)
{
	return OK;
}

/* ---- telling, after the commit ---- */

/* What is told of bodies is gathered: first all that the session hears, which forgets them then,
 * and next what the fs hears, which may ask for them again (work_told). All else goes in the order
 * in which it is told: a listing to the fs before the session, which says that it has come. */
static void to_session(struct chores *c, struct job *j, const struct work *w)
{
	j->failure = w->failure;
	if (w->task->kind == TASK_BODY)
		queue_lot_add(&c->jobs, &j->item);
	else
		queue_put(&c->queues->jobs, &j->item);
}

static void to_fs(struct chores *c, struct event *e, const struct work *w)
{
	e->id = w->task->id;
	e->cookie = w->task->cookie;
	e->failure = w->failure;
	if (w->task->kind == TASK_BODY)
		queue_lot_add(&c->events, &e->item);
	else
		queue_put(&c->queues->events, &e->item);
}

static void tell_damaged(struct chores *c, struct work *w)
{
	struct message *m = listing_by_id(c->listing, w->task->id);

	if (m && !w->failure.code && (message_flags(m) & MESSAGE_CACHED))
		message_set_uncached(c->listing, m);
}

/* The message's facts are true before anybody is told of them. */
static void tell_doubt(struct chores *c, struct work *w)
{
	const struct body *b = w->task->body;
	struct job *j = job_create(JOB_DOUBTED);

	j->id = w->task->id;
	j->doubts = b->doubts + 1;
	memcpy(j->hash, b->sha256, sizeof(j->hash));
	to_session(c, j, w);
}

static void tell_kept(struct chores *c, struct work *w)
{
	struct job *j = job_create(JOB_KEPT);

	j->id = w->task->id;
	to_session(c, j, w);
}

/* The body stays at least until whoever waits for it has heard of it. */
static void tell_fetched(struct chores *c, struct work *w)
{
	struct event *e = event_create(EVENT_FETCHED);

	e->replaced = w->replaces;
	e->held = !w->failure.code && pins_hold(c->queues->pins, w->task->id);
	to_fs(c, e, w);
	room_look(&c->room);
}

/* An older body stays, if there is one: who opened the message since it was to be replaced
 * (keeping.c) waits for this event, and reads that one. */
static void drop(struct chores *c, const struct work *w)
{
	struct message *m = listing_by_id(c->listing, w->task->id);

	keeping_drop(c, w);
	if (m && keeping_has(c, w->task->id))
		message_set_cached(c->listing, m);
	else if (m)
		message_set_uncached(c->listing, m);
}

static void tell_body(struct chores *c, struct work *w)
{
	const struct task *t = w->task;
	struct message *m = listing_by_id(c->listing, t->id);

	if (w->leaves)
		to_fs(c, event_create(EVENT_EVICTED), w);
	if (w->doubted && !w->failure.code) {
		tell_doubt(c, w);
		return;
	}
	if (m && w->replaces && !w->failure.code)
		message_set_replaced(c->listing, m);
	if (w->failure.code)
		drop(c, w);
	else if (m)
		message_set_body(
		    c->listing, m, t->body->size, (uint32_t)t->body->lines, t->body->header, true);
	tell_kept(c, w); /* from now on the session asks the server again if it is not cached */
	tell_fetched(c, w);
}

static void tell_header(struct chores *c, struct work *w)
{
	struct message *m = listing_by_id(c->listing, w->task->id);

	if (m && !w->failure.code)
		message_set_header(m, w->header);
	to_fs(c, event_create(EVENT_HEADED), w);
}

static void tell_merged(struct chores *c, struct work *w)
{
	struct job *j = job_create(JOB_MERGED);

	j->draft = take(&w->task->draft);
	to_session(c, j, w);
}

static void swap_listing(struct chores *c, struct work *w)
{
	struct event *e = event_create(EVENT_LISTED);

	e->fresh = true;
	e->same = w->same;
	e->listing = w->same ? NULL : listing_hold(w->listing);
	e->intentions = take(&w->intentions);
	listing_drop(c->listing);
	c->listing = listing_hold(w->listing);
	to_fs(c, e, w);
}

static void tell_published(struct chores *c, struct work *w)
{
	struct job *j;

	if (!w->failure.code && w->task->draft->verdict == DRAFT_ASKS) {
		counters_ask(w->task->draft);
		tell_merged(c, w);
		return;
	}
	j = job_create(JOB_PUBLISHED);
	if (!w->failure.code && w->task->draft->verdict == DRAFT_STANDS)
		swap_listing(c, w);
	room_look(&c->room);
	j->draft = take(&w->task->draft);
	j->listing = take(&w->listing);
	j->numbers = take(&w->numbers);
	to_session(c, j, w);
}

static void tell_intentions(struct chores *c, struct work *w)
{
	struct job *j = job_create(JOB_INTENTIONS);

	j->intentions = take(&w->intentions);
	to_session(c, j, w);
}

static void tell_marked(struct chores *c, struct work *w)
{
	to_session(c, job_create(JOB_MARKED), w);
}

/* Where nothing was written down all is as it was. */
static void tell_outcomes(struct chores *c, struct work *w)
{
	struct event *e;

	if (w->failure.code)
		return;
	e = event_create(EVENT_INTENTIONS);
	e->intentions = take(&w->intentions);
	to_fs(c, e, w);
}

static void tell_unlinked(struct chores *c, struct work *w)
{
	to_fs(c, event_create(EVENT_UNLINKED), w);
}

static void tell_undeleted(struct chores *c, struct work *w)
{
	to_fs(c, event_create(EVENT_UNDELETED), w);
}

static void tell_synced(struct chores *c, struct work *w)
{
	to_fs(c, event_create(EVENT_SYNCED), w);
}

static void tell_spare(struct chores *c, struct work *w)
{
	room_spare(&c->room, w->task->id);
}

/* Behind all that has come meanwhile. */
static void check_again(struct chores *c, struct work *w)
{
	struct task *t = task_create(TASK_CHECK);

	t->cookie = w->task->cookie;
	t->checking = take(&w->task->checking);
	queue_put(&c->queues->tasks, &t->item);
}

static void tell_checked(struct chores *c, struct work *w)
{
	const struct checking *found = w->task->checking;
	struct message *m = listing_by_id(c->listing, found->id);
	struct event *e;

	if (w->again && !c->ending) {
		check_again(c, w);
		return;
	}
	if (found->found == FOUND_DAMAGED && m && !w->failure.code)
		message_set_uncached(c->listing, m);
	e = event_create(EVENT_CHECKED);
	e->checking = take(&w->task->checking);
	to_fs(c, e, w);
}

static void tell_end(struct chores *c, struct work *w)
{
	c->ending = true;
}

static void tell_nobody(struct chores *c, struct work *w)
{
}

/* ---- the kinds of tasks ---- */

static const struct kind {
	enum error (*perform)(struct chores *c, struct work *w);
	void (*tell)(struct chores *c, struct work *w);
	const char *word; /* its points: point.h */
	bool durable, alone;
} kinds[] = {
    [TASK_CHUNK] = {do_chunk, tell_nobody, "chunk"},
    [TASK_BODY] = {do_body, tell_body, "body"},
    [TASK_HEADER] = {do_header, tell_header, "header"},
    [TASK_DISCARD] = {do_discard, tell_nobody, "discard"},
    [TASK_DAMAGED] = {do_damaged, tell_damaged, "damaged"},
    [TASK_MERGE] = {do_merge, tell_merged, "merge", .alone = true},
    [TASK_PUBLISH] = {do_publish, tell_published, "publish", .alone = true},
    [TASK_INTENTIONS] = {do_intentions, tell_intentions, "intentions"},
    [TASK_MARK] = {do_mark, tell_marked, "mark", .durable = true},
    [TASK_OUTCOMES] = {do_outcomes, tell_outcomes, "outcomes"},
    [TASK_REMEMBER] = {do_remember, tell_nobody, "remember"},
    [TASK_UNLINK] = {do_unlink, tell_unlinked, "unlink"},
    [TASK_UNDELETE] = {do_undelete, tell_undeleted, "undelete", .durable = true},
    [TASK_SYNC] = {do_nothing, tell_synced, "sync", .durable = true},
    [TASK_USED] = {do_used, tell_nobody, "used"},
    [TASK_SPARE] = {do_nothing, tell_spare, "spare"},
    [TASK_CHECK] = {do_check, tell_checked, "check", .alone = true},
    [TASK_END] = {do_nothing, tell_end, "end", .durable = true},
};

bool task_durable(const struct task *t)
{
	return kinds[t->kind].durable;
}

bool task_alone(const struct task *t)
{
	return kinds[t->kind].alone;
}

enum error work_perform(struct chores *c, struct work *w)
{
	const struct kind *kind = &kinds[w->task->kind];
	enum error error = kind->perform(c, w);

	POINT(kind->word, "done"); /* and not committed */
	return error;
}

void work_failed(struct chores *c, struct work *w)
{
	keeping_failed(c, w);
}

void work_forget(struct work *w)
{
	listing_drop(take(&w->listing));
	free(take(&w->numbers));
	free(take(&w->intentions));
}

static void complain(const struct work *w)
{
	switch (w->failure.code) {
	case OK:
	case E_VANISHED: /* these say something about the wish, not about the store */
	case E_FORBIDDEN:
	case E_PROTOCOL:
	case E_LATER:
		return;
	default:
		if (w->task->kind != TASK_CHUNK) /* its body will say it */
			log_error("%s", w->failure.words);
	}
}

void work_tell(struct chores *c, struct work *w)
{
	const struct kind *kind = &kinds[w->task->kind];

	POINT(kind->word, "kept");
	complain(w);
	if (w->task->kind != TASK_BODY)
		work_told(c); /* this one is told behind them */
	kind->tell(c, w);
	POINT(kind->word, "told");
}

void work_told(struct chores *c)
{
	queue_put_lot(&c->queues->jobs, &c->jobs);
	queue_put_lot(&c->queues->events, &c->events);
}
