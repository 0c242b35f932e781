/* One connected socket, with or without TLS, never waiting. The caller polls and keeps the
 * deadlines. Nothing here raises SIGPIPE. One thread at a time uses a link. */
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

/* Closes at once, whether goodbye was said or not. NULL is fine. */
void link_free(struct link *l);

/* Begins the handshake with `host` as the name to be verified (or an IP literal) and SNI; once a
 * link. The plain octets that arrived before must have been told already. Go on with
 * link_handshake. `t` must outlive the link. */
enum error link_start_tls(struct link *l, struct tls *t, const char *host, struct failure *why);

enum link_result {
	LINK_DONE,   /* done, or *octets were moved */
	LINK_WAIT,   /* poll for link_events, then call again */
	LINK_END,    /* the peer closed; nothing more will come (from link_read alone) */
	LINK_BROKEN, /* *why says it: E_TLS, E_CLOSED, E_TIMEOUT, E_NOROUTE; the link is of no
			more use, but for link_free */
};

/* LINK_DONE: the peer is verified. A peer that closes meanwhile is LINK_BROKEN with E_CLOSED. */
enum link_result link_handshake(struct link *l, struct failure *why);

/* Reads up to `room` octets, writes up to `len`, neither of them 0; *octets is set by LINK_DONE
 * only. After LINK_WAIT the next link_write must offer the same octets and no fewer, wherever they
 * stand in memory by then. A close without close_notify under TLS is LINK_END as well: whether it
 * came too early, the protocol above knows (a body without its end is never whole). */
enum link_result link_read(
    struct link *l, void *to, size_t room, size_t *octets, struct failure *why);
enum link_result link_write(
    struct link *l, const void *from, size_t len, size_t *octets, struct failure *why);

int link_fd(const struct link *l);

/* What to poll for, given what the caller wants to do (TLS may have to write in order to read, so
 * try whatever is wanted when any of it is ready). During the handshake: want either or both. */
short link_events(const struct link *l, bool want_read, bool want_write);

/* Octets have arrived already and wait inside: read before polling. */
bool link_pending(const struct link *l);

/* Says close_notify, without waiting; for an orderly end. */
void link_say_goodbye(struct link *l);

/* While replies are small: acknowledges at once, so that a server under Nagle does not stall 40 ms.
 * The kernel forgets it; say it again after reading. */
void link_quick_ack(struct link *l);

/* Behind a LINK_BROKEN of link_handshake: another connection may do better, since this one was to
 * go on with an earlier TLS session, which not every server can. Said once, not to go on for ever.
 */
bool link_may_do_better(const struct link *l);

/* The handshake was a short one: it went on with an earlier session. */
bool link_resumed(const struct link *l);

/* What this TLS connection is known by at both ends and nowhere else: tls-exporter, RFC 9266.
 * false: there is none (no TLS, or 1.2 without an extended master secret: RFC 9266, 3). */
#define LINK_BINDING 32
bool link_binding(struct link *l, unsigned char binding[LINK_BINDING]);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "none"; valid while the link is. */
const char *link_cipher(const struct link *l);

#endif
