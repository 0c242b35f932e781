#include "peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *run(void *peer)
{
	struct peer *p = peer;
	sigset_t pipe;

	/* the part may write over a closed line; whether the client does so is what is tested */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	p->part(p->fd, p->data);
	return NULL;
}

int peer_start(struct peer *p, peer_part *part, void *data)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&at, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0 ||
	    connect(client, (struct sockaddr *)&at, len) < 0)
		abort();
	p->fd = accept(listener, NULL, NULL);
	p->part = part;
	p->data = data;
	fcntl(client, F_SETFL, O_NONBLOCK);
	close(listener);
	if (p->fd < 0 || pthread_create(&p->thread, NULL, run, p) != 0)
		abort();
	return client;
}

void peer_finish(struct peer *p)
{
	pthread_join(p->thread, NULL);
}
