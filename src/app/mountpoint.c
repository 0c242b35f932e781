#include "mountpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "asking.h"
#include "clock.h"
#include "ioctls.h"
#include "log.h"
#include "mountinfo.h"
#include "umount.h"

#define ANSWER_MS 5000 /* who does not say who he is in this time, lives all the same */

bool mountpoint_is_pop3fs(const char *path)
{
	CLEANUP(mountinfo_close) struct mountinfo m;
	struct mountinfo_row row;
	bool ours = false;

	if (!mountinfo_open(&m))
		return false;
	while (mountinfo_next(&m, &row))
		if (strcmp(row.target, path) == 0)
			ours = row.ours; /* the last one is on top */
	return ours;
}

static bool is_dead(const char *path)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1};
	struct verb_identity who = {.pid = 0};

	return mounted_find(&m, path, NULL) == OK &&
	       asking_ioctl(&m, VERB_IDENTITY, &who, sizeof(who), clock_in(ANSWER_MS), NULL) ==
		   E_CLOSED;
}

/* Dead ones may lie on each other. */
static enum error clear(const char *path, struct failure *why)
{
	enum error e = OK;

	while (!e && mountpoint_is_pop3fs(path)) {
		if (!is_dead(path))
			return failed(why, E_CONFIG,
			    "%s is a pop3fs mount already: umount %s, or take another directory",
			    path, path);
		e = umount_dead(path, why);
		if (!e)
			log_warning("took away the dead mount on %s", path);
	}
	return e;
}

enum error mountpoint_check(char **out, const char *given, struct failure *why)
{
	CLEANUP(freep) char *path = realpath(given, NULL);
	struct stat st;

	if (!path)
		return failed(why, E_CONFIG, "cannot mount on %s: %s", given, strerror(errno));
	if (clear(path, why))
		return why->code;
	if (stat(path, &st) != 0)
		return failed(why, E_CONFIG, "cannot mount on %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return failed(why, E_CONFIG, "cannot mount on %s: it is no directory", path);
	*out = take(&path);
	return OK;
}

enum error mountpoint_leaves(const char *mountpoint, const char *path, struct failure *why)
{
	size_t len = strlen(mountpoint);

	if (strncmp(path, mountpoint, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return OK;
	return failed(why, E_CONFIG,
	    "the mount on %s would hide the cache directory, %s: give another as cache_dir=",
	    mountpoint, path);
}
