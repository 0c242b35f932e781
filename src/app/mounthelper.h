/* mount.pop3fs and mount.fuse.pop3fs: this program as mount(8) runs it, for `mount -t pop3fs`, for
 * an entry of fstab(5), for a unit of systemd. It is told SOURCE and DIRECTORY first, and much that
 * is meant for others. */
#ifndef POP3FS_MOUNTHELPER_H
#define POP3FS_MOUNTHELPER_H

#include "arguments.h"

struct mounthelper {
	bool fake;             /* everything but the mount */
	bool verbose;          /* say that it is mounted */
	const char *namespace; /* to go into: a file as in /proc/PID/ns; NULL: none */
};

/* Whether a program of this name (argv[0]) is mount(8)'s helper. */
bool mounthelper_is(const char *name);

/* As arguments_parse, of SOURCE DIRECTORY [-sfnv] [-N NAMESPACE] [-o LIST] [-t TYPE]. What mount(8)
 * keeps for itself and passes on all the same (_netdev, user, noauto ...) is passed over, and with
 * -s all that is unknown. E_USAGE: *why; so is "remount". */
enum error mounthelper_parse(struct mounthelper *h, struct arguments *a, struct options *o,
    int argc, char *const *argv, struct failure *why);

#endif
