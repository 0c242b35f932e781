#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "slice.h"

#define LONGEST_CONTENT (32 + PATH_MAX) /* "PID MOUNTPOINT\n" */

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

/* The holder has written who it is, or is just about to. */
static enum error held(int fd, const char *path, struct failure *why)
{
	char content[LONGEST_CONTENT];
	ssize_t len = pread(fd, content, sizeof(content), 0);
	struct slice mountpoint = slice_make(content, len > 0 ? (size_t)len : 0);
	struct slice pid = slice_token(&mountpoint, " ");
	uint64_t number;

	if (!slice_number(pid, INT_MAX, &number) || mountpoint.len < 2)
		return failed(why, E_HELD, "another pop3fs holds %s", path);
	mountpoint.at++; /* the space */
	mountpoint.len--;
	if (mountpoint.at[mountpoint.len - 1] == '\n')
		mountpoint.len--;
	return failed(why, E_HELD, "pid %d has this account mounted on %.*s", (int)number,
	    SLICE_ARGS(mountpoint));
}

/* The lock is flock's; that these words could not be written (a full disk) takes nothing from it.
 */
static void say_who(int fd, const char *mountpoint)
{
	CLEANUP(freep) char *content = xasprintf("%d %s\n", (int)getpid(), mountpoint);

	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, content, strlen(content), 0);
}

/* Out of CLEANUP's hands. */
static int keep(int *fd)
{
	int kept = *fd;

	*fd = -1;
	return kept;
}

enum error lock_take(int *fd, const char *path, const char *mountpoint, struct failure *why)
{
	CLEANUP(closep) int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (file < 0)
		return failed(why, E_SYSTEM, "cannot open %s: %s", path, strerror(errno));
	if (!is_ours(file))
		return failed(why, E_SYSTEM, "%s is no plain file of ours", path);
	if (flock(file, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return held(file, path, why);
		return failed(why, E_SYSTEM, "cannot lock %s: %s", path, strerror(errno));
	}
	say_who(file, mountpoint);
	*fd = keep(&file);
	return OK;
}
