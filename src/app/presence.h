/* Whether the mount is still to be seen from here. umount takes it away, but the file system goes
 * on where another mount namespace has a copy, or after umount -l while somebody has a file open:
 * the kernel says nothing of that over /dev/fuse. proc(5), mountinfo. */
#ifndef POP3FS_PRESENCE_H
#define POP3FS_PRESENCE_H

#include <stdbool.h>

#include "mountinfo.h"

struct presence {
	struct mountinfo table;
	unsigned major, minor; /* the file system's */
	bool found;
};

/* Opens the table of this namespace, which no sandbox lets be opened later. Without it the mount
 * counts as seen. */
void presence_begin(struct presence *p);
void presence_end(struct presence *p);

/* Remembers what is mounted there now. */
void presence_of(struct presence *p, const char *mountpoint);

/* For poll, with POLLPRI: something was mounted or unmounted since the last look. -1: there is no
 * table. */
int presence_fd(const struct presence *p);
/* It is still mounted, somewhere in this namespace; or it was never seen. */
bool presence_lasts(struct presence *p);

#endif
