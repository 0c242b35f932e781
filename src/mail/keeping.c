#include "keeping.h"

#include <inttypes.h>

#include "alloc.h"
#include "bodies.h"
#include "shelf.h"

/* ---- as it comes ---- */

/* Whatever was in the database makes way for what comes onto the shelf. Where there is a whole one
 * on the shelf, perhaps open, the next one comes in its place. */
static enum error choose_place(struct chores *c, int64_t id, struct failure *why)
{
	const struct message *m = listing_by_id(c->listing, id);

	if (!shelf_has_whole(c->queues->shelf, id) &&
	    room_keeps(&c->room, m ? message_size(m) : 0)) {
		shelf_drop(c->queues->shelf, id);
		return OK;
	}
	shelf_begin(c->queues->shelf, id);
	return bodies_discard(c->store, id, why);
}

static void forget_broken(struct chores *c, int64_t id)
{
	c->broken = c->broken == id ? 0 : c->broken;
}

enum error keeping_piece(struct chores *c, const struct task *t, struct failure *why)
{
	struct slice data = slice_make(t->data, t->len);
	enum error error = OK;

	if (t->index == 0) {
		forget_broken(c, t->id);
		error = choose_place(c, t->id, why);
	}
	if (error || c->broken == t->id)
		return error;
	if (shelf_has(c->queues->shelf, t->id))
		return shelf_add(c->queues->shelf, t->id, t->index, data, t->lines, why);
	return bodies_add(c->store, t->id, t->index, data, t->lines, why);
}

/* ---- at its end ---- */

/* No piece of it has come before. */
static bool comes_whole(const struct task *t)
{
	return t->data || t->body->chunks == 0;
}

/* Once it is whole it can be read, but nobody knows before it is told. */
static enum error keep_on_shelf(struct chores *c, const struct task *t, struct failure *why)
{
	struct shelf *shelf = c->queues->shelf;
	struct slice piece = slice_make(t->data, t->len);
	enum error error = OK;

	if (t->data)
		error = shelf_add(shelf, t->id, 0, piece, t->lines, why);
	if (!error && !shelf_complete(shelf, t->id, t->body->size))
		error = failed(why, E_STORE, "pieces of message %" PRId64 " are missing", t->id);
	return error ? error : bodies_learn(c->store, t->id, t->body, why);
}

static enum error keep(
    struct chores *c, const struct task *t, const struct known *known, struct failure *why)
{
	struct slice piece = slice_make(t->data, t->len);
	enum error error = comes_whole(t) ? choose_place(c, t->id, why) : OK;

	if (error)
		return error;
	if (shelf_has(c->queues->shelf, t->id))
		return keep_on_shelf(c, t, why);
	if (t->data)
		return bodies_keep(c->store, t->id, t->body, piece, known, why);
	return bodies_complete(c->store, t->id, t->body, why);
}

/* Who opens it from now on waits for the new one: what the kernel has of the old one is forgotten
 * first (file.c). */
static bool replaces_another(
    const struct chores *c, const struct task *t, const struct known *known)
{
	struct message *m = listing_by_id(c->listing, t->id);

	if (!m || !known->differs || !(message_flags(m) & MESSAGE_TRUE_SIZE))
		return false;
	message_set_uncached(c->listing, m);
	return true;
}

/* Before anything of it is kept it is known whether it is doubted: nothing that fails later makes
 * it another one. */
enum error keeping_body(
    struct chores *c, const struct task *t, bool *doubted, bool *replaces, struct failure *why)
{
	struct known known;
	enum error error;

	if (comes_whole(t))
		forget_broken(c, t->id);
	if (c->broken == t->id)
		return failed(why, c->broken_why.code, "%s", c->broken_why.words);
	error = bodies_known(c->store, t->id, t->body, &known, why);
	if (error)
		return error;
	*doubted = !bodies_agree(t->body, &known);
	if (*doubted) /* one that comes whole has nothing there yet */
		return comes_whole(t) ? OK : keeping_discard(c, t->id, why);
	*replaces = replaces_another(c, t, &known);
	return keep(c, t, &known, why);
}

enum error keeping_discard(struct chores *c, int64_t id, struct failure *why)
{
	forget_broken(c, id);
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
	struct shelf *shelf = c->queues->shelf;

	if (!shelf || c->broken == t->id || (t->kind != TASK_CHUNK && t->kind != TASK_BODY))
		return false;
	if (t->data && !shelf_has(shelf, t->id)) {
		if (!shelve(c, t))
			return false;
	} else if (t->kind == TASK_CHUNK) {
		return false;
	}
	return t->kind == TASK_CHUNK || shelf_complete(shelf, t->id, t->body->size);
}

/* The failure of one piece is that of its body, which is told at its end. */
void keeping_failed(struct chores *c, const struct task *t, bool doubted, struct failure *why)
{
	if (why->code == E_FULL && !doubted && does_without(c, t)) {
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
