/* One connection: its octets in and out, with or without TLS. Never waits: conn_turn does what
 * can be done, then conn_events and conn_wake say when to come again. */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "session.h"

enum conn_state {
	CONN_OPEN,
	CONN_LINGERING, /* our side is closed; what the client still sends is thrown away */
	CONN_OVER,      /* to be freed */
};

struct conn {
	struct conn *next;
	unsigned number;
	int fd;
	enum conn_state state;
	SSL_CTX *tls;
	SSL *ssl;
	bool handshaking;
	bool awaits_tls; /* STLS was taken: what comes next belongs to the handshake */
	bool deaf;       /* no command is taken any more */
	bool ended;      /* the client has closed its side */
	bool blocked;    /* the socket takes no more for now */
	bool busy;       /* the turn ended before there was nothing to do */
	bool one_command, no_close_notify;
	unsigned abort_tries;
	size_t chunk, usual_chunk; /* octets a write, 0: any */
	int64_t pause, wake;

	struct buf in;
	struct out out, scratch;
	struct buf held; /* a reply into which the next one's first line will go */
	struct session session;
	struct fault_memory faults;
	uint32_t events; /* what the loop last asked epoll for */
};

/* Takes over `fd` (non-blocking). `tls` may be NULL; `at_once`: TLS from the first octet. */
struct conn *conn_create(
    struct service *service, int fd, unsigned number, SSL_CTX *tls, bool at_once);
void conn_free(struct conn *c);

void conn_turn(struct conn *c);
void conn_drop(struct conn *c);             /* over at once, no goodbye */
uint32_t conn_events(const struct conn *c); /* for epoll */
int64_t conn_wake(const struct conn *c);    /* a deadline of clock.h */

#endif
