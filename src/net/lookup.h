/* From a host's name to addresses, without ever waiting: getaddrinfo cannot be cancelled, and what
 * it loads (nsswitch.conf(5)) may do anything. So the answer is a packet over a socket, from a
 * detached thread of this process, or from whoever is asked in its place (the companion: the daemon
 * itself then needs no file, no module and no socket for a name). */
#ifndef POP3FS_LOOKUP_H
#define POP3FS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "error.h"

#define LOOKUP_MOST 8 /* addresses of one name; more would only make the failure later */

struct address {
	struct sockaddr_storage to;
	socklen_t len;
};

struct addresses {
	int code;     /* of getaddrinfo; 0: found */
	int number;   /* errno, for EAI_SYSTEM */
	size_t count; /* in the order in which they are to be tried: RFC 8305, 4 */
	struct address each[LOOKUP_MOST];
};

/* Who is asked in place of a thread. */
struct lookup_asker {
	/* Has lookup_answer done elsewhere, with a copy of fd; it knows the only host and port that
	 * there are. false: errno. NULL: nobody, a thread does it. */
	bool (*ask)(void *with, int fd);
	void *with;
};

/* An address needs no lookup: *found at once, or false. port: decimal, here and below. */
bool lookup_literal(struct addresses *found, const char *host, const char *port);

/* *fd, the caller's, is readable when the answer is there; closing it gives the lookup up. asker:
 * NULL for none. E_SYSTEM. */
enum error lookup_begin(int *fd, const char *host, const char *port,
    const struct lookup_asker *asker, struct failure *why);

/* false: not yet. */
bool lookup_take(int fd, struct addresses *found);

/* ---- whoever answers ---- */

/* Looks it up, however long that takes, and says it over fd. */
void lookup_answer(int fd, const char *host, const char *port);

/* Says instead that it cannot be done, and why (errno). */
void lookup_refuse(int fd, int number);

#endif
