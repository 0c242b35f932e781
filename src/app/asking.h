/* Asking the daemon of a mount. Whoever enters a mount may have to wait for its daemon in a way
 * that no signal ends, and root may not enter a user's mount at all. So a child asks: as root it
 * takes the user and group of the mount, and the caller waits for it no longer than he wants. */
#ifndef POP3FS_ASKING_H
#define POP3FS_ASKING_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "mounted.h"

/* One ioctl (ioctls.h) on the mount's root; *argument (`len` octets) goes in and comes back. Until
 * `deadline` (clock.h). Errors:
 * E_TIMEOUT     no answer in time; what was asked for goes on
 * E_CLOSED      the daemon is dead
 * E_ENDING      it is ending
 * E_FORBIDDEN   the mount does not let this user in, or only look
 * E_PROTOCOL    it is of another version
 * E_SYSTEM      anything else */
enum error asking_ioctl(const struct mounted *m, unsigned long command, void *argument, size_t len,
    int64_t deadline, struct failure *why);

/* Several ioctls, one after the other, in one child. */
struct conversation {
	/* Runs in the child, with the mount's root open. Writes pieces of `piece` octets (more than
	 * four) to `to`, and returns 0 or the errno that ended it. */
	int (*talk)(int root, int to, const void *with);
	/* Each piece, in the caller. */
	void (*hear)(const void *piece, void *with);
	size_t piece;
	void *with; /* the child has a copy */
};

/* The same errors; it may last as long as it likes. */
enum error asking_converse(
    const struct mounted *m, const struct conversation *c, struct failure *why);

#endif
