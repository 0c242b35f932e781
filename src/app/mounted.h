/* A pop3fs mount, found by any path to it. The mount itself is not asked for anything, so it may be
 * dead, or hang, or belong to somebody else. */
#ifndef POP3FS_MOUNTED_H
#define POP3FS_MOUNTED_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "mountinfo.h"

struct mounted {
	char *target; /* absolute, without links; owned, as is `source` */
	char *source;
	unsigned major, minor; /* as in mountinfo */
	uid_t uid;             /* who mounted it */
	gid_t gid;
	int place; /* an O_PATH descriptor: keeps the mount busy until mounted_let_go; -1: none */
};

/* By a path to its root: relative, through links, ".". E_CONFIG: it is something else, and *why
 * says what. */
enum error mounted_find(struct mounted *m, const char *path, struct failure *why);
/* The one that a row of mountinfo is about, if nothing else is mounted over it. */
enum error mounted_row(struct mounted *m, const struct mountinfo_row *row, struct failure *why);
void mounted_let_go(struct mounted *m); /* closes `place` */
void mounted_finish(struct mounted *m);

/* Somewhere in this namespace the same file system is still mounted. */
bool mounted_elsewhere(const struct mounted *m);
/* A process in whose mount namespace it is still mounted, if we may look there; 0: none is known.
 */
pid_t mounted_holder(const struct mounted *m);

#endif
