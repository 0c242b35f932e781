#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "passing.h"

/* ---- getaddrinfo ---- */

static int find(const char *host, const char *port, int flags, struct addrinfo **found)
{
	const struct addrinfo hints = {
	    .ai_flags = flags | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	};

	return getaddrinfo(host, port, &hints, found);
}

static void add_address(struct addresses *to, const struct addrinfo *a)
{
	struct address *next;

	if (to->count == LOOKUP_MOST || a->ai_addrlen > sizeof(next->to))
		return;
	next = &to->each[to->count++];
	memcpy(&next->to, a->ai_addr, a->ai_addrlen);
	next->len = a->ai_addrlen;
}

static const struct addrinfo *skip(const struct addrinfo *a, int family, bool of_family)
{
	while (a && (a->ai_family == family) != of_family)
		a = a->ai_next;
	return a;
}

/* Takes the families in turn, beginning with the one that the system's order (RFC 6724) puts
 * first: one family without a route then costs one step, not all of its addresses. RFC 8305, 4. */
static void take_turns(struct addresses *to, const struct addrinfo *found)
{
	int family = found->ai_family;
	const struct addrinfo *same = skip(found, family, true);
	const struct addrinfo *other = skip(found, family, false);

	while (same || other) {
		if (same) {
			add_address(to, same);
			same = skip(same->ai_next, family, true);
		}
		if (other) {
			add_address(to, other);
			other = skip(other->ai_next, family, false);
		}
	}
}

static void look_up(struct addresses *to, const char *host, const char *port, int flags)
{
	struct addrinfo *found = NULL;

	*to = (struct addresses){.code = find(host, port, flags, &found)};
	to->number = errno;
	if (to->code == 0) {
		take_turns(to, found);
		freeaddrinfo(found);
	}
}

/* AI_NUMERICHOST asks nobody. */
bool lookup_literal(struct addresses *found, const char *host, const char *port)
{
	look_up(found, host, port, AI_NUMERICHOST);
	return found->code != EAI_NONAME;
}

/* ---- whoever answers ---- */

/* Nobody listens any more, if this fails. */
static void say(int fd, const struct addresses *found)
{
	(void)passing_send(fd, found, sizeof(*found), -1, true);
}

void lookup_answer(int fd, const char *host, const char *port)
{
	struct addresses found;

	look_up(&found, host, port, 0);
	say(fd, &found);
}

void lookup_refuse(int fd, int number)
{
	say(fd, &(struct addresses){.code = EAI_SYSTEM, .number = number});
}

/* ---- a thread that answers ---- */

struct question {
	int fd;
	char *host, *port;
};

static void question_free(struct question *q)
{
	close(q->fd);
	free(q->host);
	free(q->port);
	free(q);
}

static void *run(void *with)
{
	struct question *q = with;

	lookup_answer(q->fd, q->host, q->port);
	question_free(q);
	return NULL;
}

/* A thread that no signal reaches and that nobody waits for. Returns errno. */
static int start_detached(struct question *q)
{
	pthread_attr_t detached;
	pthread_t thread;
	sigset_t all, before;
	int number;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	number = pthread_create(&thread, &detached, run, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&detached);
	return number;
}

/* `fd` is its own. Returns errno. */
static int ask_thread(int fd, const char *host, const char *port)
{
	struct question *q = xnew(struct question);
	int number;

	q->fd = fd;
	q->host = xstrdup(host);
	q->port = xstrdup(port);
	number = start_detached(q);
	if (number)
		question_free(q);
	return number;
}

/* ---- whoever asks ---- */

static int ask(int fd, const char *host, const char *port, const struct lookup_asker *asker)
{
	int number;

	if (!asker || !asker->ask)
		return ask_thread(fd, host, port);
	number = asker->ask(asker->with, fd) ? 0 : errno;
	close(fd);
	return number;
}

enum error lookup_begin(int *fd, const char *host, const char *port,
    const struct lookup_asker *asker, struct failure *why)
{
	int ends[2], number;

	if (!passing_pair(ends))
		return failed(why, E_SYSTEM, "cannot look up %s: %s", host, strerror(errno));
	number = ask(ends[1], host, port, asker);
	if (number) {
		close(ends[0]);
		return failed(why, E_SYSTEM, "cannot look up %s: %s", host, strerror(number));
	}
	*fd = ends[0];
	return OK;
}

/* Whoever was to answer may have died. */
bool lookup_take(int fd, struct addresses *found)
{
	int none;
	ssize_t got = passing_receive(fd, found, sizeof(*found), &none, false);

	if (got < 0 && errno == EAGAIN)
		return false;
	if (got != (ssize_t)sizeof(*found) || found->count > LOOKUP_MOST)
		*found = (struct addresses){.code = EAI_AGAIN};
	return true;
}
