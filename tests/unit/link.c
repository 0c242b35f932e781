#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/ssl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "certificates.h"
#include "link.h"
#include "peer.h"
#include "tls.h"

#define MEBIBYTE   ((size_t)1 << 20)
#define BOTH_WAYS  (10 * MEBIBYTE)
#define PIECE      16384
#define KEYS_AFTER 37 /* pieces after which the server changes its keys and asks for ours */

static const int small_buffer = 8192; /* octets */

static SSL_CTX *servers[3]; /* newest version by index, below; [0] is no TLS */
static const int versions[] = {0, TLS1_2_VERSION, TLS1_3_VERSION};
static struct tls *trust;

static sem_t half_sent; /* see half_a_record */

static int set_up(void **state)
{
	char path[] = "/tmp/pop3fs-link-XXXXXX";
	int fd = mkstemp(path);
	struct certificate c = certificate_make(
	    &(struct certificate_plan){"mail.test", "DNS:mail.test", .authority = true});

	sem_init(&half_sent, 0, 0);
	assert_true(fd >= 0);
	close(fd);
	certificate_write(&c, path);
	assert_int_equal(tls_create(&trust, &(struct tls_plan){.ca = path}, NULL), OK);
	unlink(path);
	for (size_t v = 1; v < 3; v++)
		servers[v] = certificate_server(&c, versions[v]);
	certificate_finish(&c);
	return 0;
}

static int tear_down(void **state)
{
	for (size_t v = 1; v < 3; v++)
		SSL_CTX_free(servers[v]);
	tls_free(trust);
	return 0;
}

/* The server's side: blocking, with or without TLS. */

struct server {
	SSL_CTX *context;
	int fd;
	SSL *ssl;
	void (*talk)(struct server *s);
};

static int server_read(struct server *s, void *to, size_t room)
{
	return s->ssl ? SSL_read(s->ssl, to, (int)room) : (int)read(s->fd, to, room);
}

static int server_write(struct server *s, const void *from, size_t len)
{
	return s->ssl ? SSL_write(s->ssl, from, (int)len) : (int)write(s->fd, from, len);
}

static void serve(int fd, void *data)
{
	struct server *s = data;

	s->fd = fd;
	s->ssl = NULL;
	if (s->context) {
		s->ssl = SSL_new(s->context);
		SSL_set_fd(s->ssl, fd);
		if (SSL_accept(s->ssl) != 1)
			abort();
	}
	s->talk(s);
	SSL_free(s->ssl);
	if (s->fd >= 0)
		close(s->fd);
}

static void wait_for(const struct link *l, bool want_read, bool want_write)
{
	struct pollfd p = {.fd = link_fd(l), .events = link_events(l, want_read, want_write)};

	assert_true(p.events != 0);
	assert_int_equal(poll(&p, 1, -1), 1);
}

static struct link *visit(struct peer *p, struct server *s)
{
	struct link *l = link_create(peer_start(p, serve, s));
	struct failure why = {0};
	enum link_result result = LINK_DONE;

	if (s->context) {
		assert_int_equal(link_start_tls(l, trust, "mail.test", &why), OK);
		while ((result = link_handshake(l, &why)) == LINK_WAIT)
			wait_for(l, false, true);
	}
	assert_string_equal(why.words, "");
	assert_int_equal(result, LINK_DONE);
	return l;
}

/* Reads until something other than octets comes; *total of them. */
static enum link_result drain(struct link *l, size_t *total, struct failure *why)
{
	char octets[4096];
	enum link_result result;
	size_t n;

	*total = 0;
	for (;;) {
		result = link_read(l, octets, sizeof(octets), &n, why);
		if (result == LINK_WAIT)
			wait_for(l, true, false);
		else if (result == LINK_DONE)
			*total += n;
		else
			return result;
	}
}

static void echo(struct server *s)
{
	char octets[PIECE];
	int n;

	for (unsigned pieces = 1; (n = server_read(s, octets, sizeof(octets))) > 0; pieces++) {
		if (s->ssl && SSL_version(s->ssl) == TLS1_3_VERSION && pieces % KEYS_AFTER == 0)
			SSL_key_update(s->ssl, SSL_KEY_UPDATE_REQUESTED);
		if (server_write(s, octets, (size_t)n) != n)
			abort();
	}
	if (s->ssl)
		SSL_shutdown(s->ssl);
}

static unsigned char octet_at(size_t i)
{
	return (unsigned char)(i * 2654435761U >> 13);
}

/* Offers octets from `sent` on, each time from other memory. */
static enum link_result send_some(
    struct link *l, const unsigned char *all, size_t *sent, struct failure *why)
{
	size_t len = BOTH_WAYS - *sent, octets = 0;
	enum link_result result;
	void *moved;

