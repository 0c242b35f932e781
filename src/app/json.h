/* Strings and numbers as JSON has them, of octets that may be anybody's. RFC 8259, 6 and 7. */
#ifndef POP3FS_JSON_H
#define POP3FS_JSON_H

#include "buf.h"

/* Adds the text in quotes. Text is UTF-8; an octet that is none, as paths may have it, is written
 * as \udcNN, from which Python's os.fsencode makes the octet again. Controls, which would do
 * something to a terminal, are escaped, those of Unicode (U+0080 to U+009F) too. */
void json_string(struct buf *to, struct slice text);

/* Adds a decimal number below 2^64 as such; what is none is a string. */
void json_number(struct buf *to, struct slice text);

#endif
