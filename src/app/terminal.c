#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"

#define LONGEST_PROMPT 400
#define LONGEST_LINE   1024

static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
	caught = number;
}

/* One line, until Enter. Signals come only while we wait: one that came before that would not end
 * the wait. */
static ssize_t read_line(int fd, char *text, size_t room, const sigset_t *awake)
{
	struct pollfd polled = {fd, POLLIN, 0};
	ssize_t len;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((len = read(fd, text, room)) < 0 && errno == EAGAIN && !caught)
		(void)ppoll(&polled, 1, NULL, awake);
	return len;
}

static void block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* With echo off and signals caught; both are as before when it returns. */
static ssize_t read_hidden(int fd, char *text, size_t room)
{
	struct sigaction catching = {.sa_handler = catch_signal}, before[SIGNALS];
	struct termios shown, hidden;
	sigset_t awake;
	ssize_t len = -1;

	if (tcgetattr(fd, &shown) != 0)
		return -1;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ICANON | ISIG | ECHONL;
	caught = 0;
	block_signals(&awake);
	for (size_t i = 0; i < SIGNALS; i++) {
		/* stopped in the middle, the shell would be left without echo */
		struct sigaction ignoring = {.sa_handler = SIG_IGN};

		sigaction(signals[i], signals[i] == SIGTSTP ? &ignoring : &catching, &before[i]);
	}
	if (tcsetattr(fd, TCSAFLUSH, &hidden) == 0)
		len = read_line(fd, text, room, &awake);
	tcsetattr(fd, TCSANOW, &shown);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &awake, NULL);
	return len;
}

enum error terminal_ask(struct buf *line, const char *prompt, struct failure *why)
{
	CLEANUP(closep) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char text[LONGEST_LINE], escaped[LONGEST_PROMPT];
	ssize_t len;

	if (fd < 0)
		return failed(why, E_SECRET,
		    "there is no terminal to ask for the password: give password_file= or "
		    "password_command=");
	log_escape(escaped, sizeof(escaped), slice_of(prompt));
	dprintf(fd, "%s", escaped);
	len = read_hidden(fd, text, sizeof(text));
	if (caught) {
		dprintf(fd, "\n");
		raise(caught);
	}
	if (len <= 0)
		return failed(why, E_SECRET, "no password was typed");
	buf_add(line, text, (size_t)len);
	wipe(text, sizeof(text));
	return OK;
}
