#include "threads.h"

#include <string.h>

#include "alloc.h"
#include "fs.h"
#include "pins.h"
#include "shelf.h"

static enum error make_queues(struct threads *t, struct failure *why)
{
	struct queue *all[] = {&t->queues.jobs, &t->queues.tasks, &t->queues.events};

	for (; t->queues_made < 3; t->queues_made++) {
		if (!queue_init(all[t->queues_made]))
			return failed(why, E_SYSTEM, "no descriptor is left for a queue");
	}
	return OK;
}

static void make_places(struct threads *t, const char *database, uint64_t memory)
{
	CLEANUP(freep)
	char *directory = xstrndup(database, (size_t)(strrchr(database, '/') - database));

	t->queues.pins = pins_create();
	t->queues.shelf = shelf_create(memory, directory, t->elsewhere);
}

/* A large database is looked at only as far as it is read (schema.h): what turns out damaged then
 * is replaced like any other. What the session knows of the server stays right. */
static enum error start_storer(struct threads *t, struct store **store, const char *database,
    const struct room_plan *room, struct failure *why)
{
	enum error e = store_check(store, database, why);

	if (e)
		return e;
	e = storer_start(&t->storer, *store, room, &t->queues, why);
	if (e && store_is_damaged(*store)) {
		e = store_replace(store, database, why);
		if (!e)
			e = storer_start(&t->storer, *store, room, &t->queues, why);
	}
	if (!e)
		take(store); /* the thread's now */
	return e;
}

/* The server is asked before the messages in the store are looked through and read: a large listing
 * takes a third of a second to come, and as long to be read. */
enum error threads_start(struct threads *t, const char *database, const struct room_plan *room,
    struct session_plan *plan, struct failure *why)
{
	CLEANUP(store_closep) struct store *store = NULL;
	enum error e = make_queues(t, why);

	make_places(t, database, room->memory);
	if (!e)
		e = store_open(&store, database, why);
	if (!e) {
		facts_load(store, &plan->facts);
		e = session_start(&t->session, plan, &t->queues, why);
	}
	if (e) {
		tls_free(take(&plan->trust));
		return e;
	}
	fs_ask_first_listing(&t->queues);
	return start_storer(t, &store, database, room, why);
}

/* What was on its way when its receiver ended. */
static void empty_queues(struct threads *t)
{
	struct queue_item *item;

	while (t->queues_made > 0 && (item = queue_take(&t->queues.jobs)))
		job_free((struct job *)item);
	while (t->queues_made > 1 && (item = queue_take(&t->queues.tasks)))
		task_free((struct task *)item);
	while (t->queues_made > 2 && (item = queue_take(&t->queues.events)))
		event_free((struct event *)item);
}

void threads_end(struct threads *t)
{
	struct queue *all[] = {&t->queues.jobs, &t->queues.tasks, &t->queues.events};

	if (t->session) {
		queue_put(&t->queues.jobs, &job_create(JOB_END)->item);
		session_join(t->session);
	}
	if (t->storer) {
		queue_put(&t->queues.tasks, &task_create(TASK_END)->item);
		storer_join(t->storer);
	}
	empty_queues(t);
	for (int i = 0; i < t->queues_made; i++)
		queue_finish(all[i]);
	pins_free(t->queues.pins);
	shelf_free(t->queues.shelf);
	*t = (struct threads){.queues_made = 0};
}
