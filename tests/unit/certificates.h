/* Certificates for tests, made in memory: authorities, servers, and all that can be wrong with
 * them. A step that fails ends the test program. */
#ifndef POP3FS_TEST_CERTIFICATES_H
#define POP3FS_TEST_CERTIFICATES_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
};

struct certificate_plan {
	const char *common_name;
	const char *names; /* subjectAltName in openssl.cnf's words: "DNS:a.test,IP:127.0.0.1" */
	const struct certificate *issuer; /* NULL: self-signed */
	bool authority;
	long from, until; /* seconds from now; both 0: an hour either way */
};

struct certificate certificate_make(const struct certificate_plan *plan);
void certificate_finish(struct certificate *c);

/* Add it, its key, or its key behind a passphrase, as PEM to the file at path; keys are for their
 * owner alone. */
void certificate_write(const struct certificate *c, const char *path);
void certificate_write_key(const struct certificate *c, const char *path);
void certificate_write_locked_key(const struct certificate *c, const char *path);

/* What a server needs that shows this certificate; the caller's, for SSL_CTX_free. `newest` is the
 * newest version it speaks (TLS1_1_VERSION ...), 0 for any. */
SSL_CTX *certificate_server(const struct certificate *c, int newest);

#endif
