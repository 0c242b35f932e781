/* Unmounting that tells whether the deletions took effect: umount.fuse.pop3fs, which umount(8) runs
 * for a mount of type fuse.pop3fs, and `pop3fs umount`.
 *
 * Deletions are committed first, by the daemon that is asked for it; then umount(8) takes the mount
 * away (fusermount3 does for who has no right to that); then the daemon's end is waited for, since
 * umount(2) itself returns while it is still at work. */
#ifndef POP3FS_UMOUNT_H
#define POP3FS_UMOUNT_H

#include <stdbool.h>

#include "error.h"

/* Whether a program of this name (argv[0]) is umount(8)'s helper. */
bool umount_is_helper(const char *name);

/* It is installed where umount(8) looks. */
bool umount_has_helper(void);

/* The helper. Exit status 0; 64: unmounted, but deletions did not take effect, with a sentence;
 * else umount(8)'s own. */
int umount_helper(int argc, char **argv);

/* Takes away a mount whose daemon is dead; nothing is committed. E_CONFIG: *why. */
enum error umount_dead(const char *target, struct failure *why);

/* The verb; argv[0] is its name. 0; 1: not unmounted, or deletions did not take effect. */
int umount_command(int argc, char **argv);

#endif
