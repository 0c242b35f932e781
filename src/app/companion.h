/* The companion: a small process, forked before there are secrets and threads, that alone executes
 * commands and takes the mount away. It does a few fixed things, asked for by one octet over a
 * socketpair; what they mean was said when it was forked. It ends when the other end is closed, and
 * by nothing else: the signals that end a daemon leave it alone, for its work comes last. */
#ifndef POP3FS_COMPANION_H
#define POP3FS_COMPANION_H

#include <stdint.h>

#include "buf.h"
#include "error.h"

struct companion;

struct companion_plan {
	char *const *password_command; /* words for execvp; NULL: none */
	int64_t password_ms;           /* what it may take */
	const char *mountpoint;        /* absolute */
	const char *source;            /* as mountinfo shows it */
};

/* *out is the caller's end. E_SYSTEM. */
enum error companion_start(
    struct companion **out, const struct companion_plan *plan, struct failure *why);

/* Closes this process's end; the companion ends when all have done so. NULL is fine. */
void companion_free(struct companion *c);

/* The last one that holds an end: nothing more will be asked. Waits, but not for long, until the
 * companion has done what it was asked; then companion_free. NULL is fine. */
void companion_dismiss(struct companion *c);

/* Runs password_command and adds what it printed to *output, at most RUN_MOST_OUTPUT octets, which
 * the caller wipes. Waits. E_SECRET: *why, with what the command said on stderr. */
enum error companion_password(struct companion *c, struct buf *output, struct failure *why);

/* Root has mounted: enters it into the table that umount(8) and systemd read beside mountinfo
 * (utab, libmount), as a mount that needs the network; it leaves there with the companion. Without
 * an entry umount(8) looks no further than at what statfs says when root unmounts, and does not
 * find umount.fuse.pop3fs. Waits, but not for long; where it cannot be, nothing is lost but this.
 * The mount itself is not touched. */
void companion_record(struct companion *c);

/* From here on in the background, as the daemon: its own session, "/", stdio closed, syslog. */
void companion_background(struct companion *c);

/* Takes the mount away lazily, if it is still a pop3fs. Asks only, and never waits. */
void companion_unmount(struct companion *c);

#endif
