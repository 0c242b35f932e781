/* The store thread: the only writer of the database. Takes tasks, groups what has gathered into one
 * transaction, and answers after its commit. Facts of messages in the listing are set between the
 * two. */
#ifndef POP3FS_STORER_H
#define POP3FS_STORER_H

#include "jobs.h"
#include "room.h"
#include "store.h"

struct storer;

/* Starts the thread; it owns `s` from now on, unless this fails. Sends one EVENT_LISTED with what
 * the store knows from earlier mounts (intentions too) before anything else. `plan` may be NULL:
 * the cache has no bounds. The caller has blocked
 * the signals that other threads wait for. */
enum error storer_start(struct storer **out, struct store *s, const struct room_plan *plan,
    struct queues *queues, struct failure *why);

/* Waits for the thread's end; TASK_END must have been sent. Closes the store. */
void storer_join(struct storer *s);

#endif
