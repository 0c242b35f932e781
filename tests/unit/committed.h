/* The store's and the fs thread's part of a commit, for a session that is played: the journal holds
 * one intention, of the third message ("c"), or none. Include cmocka.h before. */
#ifndef POP3FS_TEST_COMMITTED_H
#define POP3FS_TEST_COMMITTED_H

#include "played.h"

#define COMMITTED_ID (PLAYED_FIRST + 2)

void committed_ask(struct played *p, bool final); /* JOB_COMMIT */

/* TASK_INTENTIONS must come, and is answered with this one; NULL: with none. */
void committed_intentions(struct played *p, const struct intention *one);
/* Twice: before there is a line, and by the numbers of the line that is used. */
void committed_choose(struct played *p, const struct intention *one);

/* TASK_MARK must come, for it; or for none. It is on disk. */
void committed_mark(struct played *p, size_t count);

/* These must come. */
void committed_outcome(struct played *p, enum outcome_kind kind);
void committed_result(struct played *p, const struct commit_result *want, enum error code);

/* Asked for, chosen, marked, and with this outcome. */
void committed_play(
    struct played *p, const struct intention *one, bool final, enum outcome_kind kind);

#endif
