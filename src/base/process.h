/* Telling processes apart: a process number is given again, and means another process in another
 * namespace (pid_namespaces(7)). Reads /proc. */
#ifndef POP3FS_PROCESS_H
#define POP3FS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* When the process began, in clock ticks since the machine did (proc(5), stat, field 22): with it a
 * number means one process only. false: there is none, or /proc does not say. */
bool process_started(pid_t pid, uint64_t *ticks);

/* The inode number of this process's namespace: "pid", "mnt", ... The same number is the same
 * namespace. 0: /proc does not say. */
uint64_t process_namespace(const char *kind);

/* Files of this user can be believed: it is this process's own, root, or one that a user namespace
 * does not know, which may be root. */
bool process_is_trusted(uid_t uid);

/* From here on this process sees what is mounted in that namespace; `path` is a file such as
 * /proc/PID/ns/mnt. E_SYSTEM: *why. */
enum error process_enter_mounts(const char *path, struct failure *why);

#endif
