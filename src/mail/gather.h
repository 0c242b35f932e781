/* Gathers the pieces of one message, as they arrive, into chunks for the store thread; counts,
 * hashes, and keeps the header. Constant memory. Used by the session thread. */
#ifndef POP3FS_GATHER_H
#define POP3FS_GATHER_H

#include "jobs.h"

struct gather;

/* `now` in seconds since 1970: learn.h. */
struct gather *gather_create(int64_t id, int64_t now, struct queue *tasks);

/* The next octets. Returns how many octets went to the store thread with it (0 or a chunk's). */
size_t gather_add(struct gather *g, struct slice text);

/* The end was seen: sends the last chunk and TASK_BODY; frees g. Returns octets sent, as above. */
size_t gather_finish(struct gather *g);

/* The same, but TASK_BODY is not sent: *body is the caller's, to be sent when the message is
 * believed. Until then the store has its pieces and does not count them. */
size_t gather_hold(struct gather *g, struct task **body);

/* The end was not seen, or is not believed: sends TASK_DISCARD; frees g. NULL is fine. */
void gather_abort(struct gather *g);

uint64_t gather_size(const struct gather *g); /* octets so far */

#endif
