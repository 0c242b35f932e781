#include "storer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "clock.h"
#include "journal.h"
#include "log.h"
#include "merge.h"

#define MOST_TASKS  1000      /* in one transaction ... */
#define MOST_OCTETS (8 << 20) /* ... and of bodies in it */
#define ON_DISK_MS  500       /* an unlink that is in the log is put on disk after this */

/* One task, and what doing it brought: told after the commit, forgotten after a rollback. */
struct work {
	struct task *task;
	struct failure failure;
	struct listing *listing;
	uint32_t *numbers;
	bool same;
	struct intentions *intentions;
};

struct storer {
	struct store *store;
	struct queues *queues;
	struct listing *listing;    /* in force */
	struct queue_item *waiting; /* tasks taken from the queue, not yet done */
	int64_t deadline;           /* when the log must be on disk, or CLOCK_NEVER */
	bool ending;
	/* The body of which a piece was lost, or 0; its other pieces are not kept either. */
	int64_t broken;
	struct failure broken_why;
	struct work batch[MOST_TASKS];
	size_t count; /* in the batch */
	pthread_t thread;
};

/* ---- doing, inside a transaction ---- */

static enum error do_chunk(struct storer *st, struct work *w)
{
	const struct task *t = w->task;

	if (st->broken == t->id && t->index == 0)
		st->broken = 0;
	if (st->broken == t->id)
		return OK;
	return bodies_add(
	    st->store, t->id, t->index, slice_make(t->data, t->len), t->lines, &w->failure);
}

static enum error do_body(struct storer *st, struct work *w)
{
	if (st->broken == w->task->id)
		return failed(&w->failure, st->broken_why.code, "%s", st->broken_why.words);
	return bodies_complete(st->store, w->task->id, w->task->body, &w->failure);
}

static enum error do_discard(struct storer *st, struct work *w)
{
	if (st->broken == w->task->id)
		st->broken = 0;
	return bodies_discard(st->store, w->task->id, &w->failure);
}

static enum error do_merge(struct storer *st, struct work *w)
{
	return merge_draft(st->store, st->listing, w->task->draft, &w->failure);
}

static enum error do_publish(struct storer *st, struct work *w)
{
	enum error error = merge_publish(st->store, st->listing, w->task->draft, &w->listing,
	    &w->numbers, &w->same, &w->failure);

	if (!error)
		error = journal_settle(st->store, &w->failure);
	return error ? error : journal_all(st->store, &w->intentions, &w->failure);
}

static enum error do_outcomes(struct storer *st, struct work *w)
{
	for (size_t i = 0; i < w->task->count; i++) {
		enum error error = journal_outcome(st->store, &w->task->outcomes[i], &w->failure);

		if (error)
			return error;
	}
	return journal_all(st->store, &w->intentions, &w->failure);
}

static enum error do_intentions(struct storer *st, struct work *w)
{
	return journal_all(st->store, &w->intentions, &w->failure);
}

static enum error do_mark(struct storer *st, struct work *w)
{
	return journal_mark(st->store, w->task->ids, w->task->count, &w->failure);
}

static enum error do_remember(struct storer *st, struct work *w)
{
	return store_remember(st->store, w->task->key, w->task->value, &w->failure);
}

static enum error do_unlink(struct storer *st, struct work *w)
{
	return journal_unlink(st->store, w->task->id, &w->failure);
}

static enum error do_undelete(struct storer *st, struct work *w)
{
	return journal_undelete(st->store, w->task->id, &w->failure);
}

static enum error do_used(struct storer *st, struct work *w)
{
	return bodies_used(st->store, w->task->id, clock_seconds(), &w->failure);
}

static enum error do_nothing(struct storer *st, struct work *w)
{
	return OK;
}

/* ---- telling, after the commit ---- */

static void to_session(struct storer *st, struct job *j, const struct work *w)
{
	j->failure = w->failure;
	queue_put(&st->queues->jobs, &j->item);
}

static void to_fs(struct storer *st, struct event *e, const struct work *w)
{
	e->id = w->task->id;
	e->cookie = w->task->cookie;
	e->failure = w->failure;
	queue_put(&st->queues->events, &e->item);
}

static void tell_uncached(struct storer *st, struct work *w)
{
	struct message *m = listing_by_id(st->listing, w->task->id);

	if (m && !w->failure.code && (message_flags(m) & MESSAGE_CACHED))
		message_set_uncached(st->listing, m);
}

/* A body that begins anew is not in the cache until its end. */
static void tell_chunk(struct storer *st, struct work *w)
{
	if (w->task->index == 0)
		tell_uncached(st, w);
}

/* What there is of a body that failed only takes room. Should even this fail, the next start sweeps
 * it away. */
static void drop_pieces(struct storer *st, int64_t id)
{
	if (store_begin(st->store, NULL))
		return;
	if (bodies_discard(st->store, id, NULL))
		store_rollback(st->store);
	else
		store_commit(st->store, false, NULL);
}

