/* Splits the octets that a POP3 server sends into lines and message text. No I/O, no memory of its
 * own. RFC 1939, 3. */
#ifndef POP3FS_WIRE_H
#define POP3FS_WIRE_H

#include <stdbool.h>

#include "slice.h"

/* A body may be brought in any pieces; where the last piece ended is kept here. */
enum wire_place {
	WIRE_LINE_START, /* behind CRLF, or at the very start */
	WIRE_DOT,        /* behind a "." that stands first on its line: stuffing or the end */
	WIRE_DOT_CR,     /* behind ".\r" there */
	WIRE_IN_LINE,
	WIRE_CR, /* behind a CR inside a line */
};

struct wire {
	const char *at, *end; /* arrived, not yet taken; the caller sets both */
	enum wire_place place;
	bool lf; /* the status line ended in a bare LF: so may the lines and the end of this body */
};

enum wire_result {
	WIRE_MORE,     /* bring more octets; those not taken must be brought again in front */
	WIRE_LINE,     /* a line was taken */
	WIRE_TEXT,     /* a piece of a message was taken */
	WIRE_END,      /* the "." line was taken; the next octet belongs to the next reply */
	WIRE_TOO_LONG, /* a line of more than `limit` octets; nothing was taken */
};

/* Takes one line. *line points into the input, without its CRLF or bare LF; w->lf says which it
 * was. */
enum wire_result wire_line(struct wire *w, size_t limit, struct slice *line);

/* Before the first wire_body of a reply. Keeps w->lf, which the status line has set. */
void wire_body_start(struct wire *w);

/* Takes the next piece of a message's text with its dots undone; *text points into the input (or at
 * a constant), is never empty, and keeps CRLF, bare CR, bare LF and NUL as sent. All input is
 * always taken before WIRE_MORE. The end is CRLF.CRLF and nothing less (LF.LF where w->lf). */
enum wire_result wire_body(struct wire *w, struct slice *text);

#endif
