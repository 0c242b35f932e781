#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "lookup.h"
#include "tunnel.h"

#define STAGGER_MS 250 /* between one connect and the next: RFC 8305, 5 */

_Static_assert(LOOKUP_MOST < DIAL_MOST_FDS, "every attempt must be polled");

struct dial {
	const char *what; /* for people: what is connected to here */
	char *host, *port;
	const struct proxy *proxy;       /* NULL: none; else host and port are the proxy's, ... */
	char *behind_host, *behind_port; /* ... and the server's are these */
	struct tunnel *tunnel;           /* from when the proxy is connected */
	struct lookup_asker asker;
	bool begun;
	int lookup; /* lookup.h; -1: none runs */
	struct addresses found;
	size_t tried;         /* of them: connect was called */
	int fds[LOOKUP_MOST]; /* connecting; -1: not yet, or failed */
	int64_t next;         /* when the next of them is due */
	struct failure why;   /* the most useful reason so far */
	int usefulness;
};

/* What a failed connect tells, and how much more it helps than another address's reason: "refused"
 * says more than that this machine has no IPv6. */
static const struct reason {
	int number;
	int usefulness;
	enum error code;
	const char *words; /* NULL: the system's own */
} reasons[] = {
    {EMFILE, 4, E_SYSTEM, NULL}, {ENFILE, 4, E_SYSTEM, NULL},
    {ECONNREFUSED, 3, E_CONNECT, "connection refused"}, {ETIMEDOUT, 2, E_TIMEOUT, "no answer"},
    {EHOSTUNREACH, 2, E_NOROUTE, "no route to it"},
    {ENETUNREACH, 1, E_NOROUTE, "network unreachable"}, {0, 1, E_NOROUTE, NULL}, /* any other */
};

static enum error no_name(const struct dial *d, struct failure *why)
{
	int code = d->found.code;

	return failed(why, E_NONAME, "cannot find the %s %s: %s", d->what, d->host,
	    code == EAI_SYSTEM ? strerror(d->found.number) : gai_strerror(code));
}

static enum error begin(struct dial *d, struct failure *why)
{
	d->begun = true;
	if (!lookup_literal(&d->found, d->host, d->port))
		return lookup_begin(&d->lookup, d->host, d->port, &d->asker, why);
	return d->found.code ? no_name(d, why) : OK;
}

static enum error collect(struct dial *d, struct failure *why)
{
	close(d->lookup);
	d->lookup = -1;
	return d->found.code ? no_name(d, why) : OK;
}

static void note(struct dial *d, int number)
{
	const struct reason *r = reasons;

	while (r->number != 0 && r->number != number)
		r++;
	if (r->usefulness <= d->usefulness)
		return;
	d->usefulness = r->usefulness;
	failed(&d->why, r->code, "%s%s port %s: %s", d->proxy ? "the proxy " : "", d->host, d->port,
	    r->words ? r->words : strerror(number));
}

/* Closes an attempt that came to nothing; the next address need not wait for its turn. */
static void give_up(struct dial *d, int *fd, int number)
{
	note(d, number);
	closep(fd);
	*fd = -1;
	d->next = 0;
}

static bool try_next(struct dial *d)
{
	const struct address *a = &d->found.each[d->tried];
	int *fd = &d->fds[d->tried++];

	d->next = clock_in(STAGGER_MS);
	*fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && connect(*fd, (const struct sockaddr *)&a->to, a->len) == 0)
		return true;
	if (*fd < 0 || (errno != EINPROGRESS && errno != EINTR))
		give_up(d, fd, errno);
	return false;
}

static bool is_connected(struct dial *d, int *fd)
{
	struct pollfd p = {.fd = *fd, .events = POLLOUT};
	int number = 0;
	socklen_t len = sizeof(number);

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (getsockopt(*fd, SOL_SOCKET, SO_ERROR, &number, &len) < 0)
		number = errno;
	if (number == 0)
		return true;
	give_up(d, fd, number);
	return false;
}

