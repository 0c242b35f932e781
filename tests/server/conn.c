#include "conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "answer.h"
#include "clock.h"
#include "record.h"

#define STEPS_A_TURN   64
#define READ_OCTETS    ((size_t)16384)
#define MOST_UNREAD    ((size_t)65536)  /* octets of commands not yet taken */
#define WORTH_SENDING  ((size_t)262144) /* octets of replies before a write */
#define MOST_PIECES    64               /* of one writev */
#define RECORD_OCTETS  ((size_t)16384)  /* of a TLS record */
#define LINGER_MS      2000
#define ABORT_RETRY_MS 1
#define ABORT_TRIES    1000

struct conn *conn_create(
    struct service *service, int fd, unsigned number, SSL_CTX *tls, bool at_once)
{
	struct conn *c = xnew(struct conn);
	int on = 1;

	c->fd = fd;
	c->number = number;
	c->tls = tls;
	c->wake = CLOCK_NEVER;
	c->awaits_tls = at_once;
	c->usual_chunk = service->settings->dribble ? 1 : (size_t)service->settings->chunk;
	c->chunk = c->usual_chunk;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	session_init(&c->session, service, at_once, tls != NULL);
	answer_event(c, VERB_CONNECT);
	if (at_once) {
		answer_event(c, VERB_TLS);
		out_mark(&c->out, OUT_TLS, 0, 0);
	}
	answer_event(c, VERB_GREETING);
	return c;
}

void conn_free(struct conn *c)
{
	if (c->state == CONN_OPEN)
		record("CONN %u close", c->number);
	SSL_free(c->ssl);
	close(c->fd);
	session_finish(&c->session);
	fault_memory_finish(&c->faults);
	out_finish(&c->out);
	out_finish(&c->scratch);
	buf_finish(&c->in);
	buf_finish(&c->held);
	free(c);
}

/* The end. Whoever waits for the maildrop may have it from now on. */
static void hang_up(struct conn *c, enum conn_state state)
{
	if (c->state == CONN_OPEN)
		record("CONN %u close", c->number);
	session_leave(&c->session);
	c->state = state;
	c->wake = CLOCK_NEVER;
}

/* Closing at once would turn into RST what is still unread, and could take octets with it that
 * the client has yet to read. */
static void close_down(struct conn *c)
{
	hang_up(c, CONN_LINGERING);
	if (c->ssl && !c->handshaking && !c->no_close_notify)
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(c->fd, SHUT_WR);
	c->blocked = c->awaits_tls = false;
	c->deaf = true;
	c->wake = clock_in(LINGER_MS);
}

