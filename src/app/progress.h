/* How far something has come, in a line for a terminal: a bar, messages, octets, rate, time left.
 * Pure: no I/O, no clock. */
#ifndef POP3FS_PROGRESS_H
#define POP3FS_PROGRESS_H

#include <stdint.h>

#include "buf.h"

struct progress {
	uint64_t messages, all_messages;
	uint64_t octets, all_octets;
	int64_t ms; /* since it began */
};

/* Adds the line, without its end: 79 octets at most, as long as numbers are those of a maildrop. */
void progress_line(struct buf *line, const struct progress *p);

/* Adds a number of octets as people read it: "17 octets", "3.4 MB". */
void progress_octets(struct buf *line, uint64_t octets);

#endif
