/* What the daemon gives up before it hears the server's first octet, so that whoever finds a fault
 * in it has little of it: new privileges (no_new_privs), root's privileges but that of reading, all
 * files but its cache and what libraries read later, all TCP ports but the server's (Landlock), and
 * most system calls (seccomp). contrib/SECURITY.md has the whole picture.
 *
 * What needs more is asked of the companion, which knows beforehand what can be asked. */
#ifndef POP3FS_SANDBOX_H
#define POP3FS_SANDBOX_H

#include <stdbool.h>

struct sandbox_plan {
	bool off;          /* sandbox=off: nothing of it */
	const char *cache; /* the one directory that is written to */
	bool tls;          /* certificates are looked up later, where ... */
	const char *ca;    /* ... this says (authorities.h) */
	const char *port;  /* of the server, or its proxy; decimal */
	bool audit;        /* the kernel shall log what it refuses */
};

/* Once, before this process has threads: they are held by it like their maker. What the kernel
 * lacks is left out. Returns what is in force, for people: "landlock, seccomp", "none", "off". */
const char *sandbox_enter(const struct sandbox_plan *plan);

#endif
