/* From a host's name to a connected socket, without ever waiting: the name is looked up elsewhere
 * (lookup.h), connects are started staggered (RFC 8305) and all polled by the caller. Or through a
 * SOCKS5 proxy (socks.h), which then looks the name up. */
#ifndef POP3FS_DIAL_H
#define POP3FS_DIAL_H

#include <poll.h>
#include <stdint.h>

#include "error.h"

struct dial;
struct lookup_asker;
struct proxy;

/* host: a name or an IP literal (IPv6 without brackets); port: decimal. Both are copied.
 * proxy: NULL for none; else it must outlive the dial, and only its own name is looked up here.
 * asker: who is asked for it; NULL: a thread. Never NULL. Nothing has happened on the network yet
 * when it returns. */
struct dial *dial_create(const char *host, const char *port, const struct proxy *proxy,
    const struct lookup_asker *asker);

/* Ends what is under way and closes what is not handed over. A lookup that still runs
 * finishes alone and touches nothing of the caller's. */
void dial_free(struct dial *d);

#define DIAL_MOST_FDS 9

/* Fills what to poll for, at most DIAL_MOST_FDS, and returns how many. *wake: call dial_step at
 * this moment (clock.h) even if nothing polled ready. */
size_t dial_poll(struct dial *d, struct pollfd fds[DIAL_MOST_FDS], int64_t *wake);

enum dial_result {
	DIAL_MORE,   /* poll again */
	DIAL_DONE,   /* *fd is connected, non-blocking, close-on-exec, and the caller's */
	DIAL_FAILED, /* every address failed: *why is the most useful reason ("refused" says more
			than "no IPv6 here"): E_NONAME, E_CONNECT, E_TIMEOUT, E_NOROUTE, E_SYSTEM;
			with a proxy also E_CLOSED, E_PROTOCOL, E_CONFIG (its login) */
};

enum dial_result dial_step(struct dial *d, int *fd, struct failure *why);

#endif
