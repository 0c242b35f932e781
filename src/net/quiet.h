/* A socket for OpenSSL like its own, but one whose write cannot raise SIGPIPE and which never
 * waits.
 */
#ifndef POP3FS_QUIET_H
#define POP3FS_QUIET_H

#include <openssl/bio.h>

/* The caller's, for BIO_meth_free; NULL: no memory. Must outlive what is made of it. */
BIO_METHOD *quiet_method(void);

/* A BIO over fd, which stays the caller's; NULL: no memory. */
BIO *quiet_create(const BIO_METHOD *method, int fd);

#endif