/* The first attempt that is connected, or NULL; *open: how many are still under way. */
static int *look(struct dial *d, size_t *open)
{
	*open = 0;
	for (size_t i = 0; i < d->tried; i++) {
		if (d->fds[i] >= 0 && is_connected(d, &d->fds[i]))
			return &d->fds[i];
		*open += d->fds[i] >= 0;
	}
	return NULL;
}

static void close_all(struct dial *d)
{
	for (size_t i = 0; i < LOOKUP_MOST; i++) {
		closep(&d->fds[i]);
		d->fds[i] = -1;
	}
}

static enum dial_result connect_on(struct dial *d, int *fd, struct failure *why)
{
	size_t open;
	int *winner = look(d, &open);

	while (!winner && d->tried < d->found.count && (open == 0 || clock_ms() >= d->next)) {
		int *next = &d->fds[d->tried];

		if (try_next(d))
			winner = next;
		open += *next >= 0;
	}
	if (winner) {
		*fd = *winner;
		*winner = -1;
		close_all(d);
		return DIAL_DONE;
	}
	if (open > 0)
		return DIAL_MORE;
	failed(why, d->why.code, "%s", d->why.words);
	return DIAL_FAILED;
}

struct dial *dial_create(
    const char *host, const char *port, const struct proxy *proxy, const struct lookup_asker *asker)
{
	struct dial *d = xnew(struct dial);

	d->what = proxy ? "proxy" : "server";
	d->host = xstrdup(proxy ? proxy->host : host);
	d->port = xstrdup(proxy ? proxy->port : port);
	d->proxy = proxy;
	if (asker)
		d->asker = *asker;
	d->behind_host = xstrdup(host);
	d->behind_port = xstrdup(port);
	d->lookup = -1;
	for (size_t i = 0; i < LOOKUP_MOST; i++)
		d->fds[i] = -1;
	failed(&d->why, E_NONAME, "the %s %s has no address", d->what, d->host);
	return d;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	closep(&d->lookup);
	close_all(d);
	tunnel_free(d->tunnel);
	free(d->host);
	free(d->port);
	free(d->behind_host);
	free(d->behind_port);
	free(d);
}

size_t dial_poll(struct dial *d, struct pollfd fds[DIAL_MOST_FDS], int64_t *wake)
{
	size_t n = 0;

	*wake = CLOCK_NEVER;
	if (!d->begun) {
		*wake = clock_ms();
		return 0;
	}
	if (d->lookup >= 0) {
		fds[0] = (struct pollfd){.fd = d->lookup, .events = POLLIN};
		return 1;
	}
	if (d->tunnel)
		fds[n++] = tunnel_poll(d->tunnel);
	for (size_t i = 0; i < d->tried; i++)
		if (d->fds[i] >= 0)
			fds[n++] = (struct pollfd){.fd = d->fds[i], .events = POLLOUT};
	if (d->tried < d->found.count && !d->tunnel)
		*wake = d->next;
	return n;
}

/* What is connected is the proxy: on to the server behind it. */
static enum dial_result go_through(struct dial *d, int *fd, struct failure *why)
{
	if (!d->tunnel) {
		int to_proxy;
		enum dial_result result = connect_on(d, &to_proxy, why);

		if (result != DIAL_DONE)
			return result;
		d->tunnel = tunnel_create(to_proxy, d->proxy, d->behind_host, d->behind_port);
	}
	return tunnel_step(d->tunnel, fd, why);
}

enum dial_result dial_step(struct dial *d, int *fd, struct failure *why)
{
	if (!d->begun && begin(d, why) != OK)
		return DIAL_FAILED;
	if (d->lookup >= 0) {
		if (!lookup_take(d->lookup, &d->found))
			return DIAL_MORE;
		if (collect(d, why) != OK)
			return DIAL_FAILED;
	}
	return d->proxy ? go_through(d, fd, why) : connect_on(d, fd, why);
}
