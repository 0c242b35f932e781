/* APOP: the greeting's timestamp and the digest that answers it. RFC 1939, 7. */
#ifndef POP3FS_APOP_H
#define POP3FS_APOP_H

#include "buf.h"

/* The timestamp in a greeting (what stands behind "+OK"), angle brackets included, pointing into
 * it. Empty: there is none. It must be a msg-id of RFC 822 and nothing else, in printable ASCII:
 * whoever may put other octets before the password can find it out by MD5's collisions
 * (CVE-2007-1558). */
struct slice apop_timestamp(struct slice greeting);

/* Adds what follows "APOP ": the user, a blank, and the digest in hexadecimal. */
void apop_add(struct buf *out, struct slice user, struct slice timestamp, struct slice password);

#endif
