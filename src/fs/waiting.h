/* Requests that must wait for another thread's answer. Each is kept with what it waits for, costs
 * no thread, and is answered exactly once: by whoever takes it, by EINTR at its interrupt, or by
 * waiting_close. One thread uses this, the one that processes requests: libfuse calls the interrupt
 * handlers from within fuse_session_process_buf. */
#ifndef POP3FS_WAITING_H
#define POP3FS_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fuse_lowlevel.h>

enum wait_kind {
	WAIT_FETCH,    /* open: key is the message's id */
	WAIT_EVICTED,  /* open of a message whose body is just leaving the cache: key is its id */
	WAIT_HEADER,   /* open of a header: key is the message's id */
	WAIT_TOLD,     /* open that waits for the kernel to be told: key is that notice's cookie */
	WAIT_UNLINK,   /* unlink: key is the message's id */
	WAIT_UNDELETE, /* rename out of deleted/: key is the message's id */
	WAIT_SYNC,     /* fsyncdir: key is the task's cookie */
	WAIT_COMMIT,   /* these: key is the verb's number (verbs.h) */
	WAIT_LEAVE,    /* a commit, too, whose asker then unmounts */
	WAIT_REFRESH,
	WAIT_UNDO,
	WAIT_VERIFY,
	WAIT_EVENTS,  /* for all the same: key 0 */
	WAIT_FETCHED, /* key is the fetch's number (fetches.h) */
	WAIT_KINDS,
};

struct waiter;

struct waiting {
	struct waiter *first, **last; /* in order of arrival */
	size_t count[WAIT_KINDS];
	size_t timed; /* those that do not wait for ever */
	bool closed;
};

void waiting_init(struct waiting *w);

/* Keeps the request until it is taken; `note` comes back with it. An interrupt (Ctrl-C, kill) is
 * answered by EINTR at once, and what the request waits for goes on: others may want it.
 *
 * But not for WAIT_UNLINK and WAIT_UNDELETE: the change is on its way into the log, a local write
 * of milliseconds. EINTR would say "not deleted" of a file that is. */
void waiting_park(struct waiting *w, fuse_req_t req, enum wait_kind kind, int64_t key, int note);

/* The same, but no longer than until `due` (clock.h). */
void waiting_park_until(
    struct waiting *w, fuse_req_t req, enum wait_kind kind, int64_t key, int note, int64_t due);
int64_t waiting_due(const struct waiting *w);                    /* the soonest, or CLOCK_NEVER */
void waiting_expire(struct waiting *w, int64_t now, int number); /* answers what is due by now */

/* The oldest request that waits for this; the caller answers it. NULL: nobody does (any more). */
fuse_req_t waiting_take(struct waiting *w, enum wait_kind kind, int64_t key, int *note);

bool waiting_for(const struct waiting *w, enum wait_kind kind, int64_t key);
size_t waiting_count(const struct waiting *w, enum wait_kind kind);

/* The end: answers all with this errno, and whoever still comes, too. */
void waiting_close(struct waiting *w, int number);

#endif
