/* A POP3 server that answers by a table, for one client at a time and any number of sessions; and
 * what its client goes by. */
#ifndef POP3FS_TEST_SCRIPTED_H
#define POP3FS_TEST_SCRIPTED_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "session.h"

#define PATIENCE_MS 20000 /* for what must come: far more than it takes */

/* The first row that fits a line counts; a line that none fits is answered "-ERR". */
struct scripted_row {
	const char *command; /* the whole line; "" is the greeting */
	const char *answer;  /* its octets; NULL: silence */
	bool closes;         /* the line, behind the answer */
	bool lingers;        /* ... but not before it has looked whether the client closes first */
	unsigned session;    /* only in this one, the first being 1; 0: in all */
};

struct scripted {
	pthread_t thread;
	int listener;
	char port[8]; /* of 127.0.0.1 */
	const struct scripted_row *rows;
	size_t count;
	bool left_first; /* ... as it did; to be looked at behind scripted_finish */
};

/* A greeting, a login as "user" with "secret", and QUIT: put rows before these to differ. */
#define SCRIPTED_LOGIN                                                                             \
	{"", "+OK ready\r\n"}, {"CAPA", "+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n"},                    \
	    {"USER user", "+OK\r\n"}, {"PASS secret", "+OK\r\n"},                                  \
	{                                                                                          \
		"QUIT", "+OK\r\n", .closes = true                                                  \
	}

/* In the clear, as SCRIPTED_LOGIN has it; nothing ends for want of patience. Either may be NULL. */
struct session_plan scripted_plan(const char *port, const struct secret *password);

/* The rows must stay until scripted_finish. */
void scripted_start(struct scripted *s, const struct scripted_row *rows, size_t count);

/* The client must have closed its line: waits for that, and for the thread. */
void scripted_finish(struct scripted *s);

#endif
