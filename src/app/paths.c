#include "paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

char *path_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *entry;

	if (home && home[0] == '/')
		return xstrdup(home);
	entry = getpwuid(geteuid());
	if (entry && entry->pw_dir && entry->pw_dir[0] == '/')
		return xstrdup(entry->pw_dir);
	return NULL;
}

enum error path_absolute(char **out, const char *given, struct failure *why)
{
	CLEANUP(freep) char *base = NULL;
	bool at_home = given[0] == '~' && given[1] == '/';

	if (given[0] == '/') {
		*out = xstrdup(given);
		return OK;
	}
	base = at_home ? path_home() : getcwd(NULL, 0);
	if (!base)
		return failed(why, E_SYSTEM, "%s: %s", given,
		    at_home ? "there is no home directory" : strerror(errno));
	*out = xasprintf("%s/%s", base, at_home ? given + 2 : given);
	return OK;
}

enum error path_make_directory(const char *path, struct failure *why)
{
	CLEANUP(freep) char *part = xstrdup(path);
	size_t len = strlen(part);

	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		part[i] = '\0';
		/* what is there already may also refuse with another error: EROFS, EACCES */
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			int error = errno;

			if (access(part, F_OK) != 0)
				return failed(why, E_SYSTEM, "cannot make the directory %s: %s",
				    part, strerror(error));
		}
		part[i] = path[i];
	}
	return OK;
}
