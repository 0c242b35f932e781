/* The notify thread: the only one that tells the kernel what changed by itself. A notification may
 * wait for a directory's or a page's lock, whose holder waits for an answer of the loop: so it is
 * never sent by the loop, nobody ever waits for it, and its thread holds no lock. */
#ifndef POP3FS_NOTIFY_H
#define POP3FS_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

#include <fuse_lowlevel.h>

#include "error.h"
#include "jobs.h"

struct notify;

/* Starts the thread, with all signals blocked. `fuse`, `store` (the database's path), `suffix`
 * (names.h) and the queues outlive it. */
enum error notify_start(struct notify **out, struct fuse_session *fuse, const char *store,
    const char *suffix, struct queues *queues, struct failure *why);

/* The directory `parent` held `was` and holds `is` now: names that are gone are forgotten, and
 * what the kernel knows of the directory itself. Holds both listings as long as it needs them, and
 * nothing a message: a million may vanish. Swaps that wait become one, from the first listing to
 * the last. `spare`: as notify_unused, for each that is gone. */
void notify_swapped(
    struct notify *n, uint64_t parent, struct listing *was, struct listing *is, bool spare);

/* One name in the directory: the kernel has to look it up again. */
void notify_entry(struct notify *n, uint64_t parent, const char *name);

/* The message is not listed any more: its body is spared (pins.h) if the kernel knows of none of
 * its files. */
void notify_unused(struct notify *n, int64_t id);

/* Attributes and pages from `offset` on (0: all of them) are not to be believed any more. A
 * negative offset: attributes only. */
void notify_inode(struct notify *n, uint64_t ino, off_t offset);

/* Sends EVENT_TOLD, with both numbers, once the kernel has heard of all that came before and has
 * forgotten the attributes of `ino` (0: of none). Behind a notification that does not return that
 * may be never: whoever waits for it has a deadline. */
void notify_then(struct notify *n, uint64_t ino, uint64_t cookie, int64_t id);

/* Gives the kernel a message's body before it asks (push.h), when nothing else is to be told. */
void notify_push(struct notify *n, int64_t id, uint64_t size);
/* So many wait that no more is to be pushed now. */
bool notify_is_full(const struct notify *n);
/* A reader asks for this one himself: it, and what was to be pushed before it, comes too late. */
void notify_reached(struct notify *n, int64_t id);
/* A body is about to be replaced, and its inode number with it: what was to be pushed until now is
 * not, unless it was read from the database before this. */
void notify_push_nothing_old(struct notify *n);

/* Asks the thread to end; what is still queued is left out. notify_fd is readable once it has. The
 * loop must go on answering until then, or until the connection is gone: only this lets a
 * notification that is under way return. */
void notify_end(struct notify *n);
int notify_fd(const struct notify *n);

/* Waits for the thread (which has ended, see above) and frees all. NULL is fine. */
void notify_join(struct notify *n);

/* Leaves the thread to itself, in a notification that does not return: somebody holds a lock of the
 * kernel's. It and its session are never freed; it ends with the process, or by itself. */
void notify_leave(struct notify *n);

#endif
