/* What TLS means here: version 1.2 or newer set in code, the chain and the host's name verified,
 * nothing that falls back. OpenSSL 3. RFC 8314, 8446, 9325. */
#ifndef POP3FS_TLS_H
#define POP3FS_TLS_H

#include <stdbool.h>

#include "error.h"

struct tls; /* an SSL_CTX and what the user demands; one for the life of the daemon, used by one
	       thread; keeps the last session, so that the next handshake is a short one */

struct pin;

enum tls_version { TLS_1_2, TLS_1_3 };

struct tls_plan {
	const char *ca; /* a PEM file or a directory of hashed certificates; NULL: the system's */
	const struct pin *pin; /* the server's certificate must have it, too; one that signs itself
				  needs nothing else but its dates. NULL: none */
	const char *cert;      /* PEM: the client's chain; NULL: none */
	const char *key;       /* PEM, for its owner's eyes alone; NULL: it is in cert */
	enum tls_version oldest;
};

/* The pin must outlive it. *out is the caller's, for tls_free. E_CONFIG: `ca`, `cert` or
 * `key` cannot be used, and *why names the file. E_TLS: nor can the system's certificates. */
enum error tls_create(struct tls **out, const struct tls_plan *plan, struct failure *why);

/* Every link that began TLS with it must be freed before. NULL is fine. */
void tls_free(struct tls *t);

/* The rest is for link.c alone. */

struct ssl_st; /* OpenSSL's SSL */

/* A client's connection over fd (which stays the caller's), before its handshake: verifies `host`,
 * names it (SNI) where it is no IP literal, and resumes the last session with it. Never raises
 * SIGPIPE. *out is the caller's, for tls_close. */
enum error tls_open(
    struct ssl_st **out, struct tls *t, int fd, const char *host, struct failure *why);
void tls_close(struct ssl_st *ssl);

/* Whether it came to no end, and an earlier session was to be resumed: that may be why, and is not
 * tried again once this one is closed. */
bool tls_resumption_failed(const struct ssl_st *ssl);

/* The sentence for what OpenSSL has just refused (SSL_ERROR_SSL), or for the peer's certificate. */
enum error tls_failed(struct ssl_st *ssl, struct failure *why);

/* After the handshake: OK only when a certificate was shown and verified. */
enum error tls_verified(struct ssl_st *ssl, struct failure *why);

#endif
