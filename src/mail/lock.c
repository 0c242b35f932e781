#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "slice.h"

#define LONGEST_CONTENT (32 + PATH_MAX) /* "PID STAGE MOUNTPOINT\n" */

/* Before the mountpoint, which begins with a slash. */
static const char *const stage_words[] = {
    [LOCK_MOUNTED] = "",
    [LOCK_BEGINNING] = "begins ",
    [LOCK_ENDING] = "ends ",
};

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

static void take_stage(struct slice *text, enum lock_stage *stage)
{
	for (size_t i = 0; i < sizeof(stage_words) / sizeof(stage_words[0]); i++) {
		size_t len = strlen(stage_words[i]);

		if (text->len < len || memcmp(text->at, stage_words[i], len) != 0)
			continue;
		*stage = (enum lock_stage)i;
		if (len > 0) {
			text->at += len;
			text->len -= len;
			return;
		}
	}
}

/* The holder has written who it is, or is just about to. */
static void read_holder(int fd, struct lock_holder *h)
{
	char content[LONGEST_CONTENT];
	ssize_t len = pread(fd, content, sizeof(content), 0);
	struct slice rest = slice_make(content, len > 0 ? (size_t)len : 0);
	struct slice pid = slice_token(&rest, " ");
	enum lock_stage stage = LOCK_MOUNTED;
	uint64_t number;

	*h = (struct lock_holder){.pid = 0};
	if (!slice_number(pid, INT_MAX, &number) || rest.len < 2)
		return;
	rest.at++; /* the space */
	rest.len--;
	take_stage(&rest, &stage);
	if (rest.len > 0 && rest.at[rest.len - 1] == '\n')
		rest.len--;
	if (rest.len == 0 || rest.len >= sizeof(h->mountpoint))
		return;
	h->pid = (int)number;
	h->stage = stage;
	memcpy(h->mountpoint, rest.at, rest.len);
}

static enum error held(int fd, const char *path, struct lock_holder *holder, struct failure *why)
{
	static const char *const does[] = {
	    [LOCK_MOUNTED] = "has this account mounted on",
	    [LOCK_BEGINNING] = "is just mounting this account on",
	    [LOCK_ENDING] = "commits the deletions of",
	};
	struct lock_holder here = {.pid = 0}, *h = holder ? holder : &here;

	read_holder(fd, h);
	if (h->pid == 0)
		return failed(why, E_HELD, "another pop3fs holds %s", path);
	return failed(why, E_HELD, "pid %d %s %s", h->pid, does[h->stage], h->mountpoint);
}

/* The lock is flock's; that these words could not be written (a full disk) takes nothing from it.
 */
void lock_say(int fd, enum lock_stage stage, const char *mountpoint)
{
	CLEANUP(freep)
	char *content = xasprintf("%d %s%s\n", (int)getpid(), stage_words[stage], mountpoint);

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

enum error lock_take(int *fd, const char *path, const char *mountpoint, struct lock_holder *holder,
    struct failure *why)
{
	CLEANUP(closep) int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (file < 0)
		return failed(why, E_SYSTEM, "cannot open %s: %s", path, strerror(errno));
	if (!is_ours(file))
		return failed(why, E_SYSTEM, "%s is no plain file of ours", path);
	if (flock(file, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return held(file, path, holder, why);
		return failed(why, E_SYSTEM, "cannot lock %s: %s", path, strerror(errno));
	}
	lock_say(file, LOCK_BEGINNING, mountpoint);
	*fd = keep(&file);
	return OK;
}
