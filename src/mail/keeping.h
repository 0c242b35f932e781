/* Bodies as they come in pieces: into the database, or onto the shelf where that has no room for
 * them (room.h); and from the one to the other when the disk is full in the middle. For the chores;
 * all but the last two are inside the caller's transaction, which may be rolled back and tried
 * again. */
#ifndef POP3FS_KEEPING_H
#define POP3FS_KEEPING_H

#include "chores.h"

/* TASK_CHUNK. Once one has failed for good, those behind it are passed over: the body tells. */
enum error keeping_piece(struct chores *c, const struct task *t, struct failure *why);

/* TASK_BODY, with its only piece or behind TASK_CHUNKs. w->doubted: its header is another than
 * TOP's, and it was thrown away. w->replaces: another body was known before. E_LATER: and that one
 * is there, and is being read: it stays. */
enum error keeping_body(struct chores *c, struct work *w);

/* TASK_DISCARD: the one that is arriving. TASK_DAMAGED: the one that is there. */
enum error keeping_break_off(struct chores *c, int64_t id, struct failure *why);
enum error keeping_discard(struct chores *c, int64_t id, struct failure *why);

/* Whether a whole one is there, wherever. */
bool keeping_has(struct chores *c, int64_t id);

/* TASK_HEADER: under nocache it is on the shelf; its length is in the database as ever. */
void keeping_header(struct chores *c, const struct task *t);

/* The task has failed, and that was rolled back. w->failure is OK afterwards where the body found
 * another place, and nobody need hear of it; one that is doubted finds none. */
void keeping_failed(struct chores *c, struct work *w);

/* What there is of a body that failed only takes room; one that was whole before it stays. Should
 * even this fail, the next start sweeps it away. */
void keeping_drop(struct chores *c, const struct work *w);

#endif
