/* One connection, from the name of a host to a line that carries octets: dialled (dial.h), with TLS
 * from the start, later (STLS) or never. Never waits; the caller keeps the deadlines. One thread at
 * a time uses a connection. RFC 8314. */
#ifndef POP3FS_CONNECTION_H
#define POP3FS_CONNECTION_H

#include "dial.h"
#include "link.h"

struct connection;

struct connection_plan {
	const char *host, *port;
	const struct proxy *proxy;         /* NULL: none */
	const struct lookup_asker *lookup; /* NULL: a thread (dial.h) */
	struct tls *tls;                   /* may be NULL where TLS never begins */
	bool tls_at_once;
};

/* What the plan points to must outlive the connection. Nothing has happened on the network yet
 * when it returns. Never NULL. */
struct connection *connection_create(const struct connection_plan *plan);

/* Closes at once, whatever is under way. NULL is fine. */
void connection_free(struct connection *c);

#define CONNECTION_MOST_FDS DIAL_MOST_FDS

/* Fills what to poll for, at most CONNECTION_MOST_FDS, given what the caller wants to do with the
 * line once there is one, and returns how many. *wake: go on at this moment (clock.h) even if
 * nothing polled ready. */
size_t connection_poll(const struct connection *c, struct pollfd fds[CONNECTION_MOST_FDS],
    bool want_read, bool want_write, int64_t *wake);

enum connection_result {
	CONNECTION_WAIT,   /* poll, then call again */
	CONNECTION_DIALED, /* there is a socket, and its handshake begins: call again */
	CONNECTION_OPEN,   /* its link carries octets */
	CONNECTION_STALE,  /* broken, *why says how; another one may do better, with a new TLS
			      session (link_may_do_better) */
	CONNECTION_BROKEN, /* *why says it: dial_step's codes, or link_handshake's */
};

/* Goes on, until the line is open, and again after connection_start_tls. */
enum connection_result connection_step(struct connection *c, struct failure *why);

/* Begins TLS on an open line, once; the plain octets before must have been told. */
enum error connection_start_tls(struct connection *c, struct failure *why);

/* The line; NULL before there is a socket. The connection's. */
struct link *connection_link(const struct connection *c);

#endif
