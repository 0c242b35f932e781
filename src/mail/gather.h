/* Gathers the pieces of one message, as they arrive, into chunks for the store thread; counts,
 * hashes, and keeps the header. Constant memory. Used by the session thread. */
#ifndef POP3FS_GATHER_H
#define POP3FS_GATHER_H

#include "jobs.h"

struct gather;

struct gather *gather_create(int64_t id, struct queue *tasks);

/* The next octets. Returns how many octets went to the store thread with it (0 or a chunk's). */
size_t gather_add(struct gather *g, struct slice text);

/* The end was seen: *body is TASK_BODY, the caller's, to be sent when the message is believed. The
 * last chunk is sent, and until then the store has the pieces and does not count them; but where it
 * has none yet and `together`, the only one is in *body. Frees g. Returns octets sent, as above. */
size_t gather_hold(struct gather *g, bool together, struct task **body);

/* The end was not seen: sends TASK_DISCARD where the store has pieces; frees g. NULL is fine. */
void gather_abort(struct gather *g);

#endif
