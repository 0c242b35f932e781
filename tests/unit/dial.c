#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "dial.h"

/* The names of these tests, in place of the system's resolver. */

static const struct {
	const char *name;
	const char *addresses[12];
} names[] = {
    {"one.test", {"127.0.0.1"}},
    {"second.test", {"127.0.0.2", "127.0.0.1"}},
    {"third.test", {"127.0.0.2", "127.0.0.3", "127.0.0.1"}},
    {"nobody.test", {"127.0.0.2", "127.0.0.3"}},
    {"slow.test", {"127.0.0.1"}},
    {"v6first.test", {"::1", "::1", "::1", "::1", "::1", "::1", "::1", "::1", "127.0.0.1"}},
    {"v4first.test", {"127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2",
			 "127.0.0.2", "127.0.0.2", "::1"}},
    {"ninth.test", {"127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2",
		       "127.0.0.2", "127.0.0.2", "127.0.0.1"}},
};

static sem_t asked, answer; /* slow.test: the lookup has begun; it may end */
static sem_t freed;         /* what a lookup found was freed */

static struct addrinfo *made(const char *address, const char *port, struct addrinfo *next)
{
	struct addrinfo *a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_in6));
	struct sockaddr_in *v4 = (struct sockaddr_in *)(a + 1);
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(a + 1);

	a->ai_addr = (struct sockaddr *)(a + 1);
	a->ai_next = next;
	a->ai_socktype = SOCK_STREAM;
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		a->ai_family = v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
		a->ai_addrlen = sizeof(*v4);
	} else {
		inet_pton(AF_INET6, address, &v6->sin6_addr);
		a->ai_family = v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
		a->ai_addrlen = sizeof(*v6);
	}
	return a;
}

int getaddrinfo(
    const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo *list = NULL;

	if (hints->ai_flags & AI_NUMERICHOST) {
		struct in6_addr octets;

		if (inet_pton(AF_INET, host, &octets) != 1 &&
		    inet_pton(AF_INET6, host, &octets) != 1)
			return EAI_NONAME;
		*found = made(host, port, NULL);
		return 0;
	}
	if (strcmp(host, "slow.test") == 0) {
		sem_post(&asked);
		sem_wait(&answer);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = 0;

		if (strcmp(names[i].name, host) != 0)
			continue;
		while (names[i].addresses[n])
			n++;
		while (n-- > 0)
			list = made(names[i].addresses[n], port, list);
	}
	if (!list)
		return EAI_NONAME;
	*found = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list);
		list = next;
	}
	sem_post(&freed);
}

#define NO_LISTENER (-1) /* instead of a backlog: the port is ours, and nobody listens there */

/* A listener at an address, on *port (0: chosen and told). -1: no such address here, or its port is
 * taken. */
static int listen_at(const char *address, int backlog, int *port)
{
	char text[16];
	struct addrinfo *a;
	struct sockaddr_in6 bound;
	socklen_t len = sizeof(bound);
	int fd;

	snprintf(text, sizeof(text), "%d", *port);
	a = made(address, text, NULL);
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	free(a);
	if (fd < 0)
		return -1;
	if (backlog != NO_LISTENER)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
	*port = ntohs(bound.sin6_port); /* sin_port stands in the same place */
	return fd;
}

static enum dial_result run(struct dial *d, int *fd, struct failure *why)
{
	struct pollfd fds[DIAL_MOST_FDS];
	enum dial_result result;

	do {
		int64_t wake;
		size_t n = dial_poll(d, fds, &wake);

		assert_true(n > 0 || wake != CLOCK_NEVER);
		poll(fds, n, clock_left(wake));
		result = dial_step(d, fd, why);
	} while (result == DIAL_MORE);
	return result;
}

static enum dial_result dial(const char *host, int port, int *fd, struct failure *why)
{
	char text[16];
	struct dial *d;
	enum dial_result result;

	snprintf(text, sizeof(text), "%d", port);
	d = dial_create(host, text, NULL, NULL);
	result = run(d, fd, why);
	dial_free(d);
	return result;
}

static void the_first_address_that_answers_is_taken(void **state)
{
	static const char *const cases[] = {
	    "127.0.0.1", "one.test", "second.test", "third.test", "v6first.test"};
	int port = 0, listener = listen_at("127.0.0.1", 8, &port);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {0};
		int fd = -1, accepted;

		assert_int_equal(dial(cases[i], port, &fd, &why), DIAL_DONE);
		accepted = accept(listener, NULL, NULL);
		assert_true(accepted >= 0);
		assert_int_equal(write(fd, "x", 1), 1);
		close(accepted);
		close(fd);
	}
	close(listener);
}

