/* Runs one command to its end, without a shell. Used by the companion only: the daemon itself never
 * executes anything. */
#ifndef POP3FS_RUN_H
#define POP3FS_RUN_H

#include <stdint.h>

#include "buf.h"
#include "error.h"

struct run_plan {
	const char *name;   /* what sentences call it */
	char *const *words; /* for execvp, ended by NULL */
	int64_t limit_ms;   /* then it is ended, with SIGTERM, then SIGKILL */
	int leash;          /* a descriptor whose hanging up ends it as well; -1: none */
};

#define RUN_MOST_OUTPUT 16384 /* octets of stdout that are kept; more is read and dropped */

/* Standard input is /dev/null; other descriptors are closed by their close-on-exec. What it printed
 * is added to *output, also on failure: the caller wipes it.
 * E_SYSTEM: it could not be run, or ended with a status other than 0 (*why has the last line that
 * it wrote to stderr). E_TIMEOUT. E_INTERRUPT: the leash. */
enum error run_command(const struct run_plan *plan, struct buf *output, struct failure *why);

#endif
