/* What is mounted: the rows of /proc/self/mountinfo (proc(5)). Reading it touches no mount, and so
 * waits for none. */
#ifndef POP3FS_MOUNTINFO_H
#define POP3FS_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define MOUNTINFO_TYPE "fuse.pop3fs" /* a pop3fs mount's */

struct mountinfo_row { /* strings without their escapes */
	int id;
	unsigned major, minor; /* of the file system: the same in all its mounts */
	const char *target;
	const char *type;
	const char *source;
	bool ours; /* a pop3fs */
	uid_t uid; /* whose process made it, of a FUSE mount; else 0 */
	gid_t gid;
};

/* Takes one line apart; the row points into it. false: it is no such line. */
bool mountinfo_parse(char *line, struct mountinfo_row *row);

struct mountinfo {
	FILE *file;
	char *line;
	size_t room;
};

/* Row by row, oldest mount first. false: /proc is not there. */
bool mountinfo_open(struct mountinfo *m);
/* The same of the namespace that a process is in. false: it is gone, or others may not know. */
bool mountinfo_open_of(struct mountinfo *m, pid_t pid);
/* From the beginning again, as it is now. */
void mountinfo_rewind(struct mountinfo *m);
/* The row is valid until the next call. false: there are no more. */
bool mountinfo_next(struct mountinfo *m, struct mountinfo_row *row);
void mountinfo_close(struct mountinfo *m);

#endif
