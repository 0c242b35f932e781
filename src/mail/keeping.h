/* Bodies as they come in pieces: into the database, or onto the shelf where that has no room for
 * them (room.h); and from the one to the other when the disk is full in the middle. For the chores;
 * all but the last two are inside the caller's transaction, which may be rolled back and tried
 * again. */
#ifndef POP3FS_KEEPING_H
#define POP3FS_KEEPING_H

#include "chores.h"

/* TASK_CHUNK. Once one has failed for good, those behind it are passed over: the body tells. */
enum error keeping_piece(struct chores *c, const struct task *t, struct failure *why);

/* TASK_BODY, with its only piece or behind TASK_CHUNKs. *doubted: its header is another than TOP's,
 * and it was thrown away. *replaces: another body was known before. */
enum error keeping_body(
    struct chores *c, const struct task *t, bool *doubted, bool *replaces, struct failure *why);

enum error keeping_discard(struct chores *c, int64_t id, struct failure *why);

/* TASK_HEADER: under nocache it is on the shelf; its length is in the database as ever. */
void keeping_header(struct chores *c, const struct task *t);

/* The task has failed, and that was rolled back. *why is OK afterwards where the body found another
 * place, and nobody need hear of it; one that is doubted finds none. */
void keeping_failed(struct chores *c, const struct task *t, bool doubted, struct failure *why);

/* What there is of a body that failed only takes room. Should even this fail, the next start sweeps
 * it away. */
void keeping_drop(struct chores *c, int64_t id);

#endif
