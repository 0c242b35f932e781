#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "tunnel.h"

#define MOST_ADDRESSES 8   /* of one name; more would only make the failure later */
#define STAGGER_MS     250 /* between one connect and the next: RFC 8305, 5 */

_Static_assert(MOST_ADDRESSES < DIAL_MOST_FDS, "every attempt must be polled");

/* What the lookup thread and the dial share. Whoever leaves last frees it. */
struct lookup {
	atomic_int owners;
	atomic_bool done; /* set by the thread: what stands below is there to be read */
	int fd;           /* readable from then on */
	char *host, *port;
	int code;   /* of getaddrinfo */
	int number; /* errno, for EAI_SYSTEM */
	struct addrinfo *found;
};

struct attempt {
	struct sockaddr_storage to;
	socklen_t len;
	int fd; /* connecting; -1: not yet, or failed */
};

struct dial {
	const char *what; /* for people: what is connected to here */
	char *host, *port;
	const struct proxy *proxy;       /* NULL: none; else host and port are the proxy's, ... */
	char *behind_host, *behind_port; /* ... and the server's are these */
	struct tunnel *tunnel;           /* from when the proxy is connected */
	bool begun;
	struct lookup *lookup; /* while it runs */
	struct attempt attempts[MOST_ADDRESSES];
	size_t count, tried; /* addresses known, and those of them whose connect was called */
	int64_t next;        /* when the next of them is due */
	struct failure why;  /* the most useful reason so far */
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

static void lookup_leave(struct lookup *l)
{
	if (atomic_fetch_sub(&l->owners, 1) > 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	close(l->fd);
	free(l->host);
	free(l->port);
	free(l);
}

static int find(const char *host, const char *port, int flags, struct addrinfo **found)
{
	const struct addrinfo hints = {
	    .ai_flags = flags | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	};

	return getaddrinfo(host, port, &hints, found);
}

static void *lookup_run(void *shared)
{
	static const uint64_t one = 1;
	struct lookup *l = shared;

	l->code = find(l->host, l->port, 0, &l->found);
	l->number = errno;
	if (l->code != 0)
		l->found = NULL;
	atomic_store(&l->done, true);
	(void)!write(l->fd, &one, sizeof(one));
	lookup_leave(l);
	return NULL;
}

/* A thread that no signal reaches and that nobody waits for. Returns errno. */
static int start_detached(void *(*run)(void *), void *shared)
{
	pthread_attr_t detached;
	pthread_t thread;
	sigset_t all, before;
	int number;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	number = pthread_create(&thread, &detached, run, shared);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&detached);
	return number;
}

static enum error lookup_start(struct dial *d, struct failure *why)
{
	struct lookup *l;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int number;

	if (fd < 0)
		return failed(why, E_SYSTEM, "cannot look up %s: %s", d->host, strerror(errno));
	l = xnew(struct lookup);
	atomic_init(&l->owners, 2);
	l->fd = fd;
	l->host = xstrdup(d->host);
	l->port = xstrdup(d->port);
	number = start_detached(lookup_run, l);
	if (number != 0) {
		atomic_store(&l->owners, 1);
		lookup_leave(l);
		return failed(why, E_SYSTEM, "cannot look up %s: %s", d->host, strerror(number));
	}
	d->lookup = l;
	return OK;
}

static void add_address(struct dial *d, const struct addrinfo *a)
{
	struct attempt *next;

	if (d->count == MOST_ADDRESSES || a->ai_addrlen > sizeof(next->to))
		return;
	next = &d->attempts[d->count++];
	memcpy(&next->to, a->ai_addr, a->ai_addrlen);
	next->len = a->ai_addrlen;
}

static const struct addrinfo *skip(const struct addrinfo *a, int family, bool of_family)
{
	while (a && (a->ai_family == family) != of_family)
		a = a->ai_next;
	return a;
}

/* Takes the families in turn, beginning with the one that the system's order (RFC 6724) puts
 * first: one family without a route then costs one step, not all of its addresses. RFC 8305, 4. */
static void take_addresses(struct dial *d, const struct addrinfo *found)
{
	int family = found->ai_family;
	const struct addrinfo *same = skip(found, family, true);
	const struct addrinfo *other = skip(found, family, false);

	while (same || other) {
		if (same) {
			add_address(d, same);
			same = skip(same->ai_next, family, true);
		}
		if (other) {
			add_address(d, other);
			other = skip(other->ai_next, family, false);
		}
	}
}

static enum error no_name(const struct dial *d, int code, int number, struct failure *why)
{
	return failed(why, E_NONAME, "cannot find the %s %s: %s", d->what, d->host,
	    code == EAI_SYSTEM ? strerror(number) : gai_strerror(code));
}

/* Literals need no thread: AI_NUMERICHOST asks nobody. */
static enum error begin(struct dial *d, struct failure *why)
{
	struct addrinfo *found = NULL;
	int code = find(d->host, d->port, AI_NUMERICHOST, &found);

