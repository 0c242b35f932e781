#include "inquiry.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"

struct inquiry {
	int fd;
	bool out; /* asked, and not answered yet */
};

/* An answer, in one packet: what there is of a secret follows the failure. */
struct answer {
	struct failure failure;
	char secret[LONGEST_SECRET];
};

enum error inquiry_create(struct inquiry **out, int *theirs, struct failure *why)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return failed(why, E_SYSTEM, "cannot make a socket pair: %s", strerror(errno));
	*out = xnew(struct inquiry);
	(*out)->fd = ends[0];
	*theirs = ends[1];
	return OK;
}

void inquiry_free(struct inquiry *i)
{
	if (!i)
		return;
	close(i->fd);
	free(i);
}

static void ask(void *with)
{
	struct inquiry *i = with;

	if (!i->out)
		i->out = send(i->fd, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* Returns false if there is no answer yet. */
static bool take_answer(void *with, struct secret **out, struct failure *why)
{
	struct inquiry *i = with;
	struct answer answer;
	ssize_t got = 0;

	if (i->out) {
		got = recv(i->fd, &answer, sizeof(answer), MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
	}
	i->out = false;
	if (got < (ssize_t)sizeof(answer.failure))
		failed(why, E_SECRET, "the process that asks for the password has ended");
	else
		*why = answer.failure;
	if (!why->code)
		*out =
		    secret_create(slice_make(answer.secret, (size_t)got - sizeof(answer.failure)));
	wipe(&answer, sizeof(answer));
	return true;
}

enum error inquiry_wait(struct inquiry *i, struct secret **out, struct failure *why)
{
	struct failure reason;

	ask(i);
	while (!take_answer(i, out, &reason)) {
		struct pollfd polled = {i->fd, POLLIN, 0};

		poll(&polled, 1, -1);
	}
	return reason.code ? failed(why, reason.code, "%s", reason.words) : OK;
}

struct session_asker inquiry_asker(struct inquiry *i)
{
	return (struct session_asker){.fd = i->fd, .ask = ask, .answer = take_answer, .with = i};
}

/* ---- the other side ---- */

bool inquiry_heard(int fd)
{
	char octet;
	ssize_t got = recv(fd, &octet, 1, MSG_DONTWAIT);

	return got == 1 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool send_answer(int fd, const struct failure *failure, struct slice secret)
{
	struct iovec parts[] = {
	    {(void *)failure, sizeof(*failure)},
	    {(void *)secret.at, secret.len},
	};

	return sendmsg(fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2}, MSG_NOSIGNAL) >= 0;
}

bool inquiry_answer(int fd, const struct credentials *c)
{
	bool sent;
	struct failure failure = {.code = OK};
	struct secret *secret = NULL;

	credentials_ask(&secret, c, fd, &failure);
	sent = send_answer(fd, &failure, secret_octets(secret));
	secret_free(secret);
	return sent;
}

void inquiry_answer_failed(int fd, const char *words)
{
	struct failure failure;

	failed(&failure, E_SECRET, "%s", words);
	(void)send_answer(fd, &failure, slice_of(""));
}
