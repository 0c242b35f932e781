/* Servers that need other manners than what they announce, known by their greeting or by CAPA. Only
 * what changes something here has a row; the server decides by what it says now, nothing is
 * remembered. No I/O. */
#ifndef POP3FS_QUIRKS_H
#define POP3FS_QUIRKS_H

#include "reply.h"
#include "slice.h"

enum quirk {
	QUIRK_EATS_READ = 1,        /* QUIT deletes what was merely read, as EXPIRE 0 does */
	QUIRK_NO_PIPELINING = 2,    /* several commands at a time do harm, whatever it announces */
	QUIRK_TOP_NEEDS_A_LINE = 4, /* TOP of no lines makes the next RETR leave out the body */
};

/* All quirks of the server with this greeting (what stands behind "+OK") and these capabilities. */
unsigned quirks_of(struct slice greeting, const struct capabilities *c);

#endif
