/* One connected socket, with or without TLS, never waiting. The caller polls and keeps the
 * deadlines. */
#ifndef POP3FS_LINK_H
#define POP3FS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

struct tls;
struct link;

/* Owns fd (non-blocking) from now on; sets TCP_NODELAY and keep-alive. Never NULL. */
struct link *link_create(int fd);

/* Closes at once. After link_close_notify has been sent or not, it does not matter here. */
void link_free(struct link *l);

/* Begins the handshake with `host` as the name to be verified (or an IP literal) and SNI. The plain
 * octets that arrived before must have been told already. Go on with link_handshake. */
enum error link_start_tls(struct link *l, struct tls *t, const char *host, struct failure *why);

enum link_result {
	LINK_DONE,   /* done, or *octets were moved */
	LINK_WAIT,   /* poll for link_events, then call again */
	LINK_END,    /* the peer closed; nothing more will come */
	LINK_BROKEN, /* *why says it: E_TLS, E_CLOSED, ... */
};

enum link_result link_handshake(struct link *l, struct failure *why);

/* Reads up to `room` octets, writes up to `len`. A close without close_notify under TLS is LINK_END
 * as well: whether it came too early, the protocol above knows (a body without its end is never
 * whole). */
enum link_result link_read(
    struct link *l, void *to, size_t room, size_t *octets, struct failure *why);
enum link_result link_write(
    struct link *l, const void *from, size_t len, size_t *octets, struct failure *why);

int link_fd(const struct link *l);

/* What to poll for, given what the caller wants to do (TLS may have to write in order to read). */
short link_events(const struct link *l, bool want_read, bool want_write);

/* Octets are decrypted already and wait inside: read before polling. */
bool link_pending(const struct link *l);

/* Says close_notify, without waiting; for an orderly end. */
void link_say_goodbye(struct link *l);

/* While replies are small: acknowledges at once, so that a server under Nagle does not stall 40 ms.
 */
void link_quick_ack(struct link *l);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "none"; valid while the link is. */
const char *link_cipher(const struct link *l);

#endif
