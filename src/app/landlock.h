/* Landlock (landlock(7)): from some moment on this process, and threads that it starts later, can
 * open only what was named before. What the kernel does not know yet is left out: each of its
 * versions forbids a little more. stat(2), access(2) and AF_UNIX sockets with a path are never
 * forbidden by it. */
#ifndef POP3FS_LANDLOCK_H
#define POP3FS_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What may be done at a path and below it. */
enum landlock_access {
	LANDLOCK_READ,  /* files and directories */
	LANDLOCK_WRITE, /* and files written, not made: a device */
	LANDLOCK_KEEP,  /* and files made, cut, removed, renamed within one directory */
};

/* Nothing may be done, but for what is allowed next: a descriptor, the caller's. No TCP port may be
 * connected to or listened on (kernel 6.7), no process outside be sent a signal and no abstract
 * AF_UNIX socket connected to unless `abstract` (6.12). -1: the kernel has no Landlock. */
int landlock_begin(bool abstract);

/* What is not there is passed over. */
void landlock_allow(int rules, const char *path, enum landlock_access access);
void landlock_allow_port(int rules, uint16_t port); /* to connect to */

/* From here on. Needs no_new_privs. false: errno. */
bool landlock_enforce(int rules);

#endif
