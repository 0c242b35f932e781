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

/* Mounts; the descriptor does not block. E_MOUNT, with libfuse's own words. *abort is what
 * mount_abort takes, or -1 where the kernel offers none; the caller closes it. */
enum error mount_open(struct fuse_session **out, int *abort, const struct fs_plan *plan,
    const struct fuse_lowlevel_ops *operations, void *with, struct failure *why);

/* Cuts the connection and frees the session, but takes no mount away: plan->detach does, and only
 * it. Who still holds a file open gets ENOTCONN from now on. */
void mount_close(struct fuse_session *fuse);

/* The same, but the session's memory stays, for a thread that still uses it. */
void mount_leave(struct fuse_session *fuse);

/* Ends the connection at once: whoever waits in the kernel for an answer gets an error. false: it
 * cannot be. */
bool mount_abort(int abort);

#endif