/* RST, once the kernel has passed on what was queued before it. */
static bool abort_down(struct conn *c)
{
	struct linger none = {.l_onoff = 1};
	int unsent = 0;

	if (ioctl(c->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 && c->abort_tries++ < ABORT_TRIES) {
		c->wake = clock_in(ABORT_RETRY_MS);
		return false;
	}
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	hang_up(c, CONN_OVER);
	return true;
}

/* In. */

static bool would_read(const struct conn *c)
{
	return !c->ended && (c->deaf || (!c->awaits_tls && c->in.len < MOST_UNREAD));
}

/* How many octets came; 0: none for now, or the client has closed (then `ended`). */
static size_t read_octets(struct conn *c, char *to, size_t room)
{
	size_t got = 0;
	ssize_t plain;

	if (c->ssl && c->state == CONN_OPEN) {
		if (SSL_read_ex(c->ssl, to, room, &got))
			return got;
		switch (SSL_get_error(c->ssl, 0)) {
		case SSL_ERROR_WANT_READ:
		case SSL_ERROR_WANT_WRITE:
			break;
		default:
			c->ended = true;
		}
		ERR_clear_error();
		return 0;
	}
	plain = read(c->fd, to, room);
	if (plain > 0)
		return (size_t)plain;
	c->ended = plain == 0 || (errno != EAGAIN && errno != EINTR);
	return 0;
}

/* Some servers see one command in what one read brings. */
static void keep_first_line(struct conn *c, size_t before)
{
	const char *fresh = buf_at(&c->in) + before;
	const char *end = memchr(fresh, '\n', c->in.len - before);

	if (end)
		c->in.len = before + (size_t)(end - fresh) + 1;
}

static bool receive(struct conn *c)
{
	size_t before = c->in.len, got;

	if (!would_read(c))
		return false;
	got = read_octets(c, buf_room(&c->in, READ_OCTETS), READ_OCTETS);
	buf_added(&c->in, got);
	if (c->deaf || c->state != CONN_OPEN)
		buf_clear(&c->in);
	else if (c->one_command)
		keep_first_line(c, before);
	return got > 0 || c->ended;
}

/* Takes a command off the front of what came, if all before it is on its way. */
static bool obey(struct conn *c)
{
	const char *end;
	struct slice line;
	size_t used;

	if (c->deaf || c->awaits_tls || c->wake != CLOCK_NEVER || c->out.marks > 0)
		return false;
	end = memchr(buf_at(&c->in), '\n', c->in.len);
	if (end == NULL) {
		if (c->in.len < MOST_UNREAD)
			return false;
		out_text(&c->out, "-ERR line too long\r\n");
		out_mark(&c->out, OUT_CLOSE, 0, 0);
		c->deaf = true;
		return true;
	}
	used = (size_t)(end - buf_at(&c->in)) + 1;
	line = slice_make(buf_at(&c->in), used - 1);
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	answer_line(c, line, memchr(end + 1, '\n', c->in.len - used) != NULL);
	buf_take(&c->in, used);
	return true;
}

/* Out. */

static void start_tls(struct conn *c)
{
	c->ssl = SSL_new(c->tls);
	if (c->ssl == NULL || !SSL_set_fd(c->ssl, c->fd))
		abort();
	SSL_set_accept_state(c->ssl);
	buf_clear(&c->in);
	c->handshaking = true;
}

static void know_line(struct conn *c)
{
	static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 */
	struct sasl_line *line = &c->session.line;
	X509 *peer = SSL_get1_peer_certificate(c->ssl);

	if (peer)
		X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, line->client,
		    sizeof(line->client));
	X509_free(peer);
	line->bound = SSL_export_keying_material(c->ssl, line->binding, SASL_BINDING, label,
			  sizeof(label) - 1, NULL, 0, 0) == 1;
}

static void record_tls(const struct conn *c)
{
	const char *name = c->session.line.client;

	record("CONN %u tls %s%s%s%s", c->number, SSL_get_version(c->ssl), *name ? " " : "", name,
	    SSL_session_reused(c->ssl) ? " resumed" : "");
}

static bool shake_hands(struct conn *c)
{
	int result = SSL_do_handshake(c->ssl);

	c->blocked = false;
	if (result == 1) {
		c->handshaking = false;
		c->awaits_tls = false;
		c->session.secure = true;
		know_line(c);
		record_tls(c);
		return true;
	}
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return false;
	case SSL_ERROR_WANT_WRITE:
		c->blocked = true;
		return false;
	default:
		record("CONN %u tls-failed %s", c->number,
		    ERR_reason_error_string(ERR_peek_error())
			? ERR_reason_error_string(ERR_peek_error())
			: "connection closed");
		close_down(c);
		return true;
	}
}

