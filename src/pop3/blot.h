/* A server that quotes what it was sent ("-ERR unknown command: PASS ...") would bring a secret
 * into log and status: whatever it has said during a login is blotted before it is shown. No I/O.
 */
#ifndef POP3FS_BLOT_H
#define POP3FS_BLOT_H

#include "secret.h"

/* Shorter ones are not looked for: every sentence would have them by chance. */
#define BLOT_LEAST 4

/* A server may quote a piece, and a sentence may be cut: so much of a longer secret is blotted
 * wherever it stands, and at the text's end its beginning from BLOT_LEAST on. */
#define BLOT_PIECE 8

/* Writes "*" over each place in the text's `len` octets where the secret stands, as it is or within
 * base64, where up to two characters at each end also hold a neighbour's bits and stay. */
void blot_secret(char *text, size_t len, const struct secret *secret);

#endif
