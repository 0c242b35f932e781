/* The text of .pop3fs/status: one `key: value` line a fact. What came from a server is escaped, so
 * that a line is a line. */
#ifndef POP3FS_STATUS_H
#define POP3FS_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "jobs.h"

struct status {
	const char *account;               /* "user@host" */
	const struct session_state *state; /* what the session thread said last; NULL: nothing */
	bool ending;
	size_t messages; /* visible */
	uint64_t octets; /* of them */
	size_t cached;
	char mirror[128]; /* how far it is, in words (mirror.h) */
	size_t pending;   /* deletions */
	const char *sandbox;
};

void status_render(struct buf *text, const struct status *s);

#endif
