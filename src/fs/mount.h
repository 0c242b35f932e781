/* From a plan to a mount that libfuse serves, and its end. */
#ifndef POP3FS_MOUNT_H
#define POP3FS_MOUNT_H

#include <fuse_lowlevel.h>

#include <stdbool.h>

#include "buf.h"
#include "fs.h"

/* The value of one -o for libfuse: source and type as /proc/self/mountinfo shall show them, and the
 * plan's options. */
void mount_options(struct buf *options, const struct fs_plan *plan);

/* The kernel's side of a mount. */
struct connection {
	unsigned number; /* the file system's device, minor; 0: unknown */
	int abort;       /* a descriptor that ends it; -1: the kernel offers none */
};

/* Mounts; the descriptor does not block. E_MOUNT, with libfuse's own words. */
enum error mount_open(struct fuse_session **out, struct connection *c, const struct fs_plan *plan,
    const struct fuse_lowlevel_ops *operations, void *with, struct failure *why);

/* Cuts the connection and frees the session, but takes no mount away: plan->detach does, and only
 * it. Who still holds a file open gets ENOTCONN from now on. */
void mount_close(struct fuse_session *fuse);

/* The same, but the session's memory stays, for a thread that still uses it. */
void mount_leave(struct fuse_session *fuse);

/* Ends the connection at once: whoever waits in the kernel for an answer gets an error. false: it
 * cannot be. */
bool mount_abort(const struct connection *c);

/* Whether that very mount is still there, dead or alive, and no other is on top of it. */
bool mount_stands(const struct connection *c, const char *mountpoint);

void connection_finish(struct connection *c);

#endif