	d->begun = true;
	if (code == EAI_NONAME)
		return lookup_start(d, why);
	if (code != 0)
		return no_name(d, code, errno, why);
	take_addresses(d, found);
	freeaddrinfo(found);
	return OK;
}

static enum error collect(struct dial *d, struct failure *why)
{
	struct lookup *l = take(&d->lookup);
	enum error result = OK;

	if (l->found)
		take_addresses(d, l->found);
	else
		result = no_name(d, l->code, l->number, why);
	lookup_leave(l);
	return result;
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
static void give_up(struct dial *d, struct attempt *a, int number)
{
	note(d, number);
	closep(&a->fd);
	a->fd = -1;
	d->next = 0;
}

static bool try_next(struct dial *d)
{
	struct attempt *a = &d->attempts[d->tried++];

	d->next = clock_in(STAGGER_MS);
	a->fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd >= 0 && connect(a->fd, (const struct sockaddr *)&a->to, a->len) == 0)
		return true;
	if (a->fd < 0 || (errno != EINPROGRESS && errno != EINTR))
		give_up(d, a, errno);
	return false;
}

static bool is_connected(struct dial *d, struct attempt *a)
{
	struct pollfd p = {.fd = a->fd, .events = POLLOUT};
	int number = 0;
	socklen_t len = sizeof(number);

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &number, &len) < 0)
		number = errno;
	if (number == 0)
		return true;
	give_up(d, a, number);
	return false;
}

/* The first attempt that is connected, or NULL; *open: how many are still under way. */
static struct attempt *look(struct dial *d, size_t *open)
{
	*open = 0;
	for (size_t i = 0; i < d->tried; i++) {
		struct attempt *a = &d->attempts[i];

		if (a->fd >= 0 && is_connected(d, a))
			return a;
		*open += a->fd >= 0;
	}
	return NULL;
}

static void close_all(struct dial *d)
{
	for (size_t i = 0; i < MOST_ADDRESSES; i++) {
		closep(&d->attempts[i].fd);
		d->attempts[i].fd = -1;
	}
}

static enum dial_result connect_on(struct dial *d, int *fd, struct failure *why)
{
	size_t open;
	struct attempt *winner = look(d, &open);

	while (!winner && d->tried < d->count && (open == 0 || clock_ms() >= d->next)) {
		struct attempt *a = &d->attempts[d->tried];

		if (try_next(d))
			winner = a;
		open += a->fd >= 0;
	}
	if (winner) {
		*fd = winner->fd;
		winner->fd = -1;
		close_all(d);
		return DIAL_DONE;
	}
	if (open > 0)
		return DIAL_MORE;
	failed(why, d->why.code, "%s", d->why.words);
	return DIAL_FAILED;
}

struct dial *dial_create(const char *host, const char *port, const struct proxy *proxy)
{
	struct dial *d = xnew(struct dial);

	d->what = proxy ? "proxy" : "server";
	d->host = xstrdup(proxy ? proxy->host : host);
	d->port = xstrdup(proxy ? proxy->port : port);
	d->proxy = proxy;
	d->behind_host = xstrdup(host);
	d->behind_port = xstrdup(port);
	for (size_t i = 0; i < MOST_ADDRESSES; i++)
		d->attempts[i].fd = -1;
	failed(&d->why, E_NONAME, "the %s %s has no address", d->what, d->host);
	return d;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	if (d->lookup)
		lookup_leave(d->lookup);
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
	if (d->lookup) {
		fds[0] = (struct pollfd){.fd = d->lookup->fd, .events = POLLIN};
		return 1;
	}
	if (d->tunnel)
		fds[n++] = tunnel_poll(d->tunnel);
	for (size_t i = 0; i < d->tried; i++)
		if (d->attempts[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = d->attempts[i].fd, .events = POLLOUT};
	if (d->tried < d->count && !d->tunnel)
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
	if (d->lookup) {
		if (!atomic_load(&d->lookup->done))
			return DIAL_MORE;
		if (collect(d, why) != OK)
			return DIAL_FAILED;
	}
	return d->proxy ? go_through(d, fd, why) : connect_on(d, fd, why);
}
