#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "conn.h"
#include "log.h"
#include "record.h"

#define BACKLOG     128
#define MOST_EVENTS 64

struct listener {
	struct sockaddr_storage address; /* with the port that was found, to come back to it */
	socklen_t len;
	bool tls;
	int fd;
	int place; /* bound, and never listens: keeps the port while nobody does */
};

struct loop {
	struct service *service;
	SSL_CTX *tls;
	int poll, signals;
	struct listener *listeners;
	size_t listener_count;
	struct conn *conns;
	unsigned conn_count; /* ever */
	bool down, ending;
};

static bool watch(struct loop *l, int fd, uint32_t events, void *what)
{
	struct epoll_event event = {.events = events, .data.ptr = what};

	return epoll_ctl(l->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Listeners. */

/* ADDRESS:PORT, an IPv6 address in brackets. */
static enum error read_address(const char *words, struct listener *to, struct failure *why)
{
	const char *colon = strrchr(words, ':');
	size_t len = colon ? (size_t)(colon - words) : 0;
	bool brackets = len >= 2 && words[0] == '[' && words[len - 1] == ']';
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
			    .ai_socktype = SOCK_STREAM},
			*found;
	CLEANUP(freep)
	char *host = brackets ? xstrndup(words + 1, len - 2) : xstrndup(words, len);

	if (colon == NULL || getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return failed(why, E_USAGE, "not ADDRESS:PORT: %s", words);
	memcpy(&to->address, found->ai_addr, found->ai_addrlen);
	to->len = found->ai_addrlen;
	freeaddrinfo(found);
	return OK;
}

/* A socket at the listener's address. -1: errno says why. */
static int bound(const struct listener *at)
{
	int on = 1, fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			IPPROTO_TCP);

	if (fd < 0 || (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
			  bind(fd, (const struct sockaddr *)&at->address, at->len) == 0))
		return fd;
	closep(&fd); /* leaves errno alone */
	return -1;
}

/* The port is looked for once. */
static bool keep_place(struct listener *at)
{
	if (at->place < 0)
		at->place = bound(at);
	return at->place >= 0 &&
	       getsockname(at->place, (struct sockaddr *)&at->address, &at->len) == 0;
}

static enum error open_listener(struct loop *l, struct listener *at, struct failure *why)
{
	at->fd = keep_place(at) ? bound(at) : -1;
	if (at->fd >= 0 && listen(at->fd, BACKLOG) == 0 && watch(l, at->fd, EPOLLIN, at))
		return OK;
	return failed(why, E_SYSTEM, "cannot listen: %s", strerror(errno));
}

static void describe(const struct sockaddr *address, socklen_t len, char *host, char *port)
{
	if (getnameinfo(address, len, host, NI_MAXHOST, port, NI_MAXSERV,
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		host[0] = port[0] = '\0';
}

static enum error open_all(struct loop *l, const struct texts *words, bool tls, struct failure *why)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	enum error error = OK;

	for (size_t i = 0; i < words->count && !error; i++) {
		struct listener *at = &l->listeners[l->listener_count];

		at->tls = tls;
		at->place = -1;
		error = read_address(words->at[i], at, why);
		if (!error)
			error = open_listener(l, at, why);
		if (error)
			break;
		l->listener_count++;
		describe((struct sockaddr *)&at->address, at->len, host, port);
		printf("listening %s %s %s\n", tls ? "tls" : "plain", host, port);
	}
	fflush(stdout);
	return error;
}

static void toggle_listeners(struct loop *l)
{
	struct failure why;

	l->down = !l->down;
	for (size_t i = 0; i < l->listener_count; i++)
		if (l->down)
			close(l->listeners[i].fd);
		else if (open_listener(l, &l->listeners[i], &why) != OK)
			log_error("%s", why.words);
	record(l->down ? "DOWN" : "UP");
}

/* Connections. */

static void accept_all(struct loop *l, const struct listener *at)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd;

	while (!l->down && (fd = accept4(at->fd, (struct sockaddr *)&address, &len,
				SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		char host[NI_MAXHOST], port[NI_MAXSERV];
		bool stls = l->service->settings->stls;
		struct conn *c;

		describe((struct sockaddr *)&address, len, host, port);
		record("CONN %u open %s %s", ++l->conn_count, host, port);
		c = conn_create(
		    l->service, fd, l->conn_count, at->tls || stls ? l->tls : NULL, at->tls);
		c->next = l->conns;
		l->conns = c;
		c->events = EPOLLIN;
		if (!watch(l, fd, c->events, c))
			conn_drop(c);
		conn_turn(c);
		len = sizeof(address);
	}
}

/* Frees those that are over, asks epoll for what the others want, and finds the next deadline. */
static int64_t look_after(struct loop *l)
{
	int64_t soonest = CLOCK_NEVER;

	for (struct conn **at = &l->conns; *at;) {
		struct conn *c = *at;
		struct epoll_event event = {.events = conn_events(c), .data.ptr = c};

		if (c->state == CONN_OVER) {
			*at = c->next;
			conn_free(c);
			continue;
		}
		if (event.events != c->events)
			epoll_ctl(l->poll, EPOLL_CTL_MOD, c->fd, &event);
		c->events = event.events;
		soonest = clock_sooner(soonest, conn_wake(c));
		at = &c->next;
	}
	return soonest;
}

static void wake_all(struct loop *l)
{
	for (struct conn *c = l->conns; c; c = c->next)
		if (clock_left(conn_wake(c)) == 0)
			conn_turn(c);
}

/* Signals. */

static void read_script_again(struct loop *l)
{
	struct failure why;
	struct script *fresh = script_load(l->service->settings, &why);

	if (fresh == NULL) {
		log_error("%s", why.words);
		record("SCRIPT refused %s", why.words);
		return;
	}
	script_free(l->service->script);
	l->service->script = fresh;
	record("SCRIPT read");
}

static void take_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGHUP:
			read_script_again(l);
			break;
		case SIGUSR1:
			for (struct conn *c = l->conns; c; c = c->next)
				conn_drop(c);
			break;
		case SIGUSR2:
			toggle_listeners(l);
			break;
		default:
			l->ending = true;
			break;
		}
	}
}

