#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "certificates.h"
#include "clock.h"
#include "connection.h"
#include "tls.h"

enum { CLEAR, AT_ONCE, LATER }; /* when TLS begins */

static SSL_CTX *context;
static char ca[] = "/tmp/pop3fs-connection-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(ca);
	struct certificate c = certificate_make(
	    &(struct certificate_plan){"127.0.0.1", "IP:127.0.0.1", .authority = true});

	assert_true(fd >= 0);
	close(fd);
	certificate_write(&c, ca);
	context = certificate_server(&c, TLS1_2_VERSION); /* its sessions come in the handshake */
	certificate_finish(&c);
	return 0;
}

static int tear_down(void **state)
{
	SSL_CTX_free(context);
	unlink(ca);
	return 0;
}

/* ---- the server: says "hello", once TLS has begun where it does, and waits for the end ---- */

struct server {
	int when, listener;
	unsigned visits;
	char port[8];
	pthread_t thread;
};

static void serve_tls(int fd)
{
	SSL *ssl = SSL_new(context);
	char octet;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		SSL_write(ssl, "hello", 5);
		SSL_read(ssl, &octet, 1);
	}
	SSL_free(ssl);
}

static void *serve(void *with)
{
	const struct server *s = with;
	sigset_t pipe;
	char octet;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	for (unsigned i = 0; i < s->visits; i++) {
		int fd = accept(s->listener, NULL, NULL);

		if (s->when != AT_ONCE)
			(void)!write(fd, "hello", 5);
		if (s->when == LATER)
			(void)!read(fd, &octet, 1); /* the client's word for it */
		if (s->when != CLEAR)
			serve_tls(fd);
		else
			(void)!read(fd, &octet, 1);
		close(fd);
	}
	return NULL;
}

static void start(struct server *s, int when, unsigned visits)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	*s = (struct server){.when = when, .visits = visits};
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&at, len), 0);
	if (visits > 0)
		assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
	snprintf(s->port, sizeof(s->port), "%u", ntohs(at.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
}

/* ---- the client ---- */

static struct tls *trusting(void)
{
	struct tls *t = NULL;

	assert_int_equal(tls_create(&t, &(struct tls_plan){.ca = ca}, NULL), OK);
	return t;
}

static struct connection *connect_to(const char *port, struct tls *tls, bool at_once)
{
	return connection_create(&(struct connection_plan){
	    .host = "127.0.0.1", .port = port, .tls = tls, .tls_at_once = at_once});
}

static void wait_for(struct connection *c)
{
	struct pollfd fds[CONNECTION_MOST_FDS];
	int64_t wake;
	size_t count = connection_poll(c, fds, true, false, &wake);

	assert_true(poll(fds, count, clock_left(wake)) >= 0);
}

/* Until something other than waiting has come of it. */
static enum connection_result go_on(struct connection *c, struct failure *why)
{
	enum connection_result result;

	while ((result = connection_step(c, why)) == CONNECTION_WAIT)
		wait_for(c);
	return result;
}

static void it_says_hello(struct connection *c)
{
	struct failure why = {0};
	enum link_result result;
	char said[16];
	size_t octets;

	while ((result = link_read(connection_link(c), said, sizeof(said), &octets, &why)) ==
	       LINK_WAIT)
		wait_for(c);
	assert_int_equal(result, LINK_DONE);
	assert_int_equal(octets, 5);
	assert_memory_equal(said, "hello", 5);
}

static void a_line_in_the_clear_is_open_once_it_is_dialled(void **state)
{
	struct failure why = {0};
	struct connection *c;
	struct server s;

	start(&s, CLEAR, 1);
	c = connect_to(s.port, NULL, false);
	assert_null(connection_link(c));
	assert_int_equal(go_on(c, &why), CONNECTION_OPEN);
	assert_string_equal(link_cipher(connection_link(c)), "none");
	it_says_hello(c);
	connection_free(c);
	end(&s);
}

static void a_line_with_tls_from_the_start_is_open_behind_its_handshake(void **state)
{
	struct tls *tls = trusting();
	struct failure why = {0};
	struct connection *c;
	struct server s;

	start(&s, AT_ONCE, 1);
	c = connect_to(s.port, tls, true);
	assert_int_equal(go_on(c, &why), CONNECTION_DIALED);
	assert_int_equal(go_on(c, &why), CONNECTION_OPEN);
	assert_string_not_equal(link_cipher(connection_link(c)), "none");
	it_says_hello(c);
	connection_free(c);
	end(&s);
	tls_free(tls);
}

static void tls_may_begin_later(void **state)
{
	struct tls *tls = trusting();
	struct failure why = {0};
	struct connection *c;
	struct server s;
	size_t octets;

	start(&s, LATER, 1);
	c = connect_to(s.port, tls, false);
	assert_int_equal(go_on(c, &why), CONNECTION_OPEN);
	it_says_hello(c);
	assert_int_equal(link_write(connection_link(c), "s", 1, &octets, &why), LINK_DONE);
	assert_int_equal(connection_start_tls(c, &why), OK);
	assert_int_equal(go_on(c, &why), CONNECTION_OPEN);
	it_says_hello(c);
	connection_free(c);
	end(&s);
	tls_free(tls);
}

/* As with a server that asks for certificates and has set no session id context. */
static void where_a_session_cannot_be_resumed_another_line_does_better(void **state)
{
	static const enum connection_result results[] = {
	    CONNECTION_OPEN, CONNECTION_STALE, CONNECTION_OPEN};
	struct tls *tls = trusting();
	struct server s;

	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	start(&s, AT_ONCE, 3);
	for (size_t i = 0; i < 3; i++) {
		struct connection *c = connect_to(s.port, tls, true);
		struct failure why = {0};

		assert_int_equal(go_on(c, &why), CONNECTION_DIALED);
		assert_int_equal(go_on(c, &why), results[i]);
		if (results[i] == CONNECTION_OPEN)
			it_says_hello(c);
		connection_free(c);
	}
	end(&s);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	tls_free(tls);
}

static void what_cannot_be_reached_or_believed_says_so(void **state)
{
	struct tls *tls = NULL;
	struct failure why = {0};
	struct connection *c;
	struct server s;

	start(&s, CLEAR, 0); /* its port is taken, but nobody listens */
	c = connect_to(s.port, NULL, false);
	assert_int_equal(go_on(c, &why), CONNECTION_BROKEN);
	assert_int_equal(why.code, E_CONNECT);
	assert_null(connection_link(c));
	connection_free(c);
	end(&s);

	assert_int_equal(tls_create(&tls, &(struct tls_plan){.ca = NULL}, NULL), OK);
	start(&s, AT_ONCE, 1);
	c = connect_to(s.port, tls, true);
	assert_int_equal(go_on(c, &why), CONNECTION_DIALED);
	assert_int_equal(go_on(c, &why), CONNECTION_BROKEN);
	assert_int_equal(why.code, E_TLS);
	connection_free(c);
	end(&s);
	tls_free(tls);
	connection_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_in_the_clear_is_open_once_it_is_dialled),
	    cmocka_unit_test(a_line_with_tls_from_the_start_is_open_behind_its_handshake),
	    cmocka_unit_test(tls_may_begin_later),
	    cmocka_unit_test(where_a_session_cannot_be_resumed_another_line_does_better),
	    cmocka_unit_test(what_cannot_be_reached_or_believed_says_so),
	};

	return cmocka_run_group_tests_name("connection", tests, set_up, tear_down);
}