static void families_take_turns(void **state)
{
	int port = 0, listener = listen_at("::1", 8, &port), fd = -1;
	struct failure why = {0};

	if (listener < 0)
		skip();
	assert_int_equal(dial("::1", port, &fd, &why), DIAL_DONE);
	close(fd);
	/* eight dead addresses of the other family stand before this one */
	assert_int_equal(dial("v4first.test", port, &fd, &why), DIAL_DONE);
	close(fd);
	close(listener);
}

/* The same port of two addresses: one that takes no more than its queue, and one that takes all. */
static void listen_at_both(int *silent, int *listener, int *port)
{
	*port = 0;
	*silent = listen_at("127.0.0.2", 0, port);
	*listener = listen_at("127.0.0.1", 8, port);
	if (*listener < 0) { /* somebody has it; while ours is held, another is chosen */
		int before = *silent;

		listen_at_both(silent, listener, port);
		close(before);
	}
}

static void an_address_that_is_silent_does_not_hold_up_the_next(void **state)
{
	int port, silent, listener, fillers[4], fd = -1;
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct sockaddr_in peer = {0};
	socklen_t len = sizeof(peer);
	struct failure why = {0};

	listen_at_both(&silent, &listener, &port);
	to.sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, "127.0.0.2", &to.sin_addr);
	for (size_t i = 0; i < 4; i++) { /* its queue is full: the kernel drops what comes now */
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&to, sizeof(to));
	}
	assert_int_equal(dial("second.test", port, &fd, &why), DIAL_DONE);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	assert_int_equal(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
	close(fd);
	for (size_t i = 0; i < 4; i++)
		close(fillers[i]);
	close(silent);
	close(listener);
}

static void a_failure_says_which_and_why(void **state)
{
	static const struct {
		const char *host;
		enum error want;
		const char *words; /* NULL: that this port of it refused */
	} cases[] = {
	    {"127.0.0.1", E_CONNECT, NULL},
	    {"nobody.test", E_CONNECT, NULL},
	    {"ninth.test", E_CONNECT, NULL},
	    {"unknown.test", E_NONAME,
		"cannot find the server unknown.test: Name or service not known"},
	    {"", E_NONAME, "cannot find the server : Name or service not known"},
	};
	int port = 0, place = listen_at("127.0.0.1", NO_LISTENER, &port);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {0};
		char want[128];
		int fd = -2;

		if (strcmp(cases[i].host, "ninth.test") == 0) /* eight before it are enough */
			assert_int_equal(listen(place, 8), 0);
		assert_int_equal(dial(cases[i].host, port, &fd, &why), DIAL_FAILED);
		assert_int_equal(fd, -2);
		assert_int_equal(why.code, cases[i].want);
		snprintf(want, sizeof(want), "%s port %d: connection refused", cases[i].host, port);
		assert_string_equal(why.words, cases[i].words ? cases[i].words : want);
	}
	close(place);
}

static void a_dial_may_be_freed_at_any_step(void **state)
{
	int port = 0, listener = listen_at("127.0.0.1", 8, &port);
	char text[16];

	snprintf(text, sizeof(text), "%d", port);
	for (int steps = 0; steps < 3; steps++) {
		struct dial *d = dial_create("second.test", text, NULL, NULL);
		int fd = -1;

		for (int i = 0; i < steps; i++)
			if (dial_step(d, &fd, NULL) != DIAL_MORE)
				break;
		dial_free(d);
		if (fd >= 0)
			close(fd);
	}
	close(listener);
	dial_free(NULL);
}

static void a_lookup_outlives_its_dial(void **state)
{
	struct pollfd fds[DIAL_MOST_FDS];
	struct dial *d = dial_create("slow.test", "110", NULL, NULL);
	int64_t wake;
	int fd;

	assert_int_equal(dial_step(d, &fd, NULL), DIAL_MORE);
	assert_int_equal(dial_poll(d, fds, &wake), 1);
	assert_true(wake == CLOCK_NEVER);
	sem_wait(&asked);
	while (sem_trywait(&freed) == 0)
		;
	dial_free(d);
	sem_post(&answer);
	sem_wait(&freed); /* the thread frees what it found */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_address_that_answers_is_taken),
	    cmocka_unit_test(families_take_turns),
	    cmocka_unit_test(an_address_that_is_silent_does_not_hold_up_the_next),
	    cmocka_unit_test(a_failure_says_which_and_why),
	    cmocka_unit_test(a_dial_may_be_freed_at_any_step),
	    cmocka_unit_test(a_lookup_outlives_its_dial),
	};

	sem_init(&asked, 0, 0);
	sem_init(&answer, 0, 0);
	sem_init(&freed, 0, 0);
	return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
