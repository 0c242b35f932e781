/* Base64 as SASL writes it: RFC 4648, 4, in one piece, with its padding. */
#ifndef POP3FS_BASE64_H
#define POP3FS_BASE64_H

#include "buf.h"

void base64_add(struct buf *out, struct slice in);

/* Adds the octets that `text` stands for. false: it is no base64, and nothing was added: other
 * characters, padding that is missing or in the middle, bits left over. */
bool base64_undo(struct buf *out, struct slice text);

#endif
