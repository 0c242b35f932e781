/* A mounted file system for tests, whose session and store are the test itself: the fs runs in a
 * thread of its own, the test takes its jobs and tasks and puts its events; bodies go into a real
 * database. System calls are made in child processes (child.h): one that hangs can be killed. */
#ifndef POP3FS_WORLD_H
#define POP3FS_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "child.h"
#include "fs.h"
#include "store.h"

#define WORLD_FIRST_ID 1000

/* One message of a made-up maildrop. Its id is WORLD_FIRST_ID and its place. */
struct letter {
	const char *name;
	uint64_t listed;
	const char *body; /* NULL: not in the cache */
	unsigned flags;   /* more MESSAGE_ flags */
};

struct world {
	char place[64], mountpoint[96], database[96];
	struct fs_plan plan;
	struct queues queues;
	struct store *store;
	struct listing *listing; /* as the store thread would hold it */
	struct fs *fs;
	pthread_t thread;
	int ready[2], detached[2]; /* pipes */
	unsigned ended;            /* times that it said so */
	char notice[512];          /* the last one */
	struct commit_result result;
	struct failure why;
	enum error code; /* of fs_run */
	bool running;
};

/* Whether this machine lets us mount. If not, says why. */
bool world_can_mount(void);

/* Mounts a maildrop of these. `change` (may be NULL) alters the plan before. */
void world_start(
    struct world *w, const struct letter *letters, size_t count, void (*change)(struct fs_plan *));
/* Ends it whatever state it is in, and removes all it left. */
void world_finish(struct world *w);

/* The next job or task, which must be of this kind; the caller's. Waits. TASK_USED comes when it
 * comes, and is passed over. */
struct job *world_job(struct world *w, enum job_kind kind);
struct task *world_task(struct world *w, enum task_kind kind);
bool world_idle(struct world *w); /* no job and no task is queued; they are taken if there are */

struct event *world_event(enum event_kind kind, int64_t id, enum error code);
void world_put(struct world *w, struct event *e);
/* Returns when the loop has taken all of them: a request that is made now is answered after that.
 * One that is made before may be answered in the round that had begun already. */
void world_heard(struct world *w);

/* The body comes into the store and the model; then, if `tell`, EVENT_FETCHED, which is heard. */
void world_store(struct world *w, int64_t id, const char *body, bool tell);
/* Another listing, without the messages whose letter has no name. */
struct listing *world_listing(const struct letter *letters, size_t count);
/* The server has it, and that is heard. */
void world_list(struct world *w, const struct letter *letters, size_t count);

/* The end of fs_run. */
void world_join(struct world *w);

/* MOUNTPOINT/name; of the calling thread until its next call. */
const char *world_path(const struct world *w, const char *name);

#endif
