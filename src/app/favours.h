/* What the companion does when it is asked to: what needs programs, privileges, or files of
 * everywhere, and so is not for a daemon that listens to a server (sandbox.h). Each of these may
 * wait for others, but none for long; an answer goes over a socket that came with the wish
 * (passing.h). */
#ifndef POP3FS_FAVOURS_H
#define POP3FS_FAVOURS_H

#include <stdbool.h>

#include "error.h"

/* The answer to favour_mount: with OK the connection's descriptor comes along. */
struct favour_mounted {
	struct failure why;
};

/* Which mount it is: its row of mountinfo, whatever the directories above it are called by now, and
 * whatever else was mounted in its place since. Zeroed: none. */
struct favour_place {
	int id;
	unsigned major, minor;
	char *source; /* malloc'd */
};

/* Mounts, unless another pop3fs has come there; `options` are mount_options'. Takes the mount away
 * again if nobody hears the answer. */
void favour_mount(
    int answer, const char *options, const char *mountpoint, struct favour_place *place);

/* Takes the mount away lazily, if it is still there and nothing is mounted on it. To be done in a
 * process of its own: it waits for fusermount3. */
void favour_unmount(const struct favour_place *place);

/* Enters the mount into umount(8)'s table, and answers with an octet whether it is there: returned,
 * too. See companion_record. */
bool favour_record(int answer, const char *source, const char *mountpoint);
/* And takes it out, if it is no mount any more. */
void favour_forget(const char *mountpoint);

/* Looks a name up in a process of its own, which ends when nobody waits for the answer any more. */
void favour_lookup(int answer, const char *host, const char *port);

/* Answers with an octet and a file that has no name, in $TMPDIR; without one if it cannot be made.
 */
void favour_file(int answer);

#endif
