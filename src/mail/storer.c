#include "storer.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "alloc.h"
#include "chores.h"
#include "clock.h"
#include "journal.h"
#include "log.h"
#include "merge.h"

#define MOST_TASKS  1000      /* in one transaction ... */
#define MOST_OCTETS (8 << 20) /* ... and of bodies in it */
#define ON_DISK_MS  500       /* an unlink that is in the log is put on disk after this */
#define SETTLE_MS   1000      /* after bodies or a new listing came, and then nothing for so long */

struct storer {
	struct chores chores;
	struct queue_item *waiting; /* tasks taken from the queue, not yet done */
	int64_t deadline;           /* when the log must be on disk, or CLOCK_NEVER */
	int64_t settle;             /* when it is brought into the database, or CLOCK_NEVER */
	struct work batch[MOST_TASKS];
	size_t count; /* in the batch */
	pthread_t thread;
};

/* ---- a batch ---- */

static void undo(struct storer *st, struct work *works, size_t count)
{
	store_rollback(st->chores.store);
	for (size_t i = 0; i < count; i++)
		work_forget(&works[i]);
}

/* One transaction; a failure of any undoes all. */
static enum error transact(struct storer *st, struct work *works, size_t count)
{
	struct failure *first = &works[0].failure;
	enum error error = store_begin(st->chores.store, first);

	for (size_t i = 0; !error && i < count; i++)
		error = work_perform(&st->chores, &works[i]);
	if (!error)
		error = store_commit(st->chores.store, false, first);
	if (error)
		undo(st, works, count);
	return error;
}

/* What is not a body has a second try on a full disk, for which bodies make room. */
static enum error transact_alone(struct storer *st, struct work *w)
{
	enum error error = transact(st, w, 1);

	if (error != E_FULL)
		return error;
	room_clear(&st->chores.room);
	if (w->task->kind == TASK_CHUNK)
		return error;
	w->failure = (struct failure){0};
	return transact(st, w, 1);
}

/* One bad task shall cost only itself: what failed together is done again one by one. */
static void perform_batch(struct storer *st)
{
	enum error error = transact(st, st->batch, st->count);

	if (error == OK)
		return;
	if (st->count == 1 && error != E_FULL) {
		work_failed(&st->chores, &st->batch[0]);
		return;
	}
	for (size_t i = 0; i < st->count; i++)
		st->batch[i].failure = (struct failure){0};
	for (size_t i = 0; i < st->count; i++)
		if (transact_alone(st, &st->batch[i]) != OK)
			work_failed(&st->chores, &st->batch[i]);
}

/* Those that asked for it are told of a failed sync; the others are in the log, as they wanted. */
static void sync_batch(struct storer *st)
{
	bool durable = false;
	struct failure failure = {0};

	for (size_t i = 0; i < st->count; i++) {
		durable |= task_durable(st->batch[i].task);
		if (st->batch[i].task->kind == TASK_UNLINK && st->deadline == CLOCK_NEVER)
			st->deadline = clock_in(ON_DISK_MS);
	}
	if (!durable)
		return;
	if (store_sync(st->chores.store, &failure) == OK)
		st->deadline = CLOCK_NEVER;
	for (size_t i = 0; failure.code && i < st->count; i++)
		if (task_durable(st->batch[i].task) && !st->batch[i].failure.code)
			st->batch[i].failure = failure;
}

/* What a listing is made of, headers most of all, is about to be freed, here and in the session. */
static bool makes_a_listing(const struct work *w)
{
	return w->task->kind == TASK_PUBLISH && !w->same;
}

static void tell_batch(struct storer *st)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < st->count; i++) {
		struct work *w = &st->batch[i];

		if (makes_a_listing(w))
			st->settle = clock_in(SETTLE_MS);
		work_tell(&st->chores, w);
		octets += w->task->len;
		work_forget(w);
		task_free(w->task);
	}
	work_told(&st->chores);
	st->count = 0;
	if (octets > 0) {
		struct job *j = job_create(JOB_STORED);

		st->settle = clock_in(SETTLE_MS);
		j->octets = octets;
		queue_put(&st->chores.queues->jobs, &j->item);
	}
}

/* Moves waiting tasks into the batch, as many as belong into one transaction. */
static void fill_batch(struct storer *st)
{
	uint64_t octets = 0;
	bool full = false;

	while (st->waiting && !full && st->count < MOST_TASKS) {
		struct task *t = (struct task *)st->waiting;
		bool alone = task_alone(t);

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
	if (store_sync(st->chores.store, &failure) != OK) {
		log_error("%s", failure.words);
		st->deadline = clock_in(ON_DISK_MS);
	}
}

/* While there is room for it: on a disk that is full later the log must not need any. And what
 * memory bodies and headers came through goes back to the system: of an idle mount of 10,000
 * messages half was that. */
static void settle(struct storer *st)
{
	if (clock_ms() < st->settle)
		return;
	st->settle = CLOCK_NEVER;
	store_checkpoint(st->chores.store);
	store_rest(st->chores.store);
	malloc_trim(0);
}

static void *run(void *with)
{
	struct storer *st = with;
	bool more = true; /* room is to be made */

	for (;;) {
		if (!st->waiting && !st->chores.ending && !more)
			queue_wait(
			    &st->chores.queues->tasks, clock_sooner(st->deadline, st->settle));
		if (!st->waiting)
			st->waiting = queue_take_all(&st->chores.queues->tasks);
		if (!st->waiting && st->chores.ending)
			return NULL;
		fill_batch(st);
		if (st->count > 0) {
			perform_batch(st);
			sync_batch(st);
			tell_batch(st);
		}
		put_on_disk(st);
		settle(st);
		more = !st->chores.ending && room_make(&st->chores.room);
	}
}

/* What earlier mounts left: deletions on their way, and the listing. */
static enum error load(struct storer *st, struct event *e, struct failure *why)
{
	enum error error = store_begin(st->chores.store, why);

	if (error)
		return error;
	error = journal_recover(st->chores.store, why);
	if (!error)
		error = merge_load(st->chores.store, &st->chores.listing, why);
	if (!error)
		error = journal_all(st->chores.store, &e->intentions, why);
	if (error) {
		store_rollback(st->chores.store);
		return error;
	}
	e->listing = listing_hold(st->chores.listing);
	return store_commit(st->chores.store, false, why);
}

static void free_storer(struct storer *st)
{
	listing_drop(st->chores.listing);
	free(st);
}

enum error storer_start(struct storer **out, struct store *s, const struct room_plan *plan,
    struct queues *queues, struct failure *why)
{
	struct storer *st = xnew(struct storer);
	struct event *e = event_create(EVENT_LISTED);
	enum error error;

	st->chores.store = s;
	st->chores.queues = queues;
	st->deadline = st->settle = CLOCK_NEVER;
	if (plan && plan->nocache)
		store_keep_no_headers(s);
	error = room_init(&st->chores.room, plan, s, queues, &st->chores.listing, why);
	if (!error)
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
	store_close(st->chores.store);
	free_storer(st);
}
