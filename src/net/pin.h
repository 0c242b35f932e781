/* pin=: the server's own certificate or key, known by its SHA-256. RFC 7469, 2.4 has the same
 * digest of a public key. */
#ifndef POP3FS_PIN_H
#define POP3FS_PIN_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "error.h"

#define PIN_OCTETS 32

struct pin {
	unsigned char digest[PIN_OCTETS];
};

/* "sha256:" and 64 hexadecimal digits (colons between them are passed over, as openssl writes them)
 * or base64. *out is the caller's, for free. E_USAGE. */
enum error pin_parse(struct pin **out, const char *text, struct failure *why);

/* Whether it is the digest of the certificate, or that of its public key. */
bool pin_fits(const struct pin *p, const X509 *certificate);

/* The pin of a certificate's public key, as pin_parse takes it; "" if there is none. */
#define PIN_TEXT (sizeof("sha256:") + 2 * (size_t)PIN_OCTETS)
void pin_write(char text[PIN_TEXT], const X509 *certificate);

#endif
