/* One daemon an account: flock on a file beside the database that says who holds it. A file of its
 * own, because SQLite's POSIX locks die with any close of theirs. */
#ifndef POP3FS_LOCK_H
#define POP3FS_LOCK_H

#include "error.h"

/* *fd holds the lock until it is closed; close-on-exec. E_HELD: *why names the pid and mountpoint
 * that hold it. */
enum error lock_take(int *fd, const char *path, const char *mountpoint, struct failure *why);

#endif