	if (len > 3 * PIECE)
		len = 3 * PIECE;
	moved = xmemdup(all + *sent, len);
	result = link_write(l, moved, len, &octets, why);
	free(moved);
	if (result == LINK_DONE)
		*sent += octets;
	return result;
}

static void both_ways(struct link *l, const unsigned char *all, unsigned char *back)
{
	size_t sent = 0, got = 0, octets;
	struct failure why = {0};

	while (got < BOTH_WAYS) {
		enum link_result read = link_read(l, back + got, BOTH_WAYS - got, &octets, &why);
		enum link_result written = LINK_WAIT;

		if (read == LINK_DONE)
			got += octets;
		if (sent < BOTH_WAYS)
			written = send_some(l, all, &sent, &why);
		assert_string_equal(why.words, "");
		assert_true(read != LINK_END);
		if (read == LINK_WAIT && written == LINK_WAIT && !link_pending(l))
			wait_for(l, true, sent < BOTH_WAYS);
	}
}

static void octets_go_both_ways_at_once(void **state)
{
	unsigned char *all = xmalloc(BOTH_WAYS), *back = xmalloc(BOTH_WAYS);

	for (size_t i = 0; i < BOTH_WAYS; i++)
		all[i] = octet_at(i);
	for (size_t v = 0; v < 3; v++) {
		struct server s = {.context = servers[v], .talk = echo};
		struct peer p;
		struct link *l = visit(&p, &s);

		/* small, so that writes do wait, and keys are changed in the middle of a record */
		setsockopt(link_fd(l), SOL_SOCKET, SO_SNDBUF, &small_buffer, sizeof(small_buffer));
		memset(back, 0, BOTH_WAYS);
		both_ways(l, all, back);
		assert_memory_equal(all, back, BOTH_WAYS);
		link_say_goodbye(l);
		link_free(l);
		peer_finish(&p);
	}
	free(all);
	free(back);
}

/* How a connection may end, once the client has said an octet (a close over octets never read would
 * be a reset). */

static void end_in_order(struct server *s)
{
	char octet;

	server_read(s, &octet, 1);
	server_write(s, "12345", 5);
	if (s->ssl)
		SSL_shutdown(s->ssl);
}

static void end_without_a_word(struct server *s)
{
	char octet;

	server_read(s, &octet, 1);
	server_write(s, "12345", 5);
}

