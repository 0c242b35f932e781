#include "mountpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"

#define MOUNTINFO    "/proc/self/mountinfo"
#define OUR_TYPE     "fuse.pop3fs"
#define PATH_IS_WORD 5 /* in a line of mountinfo, from 1 */

/* Space, tab, newline and backslash stand there as \ooo. */
static bool same_path(struct slice escaped, const char *path)
{
	for (size_t i = 0; i < escaped.len; i++, path++) {
		char octet = escaped.at[i];

		if (octet == '\\' && i + 3 < escaped.len) {
			octet = (char)((escaped.at[i + 1] - '0') << 6 |
				       (escaped.at[i + 2] - '0') << 3 | (escaped.at[i + 3] - '0'));
			i += 3;
		}
		if (octet != *path)
			return false;
	}
	return *path == '\0';
}

bool mountinfo_line(struct slice line, const char *path, bool *here)
{
	struct slice word;
	int index = 1;

	*here = false;
	for (; index <= PATH_IS_WORD; index++)
		word = slice_token(&line, " ");
	if (!same_path(word, path))
		return false;
	*here = true;
	/* a row of optional fields, ended by "-"; the type is behind it */
	do
		word = slice_token(&line, " ");
	while (word.len > 0 && !slice_is(word, "-"));
	return slice_is(slice_token(&line, " "), OUR_TYPE);
}

bool mountpoint_is_pop3fs(const char *path)
{
	CLEANUP(freep) char *line = NULL;
	FILE *file = fopen(MOUNTINFO, "re");
	size_t room = 0;
	ssize_t len;
	bool ours = false;

	if (!file)
		return false;
	while ((len = getline(&line, &room, file)) > 0) {
		bool here, here_ours;

		here_ours = mountinfo_line(slice_trim(slice_make(line, (size_t)len)), path, &here);
		if (here)
			ours = here_ours; /* the last one is on top */
	}
	fclose(file);
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
