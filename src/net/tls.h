/* What TLS means here: version 1.2 or newer set in code, the chain and the host's name verified,
 * nothing that falls back. OpenSSL 3. RFC 8314, 8446, 9325. */
#ifndef POP3FS_TLS_H
#define POP3FS_TLS_H

#include "error.h"

struct tls; /* an SSL_CTX and what the user demands; one for the life of the daemon, used by one
	       thread */

struct tls_plan {
	const char *ca; /* a PEM file or a directory of hashed certificates; NULL: the system's */
};

/* *out is the caller's, for tls_free. E_TLS: a file that cannot be read; *why names it. */
enum error tls_create(struct tls **out, const struct tls_plan *plan, struct failure *why);
void tls_free(struct tls *t);

#endif
