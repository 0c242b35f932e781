/* One daemon an account: flock on a file beside the database that says who holds it, and how far it
 * is. A file of its own, because SQLite's POSIX locks die with any close of theirs. */
#ifndef POP3FS_LOCK_H
#define POP3FS_LOCK_H

#include <limits.h>

#include "error.h"

enum lock_stage {
	LOCK_MOUNTED,   /* or so its holder said last */
	LOCK_BEGINNING, /* nothing is mounted yet */
	LOCK_ENDING,    /* the mount is gone, or going; deletions are committed */
};

struct lock_holder {
	int pid; /* as it sees itself; 0: it has not written yet, and all else is empty */
	enum lock_stage stage;
	char mountpoint[PATH_MAX];
};

/* *fd holds the lock until it is closed; close-on-exec; its stage is LOCK_BEGINNING. E_HELD: *why
 * says in words what *holder (may be NULL) is told. */
enum error lock_take(int *fd, const char *path, const char *mountpoint, struct lock_holder *holder,
    struct failure *why);

/* For others to see. */
void lock_say(int fd, enum lock_stage stage, const char *mountpoint);

#endif
