/* How much of the disk bodies may take: which go into the database at all, and which leave it again
 * to make room. The store thread's; all changes are in small transactions of its own, between those
 * of the tasks.
 *
 * Out go first the bodies of vanished messages, the oldest first, then those not used for longest.
 * Never one that is held (pins.h), nor one whose deletion waits for a commit: it can be taken back,
 * and read. What leaves keeps its true size, its hash and its header. */
#ifndef POP3FS_ROOM_H
#define POP3FS_ROOM_H

#include "jobs.h"
#include "store.h"

struct room_plan {
	uint64_t cache_size;     /* octets of bodies in the database; 0: any number */
	uint64_t cache_min_free; /* octets of the disk; LEAST_FREE at least */
	int64_t keep_vanished_s; /* seconds; so long bodies of vanished messages stay */
	bool bounded;            /* false: none of these holds, the disk is not looked at */
	bool nocache;            /* no body goes into the database, and no header */
	uint64_t memory;         /* octets of bodies elsewhere (shelf.h); beyond it files */
};

struct room {
	struct room_plan plan;
	struct store *store;
	struct queues *queues;
	struct listing *const *listing; /* where the one in force stands */
	bool counting;                  /* octets of bodies are counted */
	bool look;                      /* something has changed: room_make has to look */
	bool asked;                     /* what the disk has left is known ... */
	uint64_t left;                  /* ... octets, less what was kept since */
	uint64_t owed;                  /* octets to be freed, because the disk was full */
	int64_t full_until;             /* clock.h: so long no body goes into the database */
};

/* `plan` may be NULL: no bounds. E_STORE. */
enum error room_init(struct room *r, const struct room_plan *plan, struct store *store,
    struct queues *queues, struct listing *const *listing, struct failure *why);

/* Whether a new body of so many octets (as LIST says) goes into the database, or onto the shelf. */
bool room_keeps(struct room *r, uint64_t octets);

/* A body came, went, or was let go; or a new listing stands. */
void room_look(struct room *r);

/* A transaction met a full disk. true: what could be freed at once was freed; try it again. */
bool room_clear(struct room *r);

/* After each batch: does one thing that is to be done; true: there may be more. */
bool room_make(struct room *r);

/* Nobody holds the body any more (TASK_SPARE). */
void room_spare(struct room *r, int64_t id);

#endif
