#include "quiet.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

static int socket_of(BIO *b)
{
	return (int)(intptr_t)BIO_get_data(b);
}

static bool again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static int socket_write(BIO *b, const char *from, int len)
{
	ssize_t n = send(socket_of(b), from, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);

	BIO_clear_retry_flags(b);
	if (n < 0 && again())
		BIO_set_retry_write(b);
	return (int)n;
}

static int socket_read(BIO *b, char *to, int room)
{
	ssize_t n = recv(socket_of(b), to, (size_t)room, MSG_DONTWAIT);

	BIO_clear_retry_flags(b);
	if (n < 0 && again())
		BIO_set_retry_read(b);
	if (n == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static long socket_control(BIO *b, int command, long number, void *pointer)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

BIO_METHOD *quiet_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "quiet socket");

	if (m) {
		BIO_meth_set_write(m, socket_write);
		BIO_meth_set_read(m, socket_read);
		BIO_meth_set_ctrl(m, socket_control);
	}
	return m;
}

BIO *quiet_create(const BIO_METHOD *method, int fd)
{
	BIO *line = BIO_new(method);

	if (line) {
		BIO_set_data(line, (void *)(intptr_t)fd);
		BIO_set_init(line, 1);
	}
	return line;
}
