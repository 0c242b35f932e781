/* Paths as people write them, made absolute: a daemon works in "/". */
#ifndef POP3FS_PATHS_H
#define POP3FS_PATHS_H

#include "error.h"

/* $HOME if it is an absolute path (mount(8) leaves it empty), else the passwd entry's. malloc'd;
 * NULL: there is none. */
char *path_home(void);

/* *out is `given` from "/" on, malloc'd, the caller's: "~/" in front is the home directory, another
 * relative path begins in the working directory. Nothing on disk is looked at. E_SYSTEM: *why. */
enum error path_absolute(char **out, const char *given, struct failure *why);

/* Makes the directory (absolute) and what is missing above it, each 0700. E_SYSTEM: *why. */
enum error path_make_directory(const char *path, struct failure *why);

#endif
