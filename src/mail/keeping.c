#include "keeping.h"

#include <inttypes.h>

#include "alloc.h"
#include "bodies.h"
#include "shelf.h"

/* ---- as it comes ---- */

/* Whatever was in the database makes way for what comes onto the shelf. */
static enum error choose_place(struct chores *c, int64_t id, struct failure *why)
{
	const struct message *m = listing_by_id(c->listing, id);

	c->broken = c->broken == id ? 0 : c->broken;
	shelf_drop(c->queues->shelf, id);
	if (room_keeps(&c->room, m ? message_size(m) : 0))
		return OK;
	shelf_begin(c->queues->shelf, id);
	return bodies_discard(c->store, id, why);
}

enum error keeping_piece(struct chores *c, const struct task *t, struct failure *why)
{
	struct slice data = slice_make(t->data, t->len);
	enum error error = t->index == 0 ? choose_place(c, t->id, why) : OK;

	if (error || c->broken == t->id)
		return error;
	if (shelf_has(c->queues->shelf, t->id))
		return shelf_add(c->queues->shelf, t->id, t->index, data, t->lines, why);
	return bodies_add(c->store, t->id, t->index, data, t->lines, why);
}

/* ---- at its end ---- */

/* On the shelf it can be read from here on, but nobody knows before it is told. */
static enum error keep(struct chores *c, const struct task *t, struct failure *why)
{
	if (!shelf_has(c->queues->shelf, t->id))
		return bodies_complete(c->store, t->id, t->body, why);
	if (!shelf_complete(c->queues->shelf, t->id, t->body->size))
		return failed(why, E_STORE, "pieces of message %" PRId64 " are missing", t->id);
	return bodies_learn(c->store, t->id, t->body, why);
}

static bool was_known(const struct chores *c, int64_t id)
{
	const struct message *m = listing_by_id(c->listing, id);

	return m && (message_flags(m) & MESSAGE_TRUE_SIZE);
}

enum error keeping_body(
    struct chores *c, const struct task *t, bool *doubted, bool *replaces, struct failure *why)
{
	enum error error = t->body->chunks == 0 ? choose_place(c, t->id, why) : OK;
	bool agrees = true;

	if (!error && c->broken == t->id)
		error = failed(why, c->broken_why.code, "%s", c->broken_why.words);
	if (!error)
		error = bodies_agree(c->store, t->id, t->body, &agrees, why);
	*doubted = !error && !agrees;
	if (*doubted)
		return keeping_discard(c, t->id, why);
	if (!error && was_known(c, t->id))
		error = bodies_differ(c->store, t->id, t->body, replaces, why);
	return error ? error : keep(c, t, why);
}

enum error keeping_discard(struct chores *c, int64_t id, struct failure *why)
{
	c->broken = c->broken == id ? 0 : c->broken;
	shelf_drop(c->queues->shelf, id);
	return bodies_discard(c->store, id, why);
}

/* Memory for so little is always there, or a file is; if not, reading it is an error. */
void keeping_header(struct chores *c, const struct task *t)
{
	struct slice text = slice_make(t->learnt->text, t->learnt->len);
	int64_t id = SHELF_HEADER(t->id);

	if (!c->room.plan.nocache || !c->queues->shelf)
		return;
	shelf_begin(c->queues->shelf, id);
	if (shelf_add(c->queues->shelf, id, 0, text, 0, NULL) == OK)
		shelf_complete(c->queues->shelf, id, text.len);
}

/* ---- when it fails ---- */

/* The disk is full, and this body goes on on the shelf, with what there is of it already. */
static bool shelve(struct chores *c, const struct task *t)
{
	CLEANUP(buf_finish) struct buf piece = {.len = 0};
	struct shelf *shelf = c->queues->shelf;
	enum error error = OK;
	uint32_t lines;

	shelf_begin(shelf, t->id);
	for (uint32_t i = 0; !error && i < t->index; i++) {
		buf_clear(&piece);
		error = bodies_piece(c->store, t->id, i, &piece, &lines, NULL);
		if (!error)
			error = shelf_add(shelf, t->id, i, buf_slice(&piece), lines, NULL);
	}
	if (!error)
		error =
		    shelf_add(shelf, t->id, t->index, slice_make(t->data, t->len), t->lines, NULL);
	if (error)
		shelf_drop(shelf, t->id);
	return error == OK;
}

/* A body on the shelf does without the disk, but for what a later mount would like to know of it.
 */
static bool does_without(struct chores *c, const struct task *t)
{
	if (!c->queues->shelf || c->broken == t->id)
		return false;
	if (t->kind == TASK_CHUNK && !shelf_has(c->queues->shelf, t->id))
		return shelve(c, t);
	return t->kind == TASK_BODY && shelf_complete(c->queues->shelf, t->id, t->body->size);
}

/* The failure of one piece is that of its body, which is told at its end. */
void keeping_failed(struct chores *c, const struct task *t, struct failure *why)
{
	if (why->code == E_FULL && does_without(c, t)) {
		*why = (struct failure){.code = OK};
	} else if (t->kind == TASK_CHUNK) {
		c->broken = t->id;
		c->broken_why = *why;
	} else if (t->kind == TASK_BODY && c->broken == t->id) {
		c->broken = 0;
	}
}

void keeping_drop(struct chores *c, int64_t id)
{
	shelf_drop(c->queues->shelf, id);
	if (store_begin(c->store, NULL))
		return;
	if (bodies_discard(c->store, id, NULL))
		store_rollback(c->store);
	else
		store_commit(c->store, false, NULL);
}