static void end_by_reset(struct server *s)
{
	static const struct linger now = {.l_onoff = 1, .l_linger = 0};
	char octet;

	server_read(s, &octet, 1);
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void the_peers_end_is_told_from_a_broken_line(void **state)
{
	static const struct {
		void (*talk)(struct server *s);
		size_t octets;
		enum link_result want;
	} cases[] = {
	    {end_in_order, 5, LINK_END},
	    {end_without_a_word, 5, LINK_END},
	    {end_by_reset, 0, LINK_BROKEN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t v = 0; v < 3; v++) {
			struct server s = {.context = servers[v], .talk = cases[i].talk};
			struct peer p;
			struct link *l = visit(&p, &s);
			struct failure why = {0};
			size_t octets = 0, total;

			assert_int_equal(link_write(l, "x", 1, &octets, &why), LINK_DONE);
			assert_int_equal(drain(l, &total, &why), cases[i].want);
			assert_int_equal(total, cases[i].octets);
			assert_int_equal(why.code, cases[i].want == LINK_BROKEN ? E_CLOSED : OK);
			link_say_goodbye(l);
			link_free(l);
			peer_finish(&p);
		}
}

static void writing_to_a_closed_line_fails_and_kills_nobody(void **state)
{
	for (size_t v = 0; v < 3; v++) {
		struct server s = {.context = servers[v], .talk = end_by_reset};
		struct peer p;
		struct link *l = visit(&p, &s);
		struct failure why = {0};
		enum link_result result;
		size_t octets;

		do {
			result = link_write(l, "to nobody", 9, &octets, &why);
			if (result == LINK_WAIT)
				wait_for(l, false, true);
		} while (result == LINK_DONE || result == LINK_WAIT);
		assert_int_equal(result, LINK_BROKEN);
		assert_int_equal(why.code, E_CLOSED);
		/* the reset was one error; the next write is over a line known to be closed */
		assert_int_equal(link_write(l, "to nobody", 9, &octets, &why), LINK_BROKEN);
		link_free(l);
		peer_finish(&p);
	}
}

static void close_at_once(int fd, void *data)
{
	char octets[4096];

	(void)!read(fd, octets, sizeof(octets));
	close(fd);
}

static void a_handshake_cut_short_is_a_closed_connection(void **state)
{
	struct peer p;
	struct link *l = link_create(peer_start(&p, close_at_once, NULL));
	struct failure why = {0};
	enum link_result result;

	assert_int_equal(link_start_tls(l, trust, "mail.test", &why), OK);
	while ((result = link_handshake(l, &why)) == LINK_WAIT)
		wait_for(l, true, true);
	assert_int_equal(result, LINK_BROKEN);
	assert_int_equal(why.code, E_CLOSED);
	link_say_goodbye(l);
	link_free(l);
	peer_finish(&p);
}

/* Sends one record, cut in two: the second half only when the client has asked for it. */
static void half_a_record(struct server *s)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *record, asked;
	long len;

	SSL_set0_wbio(s->ssl, memory);
	SSL_write(s->ssl, "0123456789", 10);
	len = BIO_get_mem_data(memory, &record);
	(void)!write(s->fd, record, (size_t)len / 2);
	sem_post(&half_sent);
	SSL_read(s->ssl, &asked, 1);
	(void)!write(s->fd, record + len / 2, (size_t)(len - len / 2));
	SSL_read(s->ssl, &asked, 1);
}

static void pending_is_what_can_be_read_without_waiting(void **state)
{
	for (size_t v = 1; v < 3; v++) {
		struct server s = {.context = servers[v], .talk = half_a_record};
		struct peer p;
		struct link *l = visit(&p, &s);
		char octets[16];
		size_t n;

		sem_wait(&half_sent);
		assert_int_equal(link_read(l, octets, 1, &n, NULL), LINK_WAIT);
		assert_false(link_pending(l));
		assert_int_equal(link_write(l, "?", 1, &n, NULL), LINK_DONE);
		while (link_read(l, octets, 1, &n, NULL) == LINK_WAIT)
			wait_for(l, true, false);
		assert_int_equal(octets[0], '0');
		assert_true(link_pending(l));
		assert_int_equal(link_read(l, octets, sizeof(octets), &n, NULL), LINK_DONE);
		assert_int_equal(n, 9);
		assert_memory_equal(octets, "123456789", 9);
		assert_false(link_pending(l));
		link_free(l);
		peer_finish(&p);
	}
}

static void the_cipher_is_named(void **state)
{
	static const char *const want[] = {"none", "TLSv1.2 ", "TLSv1.3 TLS_"};

	for (size_t v = 0; v < 3; v++) {
		struct server s = {.context = servers[v], .talk = end_in_order};
		struct peer p;
		struct link *l = visit(&p, &s);

		assert_memory_equal(link_cipher(l), want[v], strlen(want[v]));
		link_quick_ack(l);
		link_free(l);
		peer_finish(&p);
	}
	link_free(NULL);
}

/* RFC 9266: the server tells its own, which must be ours. */
static void tell_binding(struct server *s)
{
	unsigned char binding[LINK_BINDING] = {0};

	if (s->ssl)
		SSL_export_keying_material(
		    s->ssl, binding, sizeof(binding), "EXPORTER-Channel-Binding", 24, NULL, 0, 0);
	server_write(s, binding, sizeof(binding));
}

static void both_ends_know_the_same_binding(void **state)
{
	static const struct {
		size_t version; /* of versions */
		uint64_t options;
		bool bound;
	} cases[] = {
	    /* in this order: a session with it may not be resumed without */
	    {2, 0, true},
	    {1, SSL_OP_NO_EXTENDED_MASTER_SECRET, false},
	    {1, 0, true},
	    {0, 0, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server s = {.talk = tell_binding, .context = servers[cases[i].version]};
		unsigned char ours[LINK_BINDING], theirs[LINK_BINDING];
		struct failure why = {0};
		size_t got = 0;
		struct link *l;
		struct peer p;

		if (s.context)
			SSL_CTX_set_options(s.context, cases[i].options);
		l = visit(&p, &s);
		assert_int_equal(link_binding(l, ours), cases[i].bound);
		while (link_read(l, theirs, sizeof(theirs), &got, &why) == LINK_WAIT)
			wait_for(l, true, false);
		assert_int_equal(got, LINK_BINDING);
		if (cases[i].bound)
			assert_memory_equal(ours, theirs, LINK_BINDING);
		link_free(l);
		peer_finish(&p);
		if (s.context)
			SSL_CTX_clear_options(s.context, cases[i].options);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(octets_go_both_ways_at_once),
	    cmocka_unit_test(the_peers_end_is_told_from_a_broken_line),
	    cmocka_unit_test(writing_to_a_closed_line_fails_and_kills_nobody),
	    cmocka_unit_test(a_handshake_cut_short_is_a_closed_connection),
	    cmocka_unit_test(pending_is_what_can_be_read_without_waiting),
	    cmocka_unit_test(the_cipher_is_named),
	    cmocka_unit_test(both_ends_know_the_same_binding),
	};

	return cmocka_run_group_tests_name("link", tests, set_up, tear_down);
}
