/* The other end of a loopback connection, played by a thread that may wait. */
#ifndef POP3FS_TEST_PEER_H
#define POP3FS_TEST_PEER_H

#include <pthread.h>

/* Gets the server's socket, which is blocking, and closes it. */
typedef void peer_part(int fd, void *data);

struct peer {
	pthread_t thread;
	peer_part *part;
	void *data;
	int fd;
};

/* Connects over loopback and starts the part. Returns the client's socket, non-blocking and the
 * caller's. */
int peer_start(struct peer *p, peer_part *part, void *data);

/* Waits until the part has ended. */
void peer_finish(struct peer *p);

#endif