/* The message's facts are true before anybody is told of them. */
static void tell_body(struct storer *st, struct work *w)
{
	const struct task *t = w->task;
	struct message *m = listing_by_id(st->listing, t->id);

	if (w->failure.code)
		drop_pieces(st, t->id);
	else if (m)
		message_set_body(
		    st->listing, m, t->body->size, (uint32_t)t->body->lines, t->body->header, true);
	to_fs(st, event_create(EVENT_FETCHED), w);
}

static void tell_merged(struct storer *st, struct work *w)
{
	struct job *j = job_create(JOB_MERGED);

	j->draft = take(&w->task->draft);
	to_session(st, j, w);
}

static void swap_listing(struct storer *st, struct work *w)
{
	struct event *e = event_create(EVENT_LISTED);

	e->fresh = true;
	e->same = w->same;
	e->listing = w->same ? NULL : listing_hold(w->listing);
	e->intentions = take(&w->intentions);
	listing_drop(st->listing);
	st->listing = listing_hold(w->listing);
	to_fs(st, e, w);
}

static void tell_published(struct storer *st, struct work *w)
{
	struct job *j = job_create(JOB_PUBLISHED);

	if (!w->failure.code)
		swap_listing(st, w);
	j->draft = take(&w->task->draft);
	j->listing = take(&w->listing);
	j->numbers = take(&w->numbers);
	to_session(st, j, w);
}

static void tell_intentions(struct storer *st, struct work *w)
{
	struct job *j = job_create(JOB_INTENTIONS);

	j->intentions = take(&w->intentions);
	to_session(st, j, w);
}

static void tell_marked(struct storer *st, struct work *w)
{
	to_session(st, job_create(JOB_MARKED), w);
}

static void tell_outcomes(struct storer *st, struct work *w)
{
	struct event *e = event_create(EVENT_INTENTIONS);

	e->intentions = take(&w->intentions);
	to_fs(st, e, w);
}

static void tell_unlinked(struct storer *st, struct work *w)
{
	to_fs(st, event_create(EVENT_UNLINKED), w);
}

static void tell_undeleted(struct storer *st, struct work *w)
{
	to_fs(st, event_create(EVENT_UNDELETED), w);
}

static void tell_synced(struct storer *st, struct work *w)
{
	to_fs(st, event_create(EVENT_SYNCED), w);
}

static void tell_nobody(struct storer *st, struct work *w)
{
}

/* ---- the kinds of tasks ---- */

static const struct kind {
	enum error (*perform)(struct storer *st, struct work *w);
	void (*tell)(struct storer *st, struct work *w);
	bool durable; /* on disk before it is told */
	bool alone;   /* in a transaction of its own: it looks at, or swaps, the listing in force */
} kinds[] = {
    [TASK_CHUNK] = {do_chunk, tell_chunk},
    [TASK_BODY] = {do_body, tell_body},
    [TASK_DISCARD] = {do_discard, tell_uncached},
    [TASK_MERGE] = {do_merge, tell_merged, .alone = true},
    [TASK_PUBLISH] = {do_publish, tell_published, .alone = true},
    [TASK_INTENTIONS] = {do_intentions, tell_intentions},
    [TASK_MARK] = {do_mark, tell_marked, .durable = true},
    [TASK_OUTCOMES] = {do_outcomes, tell_outcomes},
    [TASK_REMEMBER] = {do_remember, tell_nobody},
    [TASK_UNLINK] = {do_unlink, tell_unlinked},
    [TASK_UNDELETE] = {do_undelete, tell_undeleted, .durable = true},
    [TASK_SYNC] = {do_nothing, tell_synced, .durable = true},
    [TASK_USED] = {do_used, tell_nobody},
    [TASK_END] = {do_nothing, tell_nobody, .durable = true},
};

static const struct kind *kind_of(const struct work *w)
{
	return &kinds[w->task->kind];
}

/* ---- a batch ---- */

/* Back to before it was performed. */
static void forget(struct work *w)
{
	listing_drop(take(&w->listing));
	free(take(&w->numbers));
	free(take(&w->intentions));
}

static void undo(struct storer *st, struct work *works, size_t count)
{
	store_rollback(st->store);
	for (size_t i = 0; i < count; i++)
		forget(&works[i]);
}

/* One transaction; a failure of any undoes all. */
static enum error transact(struct storer *st, struct work *works, size_t count)
{
	struct failure *first = &works[0].failure;
	enum error error = store_begin(st->store, first);

	for (size_t i = 0; !error && i < count; i++)
		error = kind_of(&works[i])->perform(st, &works[i]);
	if (!error)
		error = store_commit(st->store, false, first);
	if (error)
		undo(st, works, count);
	return error;
}

/* The failure of one piece is that of its body, which is told at its end. */
static void remember_broken(struct storer *st, const struct work *w)
{
	if (w->task->kind == TASK_CHUNK) {
		st->broken = w->task->id;
		st->broken_why = w->failure;
	} else if (w->task->kind == TASK_BODY && st->broken == w->task->id) {
		st->broken = 0;
	}
}

