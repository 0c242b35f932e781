#include "mountpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "mountinfo.h"

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

enum error mountpoint_check(char **out, const char *given, struct failure *why)
{
	CLEANUP(freep) char *path = realpath(given, NULL);
	struct stat st;

	if (!path && errno == ENOTCONN)
		return failed(why, E_CONFIG, "%s is a dead mount: take it away with umount -l %s",
		    given, given);
	if (!path)
		return failed(why, E_CONFIG, "cannot mount on %s: %s", given, strerror(errno));
	if (mountpoint_is_pop3fs(path))
		return failed(why, E_CONFIG,
		    "%s is a pop3fs mount already: umount %s, or take another directory", path,
		    path);
	if (stat(path, &st) != 0)
		return failed(why, E_CONFIG, "cannot mount on %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return failed(why, E_CONFIG, "cannot mount on %s: it is no directory", path);
	*out = take(&path);
	return OK;
}
