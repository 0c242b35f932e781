/* What is wrong with a server's certificate, in one sentence. OpenSSL's words alone would name
 * neither the names it is for nor the day on which it expired. */
#ifndef POP3FS_UNTRUSTED_H
#define POP3FS_UNTRUSTED_H

#include <openssl/x509.h>

#include "error.h"

/* `error` is X509_V_ERR_..., `certificate` the one that it is about. Always E_TLS. */
enum error untrusted(struct failure *why, const char *host, int error, const X509 *certificate);

#endif