/* Records of full size: small pieces are put together, large ones sent from where they are. */
static size_t write_tls(struct conn *c, const struct iovec *pieces, size_t count)
{
	char together[RECORD_OCTETS];
	const void *at = pieces[0].iov_base;
	size_t len = pieces[0].iov_len, written;

	if (len < RECORD_OCTETS && count > 1) {
		len = 0;
		for (size_t i = 0; i < count && len < RECORD_OCTETS; i++) {
			size_t part = RECORD_OCTETS - len;

			if (part > pieces[i].iov_len)
				part = pieces[i].iov_len;
			memcpy(together + len, pieces[i].iov_base, part);
			len += part;
		}
		at = together;
	}
	if (SSL_write_ex(c->ssl, at, len, &written))
		return written;
	c->blocked = SSL_get_error(c->ssl, 0) == SSL_ERROR_WANT_WRITE;
	if (!c->blocked && SSL_get_error(c->ssl, 0) != SSL_ERROR_WANT_READ)
		hang_up(c, CONN_OVER);
	ERR_clear_error();
	return 0;
}

static size_t write_plain(struct conn *c, const struct iovec *pieces, size_t count)
{
	ssize_t written = writev(c->fd, pieces, (int)count);

	if (written >= 0)
		return (size_t)written;
	c->blocked = errno == EAGAIN;
	if (!c->blocked && errno != EINTR)
		hang_up(c, CONN_OVER);
	return 0;
}

static bool send_octets(struct conn *c)
{
	struct iovec pieces[MOST_PIECES];
	size_t count = out_vector(&c->out, pieces, MOST_PIECES, c->chunk ? c->chunk : SIZE_MAX);
	size_t sent;

	c->blocked = false;
	sent = c->ssl ? write_tls(c, pieces, count) : write_plain(c, pieces, count);
	out_sent(&c->out, sent);
	if (sent > 0 && c->pause > 0)
		c->wake = clock_in(c->pause);
	return sent > 0;
}

static bool pass_mark(struct conn *c, const struct out_item *mark)
{
	switch (mark->kind) {
	case OUT_OCTETS:
	case OUT_STALL:
		if (c->ended)
			hang_up(c, CONN_OVER);
		return false;
	case OUT_WAIT:
		c->wake = clock_in(mark->milliseconds);
		break;
	case OUT_PACE:
		c->chunk = mark->len;
		c->pause = mark->milliseconds;
		break;
	case OUT_TLS:
		start_tls(c);
		break;
	case OUT_CLOSE:
		close_down(c);
		return true;
	case OUT_ABORT:
		return abort_down(c);
	}
	out_passed(&c->out);
	return true;
}

static bool deliver(struct conn *c)
{
	const struct out_item *item = out_first(&c->out);

	if (c->wake != CLOCK_NEVER) {
		if (clock_left(c->wake) > 0)
			return false;
		c->wake = CLOCK_NEVER;
	}
	if (c->handshaking)
		return shake_hands(c);
	if (item == NULL)
		return false;
	return item->kind == OUT_OCTETS ? send_octets(c) : pass_mark(c, item);
}

/* What can be done now. false: nothing more. */
static bool move_on(struct conn *c)
{
	bool moved = receive(c);

	if (c->state == CONN_LINGERING) {
		if (clock_left(c->wake) == 0 || c->ended)
			c->state = CONN_OVER;
		return moved;
	}
	while (c->out.octets < WORTH_SENDING && obey(c))
		moved = true;
	moved = deliver(c) || moved;
	if (!moved && c->ended && c->state == CONN_OPEN && out_first(&c->out) == NULL) {
		close_down(c);
		moved = true;
	}
	return moved;
}

void conn_turn(struct conn *c)
{
	c->busy = true;
	for (unsigned step = 0; step < STEPS_A_TURN && c->state != CONN_OVER; step++)
		if (!move_on(c)) {
			c->busy = false;
			break;
		}
}

void conn_drop(struct conn *c)
{
	hang_up(c, CONN_OVER);
}

uint32_t conn_events(const struct conn *c)
{
	bool in = would_read(c) || (c->handshaking && !c->blocked);

	return (in ? EPOLLIN : 0) | (c->blocked ? EPOLLOUT : 0);
}

int64_t conn_wake(const struct conn *c)
{
	return c->busy ? 0 : c->wake;
}
