/* Where it is mounted: is the place fit, and is it already ours? */
#ifndef POP3FS_MOUNTPOINT_H
#define POP3FS_MOUNTPOINT_H

#include <stdbool.h>

#include "error.h"

/* *out is the mountpoint's absolute path without links, malloc'd, the caller's. A pop3fs mount
 * whose daemon is dead is taken away first, and that is said. E_CONFIG: it is no directory, cannot
 * be looked at, or is a pop3fs mount already. */
enum error mountpoint_check(char **out, const char *given, struct failure *why);

/* E_CONFIG: `path`, the cache directory's (absolute, without links), is the mountpoint or below it,
 * and nobody reaches it there once that is mounted on. */
enum error mountpoint_leaves(const char *mountpoint, const char *path, struct failure *why);

/* The mount on top at this path (absolute, without links) is a pop3fs. Never touches the path
 * itself, and so never waits for it. */
bool mountpoint_is_pop3fs(const char *path);

#endif
