#include "scripted.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONGEST_LINE 512
#define LINGER_MS    200 /* who closes at once does so within this, unless the machine is busy */

struct session_plan scripted_plan(const char *port, const struct secret *password)
{
	return (struct session_plan){
	    .host = "127.0.0.1",
	    .port = port,
	    .user = "user",
	    .password = password,
	    .tls = SESSION_TLS_OFF,
	    .timeout_ms = PATIENCE_MS,
	    .idle_ms = 1000 * PATIENCE_MS,
	    .commit_ms = PATIENCE_MS,
	};
}

/* Octet by octet: the client may send several commands at once. false: the client has closed. */
static bool read_line(int fd, char line[LONGEST_LINE])
{
	size_t len = 0;

	while (len < LONGEST_LINE - 1 && read(fd, line + len, 1) == 1) {
		if (line[len++] != '\n')
			continue;
		line[len >= 2 ? len - 2 : 0] = '\0';
		return true;
	}
	return false;
}

static const struct scripted_row *find(const struct scripted *s, const char *line, unsigned session)
{
	static const struct scripted_row unknown = {.answer = "-ERR unknown\r\n"};

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->rows[i].command, line) == 0 &&
		    (s->rows[i].session == 0 || s->rows[i].session == session))
			return &s->rows[i];
	return &unknown;
}

static void linger(struct scripted *s, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, LINGER_MS) > 0)
		s->left_first = true;
}

static void play(struct scripted *s, int fd, unsigned session)
{
	char line[LONGEST_LINE] = "";

	do {
		const struct scripted_row *row = find(s, line, session);

		if (row->answer && write(fd, row->answer, strlen(row->answer)) < 0)
			return;
		if (row->lingers)
			linger(s, fd);
		if (row->closes)
			return;
	} while (read_line(fd, line));
}

static void *run(void *scripted)
{
	struct scripted *s = scripted;
	sigset_t pipe;
	int fd;

	/* the client may have closed before it is answered */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	for (unsigned session = 1; (fd = accept(s->listener, NULL, NULL)) >= 0; session++) {
		play(s, fd, session);
		close(fd);
	}
	return NULL;
}

void scripted_start(struct scripted *s, const struct scripted_row *rows, size_t count)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	s->rows = rows;
	s->count = count;
	s->left_first = false;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->listener, (struct sockaddr *)&at, len) < 0 || listen(s->listener, 4) < 0 ||
	    getsockname(s->listener, (struct sockaddr *)&at, &len) < 0)
		abort();
	snprintf(s->port, sizeof(s->port), "%u", ntohs(at.sin_port));
	if (pthread_create(&s->thread, NULL, run, s) != 0)
		abort();
}

void scripted_finish(struct scripted *s)
{
	shutdown(s->listener, SHUT_RD); /* ends accept */
	pthread_join(s->thread, NULL);
	close(s->listener);
}
