/* Octets that come from files and scripts, and how a file's octets go out. */
#ifndef SERVER_OCTETS_H
#define SERVER_OCTETS_H

#include "buf.h"
#include "error.h"

/* Adds a whole file as it stands. */
enum error octets_read(const char *path, struct buf *to, struct failure *why);

/* The same from a descriptor; `guess` is how many octets to expect. false: errno says why. */
bool octets_read_fd(int fd, size_t guess, struct buf *to);

/* Adds `text` with \r \n \t \0 \" \\ and \xNN undone; other backslashes stay. */
void octets_unescape(struct slice text, struct buf *to);

/* Adds a file's octets as a multi-line reply carries them (RFC 1939, 3): LFs become CRLFs (not
 * when `raw`), a dot after a CRLF is doubled, a CRLF stands at the end. *octets is the size that
 * LIST should say: undoubled, and when `raw` without the CRLF that was missing. */
void octets_to_wire(struct slice file, bool raw, struct buf *wire, uint64_t *octets);

bool octets_end_line(struct slice s); /* ends in CRLF */

#endif
