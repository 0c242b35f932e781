/* Strings as JSON has them. RFC 8259, 7. */
#ifndef POP3FS_JSON_H
#define POP3FS_JSON_H

#include "buf.h"

/* Adds the text in quotes. Text is UTF-8; an octet that is none, as paths may have it, is written
 * as \udcNN, from which Python's os.fsencode makes the octet again. */
void json_string(struct buf *to, struct slice text);

#endif
