#include "keeping.h"

#include <inttypes.h>

#include "alloc.h"
#include "bodies.h"
#include "pins.h"
#include "shelf.h"

/* ---- as it comes ---- */

/* A whole one, perhaps open, stays where it is until this one is whole, too. Where it is on the
 * shelf the next one comes in its place: the database is looked into first. */
static void choose_place(struct chores *c, int64_t id)
{
	const struct message *m = listing_by_id(c->listing, id);

	if (!shelf_has_whole(c->queues->shelf, id) && room_keeps(&c->room, m ? message_size(m) : 0))
		shelf_drop(c->queues->shelf, id);
	else
		shelf_begin(c->queues->shelf, id);
}

static void forget_broken(struct chores *c, int64_t id)
{
	c->broken = c->broken == id ? 0 : c->broken;
}

enum error keeping_piece(struct chores *c, const struct task *t, struct failure *why)
{
	struct slice data = slice_make(t->data, t->len);

	if (t->index == 0) {
		forget_broken(c, t->id);
		choose_place(c, t->id);
	}
	if (c->broken == t->id)
		return OK;
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

/* What is in the database of this message, whole or not. */
static enum error clear_database(struct chores *c, int64_t id, struct failure *why)
{
	enum error error = bodies_break_off(c->store, id, why);

	return error ? error : bodies_discard(c->store, id, why);
}

/* Once it is whole it can be read, but nobody knows before it is told. One in the database is read
 * until the commit, and goes with it. */
static enum error keep_on_shelf(struct chores *c, struct work *w, const struct known *known)
{
	const struct task *t = w->task;
	struct failure *why = &w->failure;
	struct shelf *shelf = c->queues->shelf;
	struct slice piece = slice_make(t->data, t->len);
	enum error error = OK;

	if (t->data)
		error = shelf_add(shelf, t->id, 0, piece, t->lines, why);
	if (!error && !shelf_complete(shelf, t->id, t->body->size))
		error = failed(why, E_STORE, "pieces of message %" PRId64 " are missing", t->id);
	w->shelved = !error;
	if (!error && known->pieces)
		error = clear_database(c, t->id, why);
	return error ? error : bodies_learn(c->store, t->id, t->body, why);
}

static enum error keep(struct chores *c, struct work *w, const struct known *known)
{
	const struct task *t = w->task;
	struct slice piece = slice_make(t->data, t->len);

	if (comes_whole(t))
		choose_place(c, t->id);
	if (shelf_has(c->queues->shelf, t->id))
		return keep_on_shelf(c, w, known);
	if (t->data)
		return bodies_keep(c->store, t->id, t->body, piece, known, &w->failure);
	return bodies_complete(c->store, t->id, t->body, &w->failure);
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

/* Who has it open would get some octets of this one and some of that. Without open nobody is known,
 * and numbers tell bodies apart (openless.h). */
static bool makes_way(const struct chores *c, struct work *w, const struct known *known)
{
	int64_t id = w->task->id;

	if (!known->differs || !(known->whole || shelf_has_whole(c->queues->shelf, id)) ||
	    pins_hold_all_now(c->queues->pins))
		return true;
	w->leaves = w->leaves || pins_leave(c->queues->pins, id);
	return w->leaves;
}

/* Before anything of it is kept it is known whether it is doubted: nothing that fails later makes
 * it another one. */
enum error keeping_body(struct chores *c, struct work *w)
{
	const struct task *t = w->task;
	struct failure *why = &w->failure;
	struct known known;
	enum error error;

	w->shelved = false;
	if (comes_whole(t))
		forget_broken(c, t->id);
	if (c->broken == t->id)
		return failed(why, c->broken_why.code, "%s", c->broken_why.words);
	error = bodies_known(c->store, t->id, t->body, &known, why);
	if (error)
		return error;
	w->doubted = !bodies_agree(t->body, &known);
	if (w->doubted) /* one that comes whole has nothing there yet */
		return comes_whole(t) ? OK : keeping_break_off(c, t->id, why);
	w->replaces = replaces_another(c, t, &known);
	if (!makes_way(c, w, &known))
		return failed(why, E_LATER,
		    "it is open, and what the server sends now is something else: verify it again "
		    "when it is closed");
	return keep(c, w, &known);
}

/* Where nothing is arriving on the shelf, a whole one there is not meant. */
enum error keeping_break_off(struct chores *c, int64_t id, struct failure *why)
{
	forget_broken(c, id);
	if (!shelf_rests(c->queues->shelf, id))
		shelf_drop(c->queues->shelf, id);
	return bodies_break_off(c->store, id, why);
}

/* What is arriving on the shelf beside it goes on. */
enum error keeping_discard(struct chores *c, int64_t id, struct failure *why)
{
	if (shelf_rests(c->queues->shelf, id))
		shelf_drop(c->queues->shelf, id);
	return bodies_discard(c->store, id, why);
}

bool keeping_has(struct chores *c, int64_t id)
{
	return bodies_has_whole(c->store, id) || shelf_has_whole(c->queues->shelf, id);
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
		error = bodies_piece_arrived(c->store, t->id, i, &piece, &lines, NULL);
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
 * Not beside a whole one that the database has, and that could not leave it: that one would be
 * read, by the size of this one. */
static bool does_without(struct chores *c, const struct task *t)
{
	struct shelf *shelf = c->queues->shelf;

	if (!shelf || c->broken == t->id || (t->kind != TASK_CHUNK && t->kind != TASK_BODY))
		return false;
	if (t->kind == TASK_BODY && bodies_has_whole(c->store, t->id))
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
void keeping_failed(struct chores *c, struct work *w)
{
	const struct task *t = w->task;
	struct failure *why = &w->failure;

	if (why->code == E_FULL && !w->doubted && does_without(c, t)) {
		*why = (struct failure){.code = OK};
	} else if (t->kind == TASK_CHUNK) {
		c->broken = t->id;
		c->broken_why = *why;
	} else if (t->kind == TASK_BODY && c->broken == t->id) {
		c->broken = 0;
	}
}

void keeping_drop(struct chores *c, const struct work *w)
{
	int64_t id = w->task->id;

	if (w->shelved || !shelf_rests(c->queues->shelf, id))
		shelf_drop(c->queues->shelf, id);
	if (store_begin(c->store, NULL))
		return;
	if (bodies_break_off(c->store, id, NULL))
		store_rollback(c->store);
	else
		store_commit(c->store, false, NULL);
}
