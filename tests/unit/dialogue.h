/* The engine's client, and a server that the test plays line by line. */
#ifndef POP3FS_TEST_DIALOGUE_H
#define POP3FS_TEST_DIALOGUE_H

#include "client.h"

void client_freep(struct client **c);

/* The caller's, for client_free; the greeting has been said. */
struct client *dialogue_begin(void);

/* This line, without its line end, is all that the client has to say. It is taken. */
void dialogue_client_says(struct client *c, struct slice line);

/* Returns what the client makes of this line; valid until the next. */
struct reply_status dialogue_server_says(struct client *c, struct slice line);

#endif
