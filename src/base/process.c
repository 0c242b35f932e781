#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "slice.h"

#define OVERFLOW_USER  65534 /* proc(5), overflowuid: who has no number here */
#define LONGEST_PATH   64
#define LONGEST_STAT   1024
#define FIELDS_BETWEEN 19 /* in stat, from the name's ")" to the start time */

/* The second field is the program's name in parentheses, and may hold any octet, ")" too: only the
 * last one ends it. */
bool process_started(pid_t pid, uint64_t *ticks)
{
	char path[LONGEST_PATH], line[LONGEST_STAT];
	struct slice rest, word = {0};
	const char *behind_name;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%" PRIdMAX "/stat", (intmax_t)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(line, 1, sizeof(line), file);
	fclose(file);
	behind_name = memrchr(line, ')', len);
	if (!behind_name)
		return false;
	rest = slice_make(behind_name + 1, (size_t)(line + len - behind_name) - 1);
	for (int i = 0; i <= FIELDS_BETWEEN; i++)
		word = slice_token(&rest, " \n");
	return slice_number(word, UINT64_MAX, ticks);
}

uint64_t process_namespace(const char *kind)
{
	char path[LONGEST_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* user_namespaces(7): the first has one line, of all numbers. */
static bool knows_all_users(void)
{
	FILE *file = fopen("/proc/self/uid_map", "re");
	uintmax_t inside = 0, outside = 0, count = UINT32_MAX;

	if (!file)
		return true;
	if (fscanf(file, "%" SCNuMAX " %" SCNuMAX " %" SCNuMAX, &inside, &outside, &count) != 3)
		count = UINT32_MAX;
	fclose(file);
	return count == UINT32_MAX;
}

bool process_is_trusted(uid_t uid)
{
	return uid == geteuid() || uid == 0 || (uid == OVERFLOW_USER && !knows_all_users());
}

enum error process_enter_mounts(const char *path, struct failure *why)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNS) != 0)
		return failed(why, E_SYSTEM, "cannot enter the mount namespace %s: %s", path,
		    strerror(errno));
	return OK;
}
