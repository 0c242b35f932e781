/* on_new: the command that is run when mail has come. In the companion, by a child of its own, so
 * that nothing waits for it: one at a time, and what comes meanwhile is told to the next. */
#ifndef POP3FS_HOOK_H
#define POP3FS_HOOK_H

#include <stdint.h>
#include <sys/types.h>

struct hook_plan {
	char *const *command; /* words for execvp; NULL: none */
	int64_t limit_ms;     /* what it may take */
	const char *mountpoint;
};

struct hook {
	const struct hook_plan *plan;
	uint64_t waiting; /* messages that no command was told of */
	pid_t child;      /* 0: none */
	int end;          /* its pidfd; -1: none */
	int leash;        /* closed when the companion ends, and the command with it */
};

void hook_init(struct hook *h, const struct hook_plan *plan);

/* So many messages have come: the command gets POP3FS_NEW and POP3FS_MOUNTPOINT. */
void hook_run(struct hook *h, uint64_t count);

/* For poll: readable when the command has ended; then hook_ended. -1: none runs. */
int hook_fd(const struct hook *h);
void hook_ended(struct hook *h);

/* Ends a command that still runs, and waits for that. */
void hook_finish(struct hook *h);

#endif
