/* From a plan to a mount that libfuse serves, and its end. */
#ifndef POP3FS_MOUNT_H
#define POP3FS_MOUNT_H

#include <fuse_lowlevel.h>

#include "buf.h"
#include "fs.h"

/* The value of one -o for libfuse: source and type as /proc/self/mountinfo shall show them, and the
 * plan's options. */
void mount_options(struct buf *options, const struct fs_plan *plan);

/* Mounts, and that is all: *fd is the connection, the caller's, and close-on-exec. Executes
 * fusermount3 where the kernel lets only root mount. E_MOUNT, with libfuse's own words. */
enum error mount_make(int *fd, const char *options, const char *mountpoint, struct failure *why);

/* A session on what mount_make has made, by the same options. It owns fd, which does not block; on
 * failure, too, fd is closed. E_MOUNT. */
enum error mount_serve(struct fuse_session **out, int fd, const char *options,
    const struct fuse_lowlevel_ops *operations, void *with, struct failure *why);

/* Closes the connection and frees the session, but takes no mount away: plan->detach does, and only
 * it. Who still holds a file open gets ENOTCONN from now on. */
void mount_close(struct fuse_session *fuse);

#endif
