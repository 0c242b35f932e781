/* What a message's header says. No I/O, no memory of its own; time is linear in the octets given,
 * whatever they are. RFC 5322.
 *
 * `header` may go on behind the blank line that ends it: nothing behind is looked at. Lines end
 * with CRLF where the first one does, and with LF otherwise. Slices point into what was given. */
#ifndef POP3FS_HEADER_H
#define POP3FS_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

/* Octets of a message's header, the blank line included; all of `text` where there is none. */
size_t header_length(struct slice text);

/* The same for a message that comes in pieces: how many octets of the next piece belong to its
 * header. Once that is fewer than it has, the header has ended, and later pieces have none of it.
 * A zeroed struct is the beginning of a message. */
struct header_scan {
	bool ended;
	bool known, crlf; /* the first line's end was seen; it was CRLF */
	bool text, cr;    /* the line has something but CRs; it ends with a CR so far */
};
size_t header_scan(struct header_scan *scan, struct slice piece);

/* The first field of that name (case does not matter): its value with the folding inside, without
 * white space at both ends. false: there is none; *value is unchanged. */
bool header_field(struct slice header, const char *name, struct slice *value);

/* When the message was received, in seconds since 1970: the date of the topmost Received field
 * that has one to be believed, else the Date field's. Not believed are dates before 1970 and more
 * than a day behind `now` (clock_seconds). false: there is none; *when is unchanged. */
bool header_received(struct slice header, int64_t now, int64_t *when);

/* The fields by which a server keeps its own notes (Status, X-Status, X-UID, X-UIDL, X-IMAPbase,
 * X-Keywords: mbox servers add and rewrite them) do not make another message, nor do line ends:
 * these two leave them out. */

#define HEADER_DIGEST_OCTETS 32

/* SHA-256 over the header's lines, each ended by CRLF, without the blank line. */
void header_digest(struct slice header, unsigned char out[HEADER_DIGEST_OCTETS]);

/* Whether two headers agree as far as both go. One without a blank line counts as cut (servers cut
 * TOP at 64 KB), in the middle of its last line maybe. false where there is nothing to compare. */
bool header_same(struct slice a, struct slice b);

#endif