/* One bad task shall cost only itself: what failed together is done again one by one. */
static void perform_batch(struct storer *st)
{
	if (transact(st, st->batch, st->count) == OK)
		return;
	if (st->count == 1) {
		remember_broken(st, &st->batch[0]);
		return;
	}
	for (size_t i = 0; i < st->count; i++)
		st->batch[i].failure = (struct failure){0};
	for (size_t i = 0; i < st->count; i++)
		if (transact(st, &st->batch[i], 1) != OK)
			remember_broken(st, &st->batch[i]);
}

/* Those that asked for it are told of a failed sync; the others are in the log, as they wanted. */
static void sync_batch(struct storer *st)
{
	bool durable = false;
	struct failure failure = {0};

	for (size_t i = 0; i < st->count; i++) {
		durable |= kind_of(&st->batch[i])->durable;
		if (st->batch[i].task->kind == TASK_UNLINK && st->deadline == CLOCK_NEVER)
			st->deadline = clock_in(ON_DISK_MS);
	}
	if (!durable)
		return;
	if (store_sync(st->store, &failure) == OK)
		st->deadline = CLOCK_NEVER;
	for (size_t i = 0; failure.code && i < st->count; i++)
		if (kind_of(&st->batch[i])->durable && !st->batch[i].failure.code)
			st->batch[i].failure = failure;
}

static void complain(const struct work *w)
{
	switch (w->failure.code) {
	case OK:
	case E_VANISHED: /* these two say something about the wish, not about the store */
	case E_FORBIDDEN:
		return;
	default:
		if (w->task->kind != TASK_CHUNK) /* its body will say it */
			log_error("%s", w->failure.words);
	}
}

static void tell_batch(struct storer *st)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < st->count; i++) {
		struct work *w = &st->batch[i];

		complain(w);
		kind_of(w)->tell(st, w);
		st->ending |= w->task->kind == TASK_END;
		octets += w->task->len;
		forget(w);
		task_free(w->task);
	}
	st->count = 0;
	if (octets > 0) {
		struct job *j = job_create(JOB_STORED);

		j->octets = octets;
		queue_put(&st->queues->jobs, &j->item);
	}
}

/* Moves waiting tasks into the batch, as many as belong into one transaction. */
static void fill_batch(struct storer *st)
{
	uint64_t octets = 0;
	bool full = false;

	while (st->waiting && !full && st->count < MOST_TASKS) {
		struct task *t = (struct task *)st->waiting;
		bool alone = kinds[t->kind].alone;

		if (alone && st->count > 0)
			return;
		st->waiting = t->item.next;
		st->batch[st->count++] = (struct work){.task = t};
		octets += t->len;
		full = alone || octets >= MOST_OCTETS;
	}
}

/* ---- the thread ---- */

static void put_on_disk(struct storer *st)
{
	struct failure failure = {0};

	if (clock_ms() < st->deadline)
		return;
	st->deadline = CLOCK_NEVER;
	if (store_sync(st->store, &failure) != OK) {
		log_error("%s", failure.words);
		st->deadline = clock_in(ON_DISK_MS);
	}
}

static void *run(void *with)
{
	struct storer *st = with;

	for (;;) {
		if (!st->waiting && !st->ending)
			queue_wait(&st->queues->tasks, st->deadline);
		if (!st->waiting)
			st->waiting = queue_take_all(&st->queues->tasks);
		if (!st->waiting && st->ending)
			return NULL;
		fill_batch(st);
		if (st->count > 0) {
			perform_batch(st);
			sync_batch(st);
			tell_batch(st);
		}
		put_on_disk(st);
	}
}

/* What earlier mounts left: deletions on their way, and the listing. */
static enum error load(struct storer *st, struct event *e, struct failure *why)
{
	enum error error = store_begin(st->store, why);

	if (error)
		return error;
	error = journal_recover(st->store, why);
	if (!error)
		error = merge_load(st->store, &st->listing, why);
	if (!error)
		error = journal_all(st->store, &e->intentions, why);
	if (error) {
		store_rollback(st->store);
		return error;
	}
	e->listing = listing_hold(st->listing);
	return store_commit(st->store, false, why);
}

static void free_storer(struct storer *st)
{
	listing_drop(st->listing);
	free(st);
}

enum error storer_start(
    struct storer **out, struct store *s, struct queues *queues, struct failure *why)
{
	struct storer *st = xnew(struct storer);
	struct event *e = event_create(EVENT_LISTED);
	enum error error;

	st->store = s;
	st->queues = queues;
	st->deadline = CLOCK_NEVER;
	error = load(st, e, why);
	if (!error) {
		queue_put(&queues->events, &e->item);
		if (pthread_create(&st->thread, NULL, run, st) != 0)
			error = failed(why, E_SYSTEM, "cannot start the store thread");
	} else {
		event_free(e);
	}
	if (error)
		free_storer(st);
	else
		*out = st;
	return error;
}

void storer_join(struct storer *st)
{
	pthread_join(st->thread, NULL);
	store_close(st->store);
	free_storer(st);
}