static bool watch_signals(struct loop *l)
{
	static const int numbers[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return l->signals >= 0 && watch(l, l->signals, EPOLLIN, &l->signals);
}

/* The loop. */

static const struct listener *find_listener(const struct loop *l, const void *what)
{
	for (size_t i = 0; i < l->listener_count; i++)
		if (what == &l->listeners[i])
			return &l->listeners[i];
	return NULL;
}

static void handle(struct loop *l, const struct epoll_event *event)
{
	const struct listener *listener = find_listener(l, event->data.ptr);
	struct conn *c = event->data.ptr;

	if (event->data.ptr == &l->signals) {
		take_signals(l);
	} else if (listener) {
		accept_all(l, listener);
	} else {
		conn_turn(c);
		if (event->events & (EPOLLERR | EPOLLHUP)) /* gone: nothing can be sent */
			conn_drop(c);
	}
}

static void serve(struct loop *l)
{
	while (!l->ending) {
		struct epoll_event events[MOST_EVENTS];
		int count = epoll_wait(l->poll, events, MOST_EVENTS, clock_left(look_after(l)));

		for (int i = 0; i < count; i++)
			handle(l, &events[i]);
		wake_all(l);
	}
}

static void finish(struct loop *l)
{
	while (l->conns) {
		struct conn *c = l->conns;

		l->conns = c->next;
		conn_free(c);
	}
	for (size_t i = 0; i < l->listener_count; i++) {
		if (!l->down)
			close(l->listeners[i].fd);
		close(l->listeners[i].place);
	}
	free(l->listeners);
	close(l->signals);
	close(l->poll);
}

enum error loop_run(struct service *service, SSL_CTX *tls, struct failure *why)
{
	const struct settings *settings = service->settings;
	struct loop l = {.service = service, .tls = tls, .poll = epoll_create1(EPOLL_CLOEXEC)};
	enum error error = OK;

	l.listeners = xzalloc(
	    (settings->listen.count + settings->tls_listen.count) * sizeof(struct listener));
	if (l.poll < 0 || !watch_signals(&l))
		error = failed(why, E_SYSTEM, "cannot wait: %s", strerror(errno));
	if (!error)
		error = open_all(&l, &settings->listen, false, why);
	if (!error)
		error = open_all(&l, &settings->tls_listen, true, why);
	if (!error)
		serve(&l);
	finish(&l);
	return error;
}
