/* The two threads behind the file system, store and session, with their queues: started in order,
 * ended in the other. (The notify thread is the fs floor's own.) */
#ifndef POP3FS_THREADS_H
#define POP3FS_THREADS_H

#include <stdbool.h>

#include "error.h"
#include "jobs.h"
#include "session.h"
#include "shelf.h"
#include "storer.h"

struct threads {
	struct shelf_place elsewhere; /* set before threads_start, or zeroed */
	struct queues queues;
	int queues_made; /* how many of the three */
	struct storer *storer;
	struct session *session;
};

/* Opens the database, reads plan->facts from it, starts both, and asks for the first listing.
 * plan->trust is theirs. What the plan points to lives until threads_end; bodies that do not go
 * into the database are kept in memory, and in its directory. On failure, too, threads_end takes
 * away what was begun; a zeroed struct threads is one that was never started. */
enum error threads_start(struct threads *t, const char *database, const struct room_plan *room,
    struct session_plan *plan, struct failure *why);

/* The session closes its line, then the store finishes what is queued. The file system must not use
 * the queues any more. */
void threads_end(struct threads *t);

#endif
