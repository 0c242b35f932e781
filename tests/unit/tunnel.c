#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "dial.h"
#include "proxy.h"
#include "slice.h"

#define WORDS(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}
#define GREETING  "+OK behind\r\n"
#define CHOICE    "\5\0"
#define CONNECTED "\5\0\0\3\5proxy\1\2"

/* Whatever is looked up here that is no literal: a name that only the proxy may learn. */
static atomic_int lookups;

int getaddrinfo(
    const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!(hints->ai_flags & AI_NUMERICHOST))
		atomic_fetch_add(&lookups, 1);
	return real(host, port, hints, found);
}

/* A proxy for one connection, played by a thread that may wait. */
struct proxy_part {
	pthread_t thread;
	int listener;
	char port[8];
	struct slice choice, answer; /* what it says; in pieces of one octet if slow */
	bool slow;
	char asked[64]; /* the client's request */
	size_t asked_len;
};

static void say(const struct proxy_part *p, int fd, struct slice words)
{
	for (size_t i = 0; i < words.len; i += p->slow ? 1 : words.len)
		(void)!send(fd, words.at + i, p->slow ? 1 : words.len, MSG_NOSIGNAL);
}

static void *play(void *part)
{
	struct proxy_part *p = part;
	int fd = accept(p->listener, NULL, NULL);
	char octets[64];
	ssize_t n;

	if (recv(fd, octets, 3, MSG_WAITALL) == 3)
		say(p, fd, p->choice);
	if (p->answer.len > 0) {
		n = recv(fd, p->asked, sizeof(p->asked), 0);
		p->asked_len = n > 0 ? (size_t)n : 0;
		say(p, fd, p->answer);
	}
	shutdown(fd, SHUT_WR);
	while (recv(fd, octets, sizeof(octets), 0) > 0)
		;
	close(fd);
	return NULL;
}

static void start(struct proxy_part *p)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(p->listener, 2), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &len), 0);
	snprintf(p->port, sizeof(p->port), "%u", ntohs(at.sin_port));
	assert_int_equal(pthread_create(&p->thread, NULL, play, p), 0);
}

static void finish(struct proxy_part *p)
{
	pthread_join(p->thread, NULL);
	close(p->listener);
}

static struct proxy *proxy_at(const char *port)
{
	CLEANUP(freep) char *text = xasprintf("socks5h://127.0.0.1:%s", port);
	struct proxy *proxy = NULL;

	assert_int_equal(proxy_parse(&proxy, text, NULL), OK);
	return proxy;
}

static enum dial_result run(struct dial *d, int *fd, struct failure *why)
{
	struct pollfd fds[DIAL_MOST_FDS];
	enum dial_result result;

	do {
		int64_t wake;
		size_t n = dial_poll(d, fds, &wake);

		assert_true(n > 0 || wake != CLOCK_NEVER);
		assert_true(n <= DIAL_MOST_FDS);
		poll(fds, n, clock_left(wake));
		result = dial_step(d, fd, why);
	} while (result == DIAL_MORE);
	return result;
}

static void check_greeting(int fd)
{
	char octets[64];
	size_t got = 0;
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		poll(&p, 1, -1);
		n = recv(fd, octets + got, sizeof(octets) - got, 0);
		got += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(got, strlen(GREETING));
	assert_memory_equal(octets, GREETING, got);
}

static void the_server_is_reached_through_the_proxy(void **state)
{
	static const struct {
		struct slice choice, answer;
		enum error code;
		const char *words;
	} cases[] = {
	    {WORDS(CHOICE), WORDS(CONNECTED GREETING), OK, ""},
	    {WORDS(CHOICE), WORDS("\5\5\0\1\0\0\0\0\0\0"), E_CONNECT,
		"the proxy says of mail.test port 110: connection refused"},
	    {WORDS("\5\377"), {NULL, 0}, E_CONFIG,
		"the proxy wants a login: proxy=socks5h://USER:PASSWORD@..."},
	    {WORDS("+OK"), {NULL, 0}, E_PROTOCOL, "what answers as proxy does not speak SOCKS5"},
	    {WORDS("\5"), {NULL, 0}, E_CLOSED, "the proxy closed the connection"},
	    {WORDS(CHOICE), WORDS("\5\0\0\1\0"), E_CLOSED, "the proxy closed the connection"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t c = i / 2;
		struct proxy_part part = {
		    .choice = cases[c].choice, .answer = cases[c].answer, .slow = i % 2};
		struct failure why = {0};
		struct proxy *proxy;
		struct dial *d;
		int fd = -1;

		start(&part);
		proxy = proxy_at(part.port);
		d = dial_create("mail.test", "110", proxy, NULL);
		assert_int_equal(run(d, &fd, &why), cases[c].code ? DIAL_FAILED : DIAL_DONE);
		assert_int_equal(why.code, cases[c].code);
		assert_string_equal(why.words, cases[c].words);
		dial_free(d);
		proxy_free(proxy);
		if (!cases[c].code) {
			check_greeting(fd);
			close(fd);
		}
		finish(&part);
		if (!cases[c].code)
			assert_memory_equal(part.asked, "\5\1\0\3\11mail.test\0\156", 16);
	}
	assert_int_equal(atomic_load(&lookups), 0);
}

static void a_proxy_that_is_not_there_is_named(void **state)
{
	struct proxy *proxy = proxy_at("1");
	struct dial *d = dial_create("mail.test", "110", proxy, NULL);
	struct failure why = {0};
	int fd = -1;

	assert_int_equal(run(d, &fd, &why), DIAL_FAILED);
	assert_int_equal(why.code, E_CONNECT);
	assert_string_equal(why.words, "the proxy 127.0.0.1 port 1: connection refused");
	dial_free(d);
	proxy_free(proxy);
}

/* The thread waits for somebody: where the dial came not so far, this is who comes. */
static int visit(const struct proxy_part *p)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	getsockname(p->listener, (struct sockaddr *)&at, &len);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
	shutdown(fd, SHUT_WR);
	return fd;
}

static void a_dial_may_be_freed_in_the_middle_of_the_talk(void **state)
{
	for (int steps = 0; steps < 6; steps++) {
		struct proxy_part part = {.choice = WORDS("\5"), .slow = true};
		struct pollfd fds[DIAL_MOST_FDS];
		struct proxy *proxy;
		struct dial *d;
		int64_t wake;
		int fd = -1, visitor;

		start(&part);
		proxy = proxy_at(part.port);
		d = dial_create("mail.test", "110", proxy, NULL);
		for (int i = 0; i < steps; i++) {
			size_t n = dial_poll(d, fds, &wake);

			poll(fds, n, clock_left(wake));
			if (dial_step(d, &fd, NULL) == DIAL_FAILED)
				break;
		}
		assert_int_equal(fd, -1);
		dial_free(d);
		proxy_free(proxy);
		visitor = visit(&part);
		finish(&part);
		close(visitor);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_server_is_reached_through_the_proxy),
	    cmocka_unit_test(a_proxy_that_is_not_there_is_named),
	    cmocka_unit_test(a_dial_may_be_freed_in_the_middle_of_the_talk),
	};

	return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
