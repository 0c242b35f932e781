#include "link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "tls.h"

/* When a silent line is doubted, and how often it is asked before it is given up. The session's own
 * timeout is sooner; this is for lines kept open with nothing to say. */
#define KEEP_ALIVE_IDLE_S  60
#define KEEP_ALIVE_EVERY_S 15
#define KEEP_ALIVE_TIMES   4

struct link {
	int fd;
	SSL *ssl;         /* NULL: plain */
	short read_waits; /* what to poll for in order to read, or to go on with the handshake */
	short write_waits;
	bool dry;    /* the last read found no whole record: what OpenSSL holds is a part of one */
	bool broken; /* nothing may be said any more */
	char cipher[96];
};

static void set_option(int fd, int option, int value)
{
	setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

struct link *link_create(int fd)
{
	static const int yes = 1;
	struct link *l = xnew(struct link);

	l->fd = fd;
	l->read_waits = POLLIN;
	l->write_waits = POLLOUT;
	snprintf(l->cipher, sizeof(l->cipher), "none");
	/* None of these is needed: where the system refuses one, the line is only slower. SO_RCVBUF
	 * is the kernel's, which lets it grow with the line: 256 KiB by hand cost a seventh at no
	 * delay, 4 MiB brought nothing (tests/bench/RESULTS.md). */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	set_option(fd, TCP_NODELAY, yes);
	set_option(fd, TCP_KEEPIDLE, KEEP_ALIVE_IDLE_S);
	set_option(fd, TCP_KEEPINTVL, KEEP_ALIVE_EVERY_S);
	set_option(fd, TCP_KEEPCNT, KEEP_ALIVE_TIMES);
	return l;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	if (l->ssl) {
		/* OpenSSL would not resume a session whose connection ended without goodbye; the
		 * servers do, and what was truncated the protocol above has seen */
		if (!l->broken)
			SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		tls_close(l->ssl);
	}
	close(l->fd);
	free(l);
}

enum error link_start_tls(struct link *l, struct tls *t, const char *host, struct failure *why)
{
	enum error code = tls_open(&l->ssl, t, l->fd, host, why);

	if (code == OK)
		l->read_waits = l->write_waits = POLLOUT;
	return code;
}

static enum link_result broken(struct link *l, int number, struct failure *why)
{
	l->broken = true;
	switch (number) {
	case 0:
	case EPIPE:
		failed(why, E_CLOSED, "the server closed the connection");
		break;
	case ETIMEDOUT:
		failed(why, E_TIMEOUT, "the connection to the server timed out");
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
		failed(
		    why, E_NOROUTE, "the server cannot be reached any more: %s", strerror(number));
		break;
	default:
		failed(why, E_CLOSED, "the connection to the server broke: %s", strerror(number));
	}
	return LINK_BROKEN;
}

/* What an SSL call that did not succeed asks for. `number` is errno after it, 0 before it. */
static enum link_result outcome(
    struct link *l, int returned, int number, short *waits, struct failure *why)
{
	switch (SSL_get_error(l->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
		*waits = POLLIN;
		return LINK_WAIT;
	case SSL_ERROR_WANT_WRITE:
		*waits = POLLOUT;
		return LINK_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return LINK_END;
	case SSL_ERROR_SYSCALL:
		return number == 0 ? LINK_END : broken(l, number, why);
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return LINK_END;
		tls_failed(l->ssl, why);
		l->broken = true;
		return LINK_BROKEN;
	}
}

static void prepare(void)
{
	ERR_clear_error();
	errno = 0;
}

enum link_result link_handshake(struct link *l, struct failure *why)
{
	enum link_result result;
	int returned;

	prepare();
	returned = SSL_do_handshake(l->ssl);
	if (returned != 1) {
		result = outcome(l, returned, errno, &l->read_waits, why);
		l->write_waits = l->read_waits;
		return result == LINK_END ? broken(l, 0, why) : result;
	}
	if (tls_verified(l->ssl, why) != OK) {
		l->broken = true;
		return LINK_BROKEN;
	}
	l->read_waits = POLLIN;
	l->write_waits = POLLOUT;
	snprintf(l->cipher, sizeof(l->cipher), "%s %s", SSL_get_version(l->ssl),
	    SSL_get_cipher_name(l->ssl));
	return LINK_DONE;
}

static enum link_result tls_read(
    struct link *l, void *to, size_t room, size_t *octets, struct failure *why)
{
	int returned;

	prepare();
	returned = SSL_read_ex(l->ssl, to, room, octets);
	l->dry = returned != 1;
	l->read_waits = POLLIN;
	return returned == 1 ? LINK_DONE : outcome(l, returned, errno, &l->read_waits, why);
}

static enum link_result tls_write(
    struct link *l, const void *from, size_t len, size_t *octets, struct failure *why)
{
	enum link_result result;
	int returned;

	prepare();
	returned = SSL_write_ex(l->ssl, from, len, octets);
	l->write_waits = POLLOUT;
	if (returned == 1)
		return LINK_DONE;
	result = outcome(l, returned, errno, &l->write_waits, why);
	return result == LINK_END ? broken(l, 0, why) : result;
}

static bool again(int number)
{
	return number == EAGAIN || number == EINTR;
}

enum link_result link_read(
    struct link *l, void *to, size_t room, size_t *octets, struct failure *why)
{
	ssize_t n;

	if (l->ssl)
		return tls_read(l, to, room, octets, why);
	n = recv(l->fd, to, room, MSG_DONTWAIT);
	if (n < 0)
		return again(errno) ? LINK_WAIT : broken(l, errno, why);
	if (n == 0)
		return LINK_END;
	*octets = (size_t)n;
	return LINK_DONE;
}

enum link_result link_write(
    struct link *l, const void *from, size_t len, size_t *octets, struct failure *why)
{
	ssize_t n;

	if (l->ssl)
		return tls_write(l, from, len, octets, why);
	n = send(l->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return again(errno) ? LINK_WAIT : broken(l, errno, why);
	*octets = (size_t)n;
	return LINK_DONE;
}

int link_fd(const struct link *l)
{
	return l->fd;
}

short link_events(const struct link *l, bool want_read, bool want_write)
{
	return (short)((want_read ? l->read_waits : 0) | (want_write ? l->write_waits : 0));
}

/* With read-ahead OpenSSL holds octets also of a record that is not whole; while reading it would
 * only say "wait", poll must do the waiting. */
bool link_pending(const struct link *l)
{
	return l->ssl && !l->dry && SSL_has_pending(l->ssl);
}

void link_say_goodbye(struct link *l)
{
	if (!l->ssl || l->broken || !SSL_is_init_finished(l->ssl))
		return;
	prepare();
	SSL_shutdown(l->ssl);
}

void link_quick_ack(struct link *l)
{
	set_option(l->fd, TCP_QUICKACK, 1);
}

bool link_may_do_better(const struct link *l)
{
	return l->ssl && tls_resumption_failed(l->ssl);
}

bool link_resumed(const struct link *l)
{
	return l->ssl && SSL_session_reused(l->ssl);
}

bool link_binding(struct link *l, unsigned char binding[LINK_BINDING])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	/* renegotiation, which would make it another one, is off: tls.c */
	return l->ssl && SSL_is_init_finished(l->ssl) &&
	       (SSL_version(l->ssl) >= TLS1_3_VERSION || SSL_get_extms_support(l->ssl) == 1) &&
	       SSL_export_keying_material(
		   l->ssl, binding, LINK_BINDING, label, sizeof(label) - 1, NULL, 0, 0) == 1;
}

const char *link_cipher(const struct link *l)
{
	return l->cipher;
}
