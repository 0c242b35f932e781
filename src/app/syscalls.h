/* A seccomp filter: of the system calls only those remain that the daemon and its libraries make
 * once it runs. It executes and forks nothing, makes no memory executable, opens sockets only to
 * TCP servers and to the log. What else is called fails: with EPERM where that is known to be
 * forbidden, else with ENOSYS, at which a newer C library takes an older way. Nothing is ever
 * killed. */
#ifndef POP3FS_SYSCALLS_H
#define POP3FS_SYSCALLS_H

#include <stdbool.h>

/* For this thread and those that it starts later. Needs no_new_privs. `audit`: the kernel logs what
 * it refuses. false: the kernel, or this build, has no filters. */
bool syscalls_confine(bool audit);

#endif
