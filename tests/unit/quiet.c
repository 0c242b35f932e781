#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "quiet.h"

/* Two ends: the first is OpenSSL's, the other the test's. */
struct line {
	BIO_METHOD *method;
	BIO *bio;
	int fds[2];
};

static void open_line(struct line *l)
{
	l->method = quiet_method();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, l->fds), 0);
	l->bio = quiet_create(l->method, l->fds[0]);
	assert_non_null(l->bio);
}

static void close_line(struct line *l)
{
	BIO_free(l->bio);
	BIO_meth_free(l->method);
	close(l->fds[0]);
}

static void octets_go_both_ways_and_nothing_waits(void **state)
{
	char octets[8];
	struct line l;

	open_line(&l);
	assert_int_equal(BIO_read(l.bio, octets, sizeof(octets)), -1);
	assert_true(BIO_should_read(l.bio));
	assert_int_equal(write(l.fds[1], "abc", 3), 3);
	assert_int_equal(BIO_read(l.bio, octets, sizeof(octets)), 3);
	assert_memory_equal(octets, "abc", 3);
	assert_int_equal(BIO_write(l.bio, "defg", 4), 4);
	assert_int_equal(read(l.fds[1], octets, sizeof(octets)), 4);
	while (BIO_write(l.bio, octets, sizeof(octets)) > 0)
		;
	assert_true(BIO_should_write(l.bio));
	close(l.fds[1]);
	close_line(&l);
}

/* SIGPIPE would end this test. */
static void a_peer_that_is_gone_is_an_end_and_no_signal(void **state)
{
	char octet;
	struct line l;

	open_line(&l);
	close(l.fds[1]);
	assert_int_equal(BIO_write(l.bio, "x", 1), -1);
	assert_false(BIO_should_retry(l.bio));
	assert_false(BIO_eof(l.bio));
	assert_int_equal(BIO_read(l.bio, &octet, 1), 0);
	assert_true(BIO_eof(l.bio));
	close_line(&l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(octets_go_both_ways_and_nothing_waits),
	    cmocka_unit_test(a_peer_that_is_gone_is_an_end_and_no_signal),
	};

	return cmocka_run_group_tests_name("quiet", tests, NULL, NULL);
}
