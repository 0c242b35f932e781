/* A header field's value as people read it: unfolded, its encoded words decoded, in UTF-8. No I/O;
 * time is linear in the octets given, whatever they are. RFC 2047; RFC 2231, 5; RFC 6532. */
#ifndef POP3FS_ENCODED_H
#define POP3FS_ENCODED_H

#include <stdbool.h>

#include "buf.h"
#include "slice.h"

/* Appends the value's text, `most` octets at most, cut between characters. Octets that are no
 * UTF-8 (outside of encoded words, or in their charset) and controls other than the tab become
 * U+FFFD each. Encoded words are taken wherever they stand, as mail has them in quoted strings and
 * without blanks around, too; what looks like one and is none stays as it is. */
void encoded_decode(struct buf *out, struct slice value, size_t most);

/* The same without looking for encoded words: for dates and identifiers. */
void encoded_plain(struct buf *out, struct slice value, size_t most);

#endif
