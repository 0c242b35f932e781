/* The companion: a small process, forked before there are secrets and threads, that alone executes
 * commands, makes the mount and takes it away, and looks up names (favours.h): the daemon can then
 * give up what it would need for that (sandbox.h). It does a few fixed things, asked for by a
 * packet over a socketpair; what they mean was said when it was forked. The secret is asked for by
 * a child of its own, over a socket of its own (inquiry.h), so that nothing waits behind a slow
 * command. It ends when the other end is closed, and by nothing else: the signals that end a daemon
 * leave it alone, for its work comes last. */
#ifndef POP3FS_COMPANION_H
#define POP3FS_COMPANION_H

#include <stdint.h>

#include "credentials.h"
#include "error.h"
#include "hook.h"
#include "inquiry.h"
#include "lookup.h"
#include "shelf.h"

struct companion;

struct companion_plan {
	const struct credentials
	    *credentials;          /* the source of the secret, if it can be asked again */
	const char *mountpoint;    /* absolute */
	const char *source;        /* as mountinfo shows it */
	const char *mount_options; /* mount.h */
	int64_t mount_ms;          /* to make the mount: fusermount3 may hang */
	const char *host, *port;   /* the one name that is looked up */
	struct hook_plan on_new;
};

/* *out is the caller's end. E_SYSTEM. */
enum error companion_start(
    struct companion **out, const struct companion_plan *plan, struct failure *why);

/* Closes this process's end; the companion ends when all have done so. NULL is fine. */
void companion_free(struct companion *c);

/* The last one that holds an end: nothing more will be asked. Waits, but not for long, until the
 * companion has done what it was asked; then companion_free. NULL is fine. */
void companion_dismiss(struct companion *c);

/* The socket over which the secret is asked for, for one thread at a time. Lives as long as the
 * companion. */
struct inquiry *companion_inquiry(struct companion *c);

/* Mounts, and waits for that, for the plan's mount_ms at most; *fd is the connection, the caller's
 * alone. E_MOUNT: there is no mount, and none that comes later stays. */
enum error companion_mount(struct companion *c, int *fd, struct failure *why);

/* Who looks up the plan's host. For any thread; lives as long as the companion. */
const struct lookup_asker *companion_lookup(struct companion *c);

/* Who makes files in $TMPDIR. The same. */
struct shelf_place companion_place(struct companion *c);

/* Root has mounted: enters it into the table that umount(8) and systemd read beside mountinfo
 * (utab, libmount), as a mount that needs the network; it leaves there with the companion. Without
 * an entry umount(8) looks no further than at what statfs says when root unmounts, and does not
 * find umount.fuse.pop3fs. Waits, but not for long; false: it could not be written (a container
 * without a writable /run/mount), and nothing is lost but this. For others than root umount(8)
 * looks at mountinfo: true. The mount itself is not touched. */
bool companion_record(struct companion *c);

/* From here on in the background, as the daemon: its own session, "/", stdio closed, syslog. */
void companion_background(struct companion *c);

/* So many messages have come: on_new is run, if there is one (hook.h). Asks only. */
void companion_fresh(struct companion *c, uint64_t count);

/* Takes the mount away lazily, if it is still a pop3fs. Asks only, and never waits. */
void companion_unmount(struct companion *c);

#endif
