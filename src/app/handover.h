/* The account from one daemon to the next: the lock (lock.h) is waited for where its holder is
 * ending, and refused where it has a mount. */
#ifndef POP3FS_HANDOVER_H
#define POP3FS_HANDOVER_H

#include <stdint.h>

#include "error.h"

struct handover {
	const char *lock, *mountpoint;
	int64_t wait_ms;                               /* for the other's end */
	void (*notice)(void *with, const char *words); /* a sentence, once: who is waited for */
	void *with;
};

/* *fd is lock_take's. SIGINT and SIGTERM must be blocked, and end the wait. E_HELD: another serves
 * the account, or has not ended in time. E_INTERRUPT, E_SYSTEM. */
enum error handover_take(int *fd, const struct handover *h, struct failure *why);

#endif
