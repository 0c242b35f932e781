/* How it ended: the exit status, and the sentences about deletions. */
#ifndef POP3FS_OUTCOME_H
#define POP3FS_OUTCOME_H

#include "error.h"
#include "jobs.h"

/* mount(8)'s, and umount.fuse.pop3fs's for deletions that wait. */
enum outcome_status {
	STATUS_DONE = 0,
	STATUS_USAGE = 1,
	STATUS_SYSTEM = 2, /* or configuration */
	STATUS_NOT_MOUNTED = 32,
	STATUS_WAITING = 64, /* the mount is over, deletions wait in the journal */
	STATUS_REFUSED =
	    77, /* to systemd, instead of 32: the login was refused, do not try again */
};

/* For a command that could not mount. A service of systemd says by its own status that the login
 * was refused: accounts get locked by those who try again and again. */
int outcome_status(enum error code);

/* At the end of a mount: says in the log what became of the deletions (why->code is OK where
 * nothing went wrong), and returns the exit status. */
int outcome_say(const struct commit_result *r, const struct failure *why);

/* Who asked for words has them only if all of standard output could be written: returns `status`, or
 * says what is wrong and returns `lost` if it could not (and `status` is 0). */
int outcome_printed(int status, int lost);

#endif
