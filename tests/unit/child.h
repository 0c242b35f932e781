/* System calls in a process of their own, for tests: one that hangs can be killed. */
#ifndef POP3FS_CHILD_H
#define POP3FS_CHILD_H

#include <sys/types.h>

struct world;

struct child {
	pid_t pid;
	int said; /* what it said with child_say */
};

/* Runs deed(w, with) in a child, which ends by itself after some seconds; its result is what
 * child_end returns. */
struct child child_start(
    struct world *w, int (*deed)(struct world *, const void *), const void *with);
/* From within a deed: one octet to the test. And the test waits for it. */
void child_say(void);
void child_heard(struct child *c);
/* Waits until it is in this system call (SYS_...): what it asks for is on its way. */
void child_await(const struct child *c, long call);
int child_end(struct child *c); /* waits; -1: it was killed */

/* Start and end in one. */
int child_do(struct world *w, int (*deed)(struct world *, const void *), const void *with);

#endif
