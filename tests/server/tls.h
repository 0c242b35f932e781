/* The server's side of TLS: its settings, and a certificate made on the spot when none is given. */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <openssl/ssl.h>

#include "error.h"
#include "settings.h"

/* A context for all connections; the caller frees it with SSL_CTX_free. Writes --write-ca. */
enum error tls_create(SSL_CTX **out, const struct settings *settings, struct failure *why);

/* cert.c: gives the context a key and a certificate for --cert-name, signed by a CA that is made,
 * too, and written to --write-ca. */
enum error cert_make(SSL_CTX *tls, const struct settings *settings, struct failure *why);

#endif
