/* MD5, for APOP alone: RFC 1939, 7 asks for it, and it is good for nothing else. RFC 1321. */
#ifndef POP3FS_MD5_H
#define POP3FS_MD5_H

#include "slice.h"

#define MD5_OCTETS 16

/* The digest of one piece after the other. */
void md5(unsigned char digest[MD5_OCTETS], struct slice first, struct slice then);

#endif
