#include "tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "socks.h"

#define MOST_AT_ONCE 512 /* octets; the longest answer of a proxy is shorter */

struct tunnel {
	int fd;
	struct socks *socks;
};

struct tunnel *tunnel_create(int fd, const struct proxy *proxy, const char *host, const char *port)
{
	struct tunnel *t = xnew(struct tunnel);

	t->fd = fd;
	t->socks = socks_create(host, port, slice_of(proxy->user), secret_octets(proxy->password));
	return t;
}

void tunnel_free(struct tunnel *t)
{
	if (!t)
		return;
	closep(&t->fd);
	socks_free(t->socks);
	free(t);
}

struct pollfd tunnel_poll(const struct tunnel *t)
{
	short events = socks_output(t->socks).len > 0 ? POLLOUT : POLLIN;

	return (struct pollfd){.fd = t->fd, .events = events};
}

static enum dial_result broken(struct failure *why)
{
	if (errno == EAGAIN || errno == EINTR)
		return DIAL_MORE;
	failed(why, E_CLOSED, "the connection to the proxy broke: %s", strerror(errno));
	return DIAL_FAILED;
}

/* Each of these two moves once, and says whether to go on. */

static enum dial_result send_some(struct tunnel *t, struct failure *why)
{
	struct slice out = socks_output(t->socks);
	ssize_t n = send(t->fd, out.at, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return broken(why);
	socks_sent(t->socks, (size_t)n);
	return DIAL_DONE;
}

static enum dial_result receive_some(struct tunnel *t, bool *over, struct failure *why)
{
	char octets[MOST_AT_ONCE];
	size_t wants = socks_wants(t->socks);
	ssize_t n =
	    recv(t->fd, octets, wants < sizeof(octets) ? wants : sizeof(octets), MSG_DONTWAIT);
	enum socks_result result;

	if (n < 0)
		return broken(why);
	if (n == 0) {
		failed(why, E_CLOSED, "the proxy closed the connection");
		return DIAL_FAILED;
	}
	result = socks_received(t->socks, slice_make(octets, (size_t)n), why);
	*over = result == SOCKS_DONE;
	return result == SOCKS_FAILED ? DIAL_FAILED : DIAL_DONE;
}

enum dial_result tunnel_step(struct tunnel *t, int *fd, struct failure *why)
{
	bool over = false;

	while (!over) {
		enum dial_result moved = socks_output(t->socks).len > 0
					     ? send_some(t, why)
					     : receive_some(t, &over, why);

		if (moved != DIAL_DONE)
			return moved;
	}
	*fd = t->fd;
	t->fd = -1;
	return DIAL_DONE;
}
