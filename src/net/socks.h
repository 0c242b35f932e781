/* What a client says to a SOCKS5 proxy so that it connects to a server, without I/O: octets to send
 * are taken from socks_output, and no more octets are received than socks_wants, because what comes
 * behind the proxy's last answer is the server's. RFC 1928; RFC 1929 for user and password. */
#ifndef POP3FS_SOCKS_H
#define POP3FS_SOCKS_H

#include "error.h"
#include "slice.h"

#define SOCKS_LONGEST_WORD 255 /* octets of a host's name, a user, a password */

struct socks;

/* host: a name, which the proxy resolves, or an IP literal (IPv6 without brackets); port: decimal;
 * user and password: at == NULL for no login, else 1 to SOCKS_LONGEST_WORD octets. All are copied,
 * and the password is wiped. Never NULL. */
struct socks *socks_create(
    const char *host, const char *port, struct slice user, struct slice password);
void socks_free(struct socks *s); /* NULL is fine */

/* Octets to be sent; empty: none until more was received. socks_sent says how many are gone. */
struct slice socks_output(const struct socks *s);
void socks_sent(struct socks *s, size_t octets);

/* How many octets may be received now; never 0 before SOCKS_DONE. */
size_t socks_wants(const struct socks *s);

enum socks_result {
	SOCKS_MORE,   /* send, then receive */
	SOCKS_DONE,   /* the next octet is the server's */
	SOCKS_FAILED, /* *why says it. Of the proxy itself: E_PROTOCOL, or E_CONFIG for its login
			 (which must not be tried again by itself); of the way behind it: E_NONAME,
			 E_CONNECT, E_NOROUTE, E_TIMEOUT. */
};

/* Takes 1 to socks_wants octets. */
enum socks_result socks_received(struct socks *s, struct slice octets, struct failure *why);

#endif
