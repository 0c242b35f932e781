/* The client's own certificate and key, from their files. */
#ifndef POP3FS_OWN_H
#define POP3FS_OWN_H

#include <openssl/ssl.h>

#include "error.h"

/* Shows the chain in `cert` (PEM) to servers that ask, by the key in `key` (PEM; NULL: it is in
 * `cert`, too), which must be a regular file for its owner's eyes alone, and no passphrase's.
 * E_CONFIG: *why names the file. */
enum error own_certificate(
    SSL_CTX *context, const char *cert, const char *key, struct failure *why);

#endif
