#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"

#define MOST_COMPLAINT 1024 /* octets of stderr that are kept, the last ones */
#define GRACE_MS       2000 /* between SIGTERM and SIGKILL */
#define CANNOT_RUN     127  /* as shells say it */

enum watched { OUTPUT, COMPLAINT, END, LEASH, WATCHED };

struct run {
	pid_t pid;
	int fds[WATCHED]; /* -1: closed, or none */
	struct buf *output;
	struct buf complaint;
};

/* In the new process. Signals that the companion ignores must not be ignored there. */
static void become(const struct run_plan *plan, int out, int err)
{
	static const int usual[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE, SIGXFSZ};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		signal(usual[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		_exit(CANNOT_RUN);
	execvp(plan->words[0], plan->words);
	dprintf(STDERR_FILENO, "%s: %s\n", plan->words[0], strerror(errno));
	_exit(CANNOT_RUN);
}

static enum error start(struct run *r, const struct run_plan *plan, struct failure *why)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};

	if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0)
		r->pid = fork();
	if (r->pid == 0)
		become(plan, out[1], err[1]);
	closep(&out[1]);
	closep(&err[1]);
	r->fds[OUTPUT] = out[0];
	r->fds[COMPLAINT] = err[0];
	r->fds[LEASH] = plan->leash;
	if (r->pid > 0)
		r->fds[END] = pidfd_open(r->pid, 0);
	if (r->pid < 0 || r->fds[END] < 0)
		return failed(why, E_SYSTEM, "cannot run %s: %s", plan->name, strerror(errno));
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	return OK;
}

/* Reads what is there; beyond `most` it is dropped, from the front if `last` is wanted. */
static void drain(int *fd, struct buf *to, size_t most, bool last)
{
	char piece[512];
	ssize_t got;

	while (*fd >= 0 && (got = read(*fd, piece, sizeof(piece))) != 0) {
		size_t len = got > 0 ? (size_t)got : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return; /* nothing more now */
		if (!last && len > most - to->len)
			len = most - to->len;
		buf_add(to, piece, len);
		if (to->len > most)
			buf_take(to, to->len - most);
		wipe(piece, sizeof(piece));
	}
	closep(fd);
	*fd = -1;
}

static void drain_both(struct run *r)
{
	drain(&r->fds[OUTPUT], r->output, RUN_MOST_OUTPUT, false);
	drain(&r->fds[COMPLAINT], &r->complaint, MOST_COMPLAINT, true);
}

/* Until the command has ended, even if what it left behind holds its pipes open. */
static enum error watch(struct run *r, const struct run_plan *plan, struct failure *why)
{
	int64_t deadline = clock_in(plan->limit_ms);

	for (;;) {
		struct pollfd polled[WATCHED];

		for (int i = 0; i < WATCHED; i++)
			polled[i] = (struct pollfd){r->fds[i], i == LEASH ? 0 : POLLIN, 0};
		if (poll(polled, WATCHED, clock_left(deadline)) < 0 && errno != EINTR)
			return failed(
			    why, E_SYSTEM, "cannot wait for %s: %s", plan->name, strerror(errno));
		drain_both(r);
		if (polled[END].revents)
			return OK;
		if (polled[LEASH].revents)
			return failed(why, E_INTERRUPT, "%s was interrupted", plan->name);
		if (clock_left(deadline) == 0)
			return failed(why, E_TIMEOUT, "%s did not end within %jd seconds",
			    plan->name, (intmax_t)(plan->limit_ms / 1000));
	}
}

static void make_an_end(struct run *r)
{
	struct pollfd end = {r->fds[END], POLLIN, 0};

	if (r->pid <= 0)
		return;
	kill(r->pid, SIGTERM);
	if (r->fds[END] < 0 || poll(&end, 1, GRACE_MS) != 1)
		kill(r->pid, SIGKILL);
}

static struct slice last_line(struct slice text)
{
	const char *newline;

	text = slice_trim(text);
	newline = text.len ? memrchr(text.at, '\n', text.len) : NULL;
	if (newline)
		text = slice_make(newline + 1, (size_t)(text.at + text.len - newline - 1));
	return text;
}

static enum error judge(
    const struct run *r, const struct run_plan *plan, int status, struct failure *why)
{
	struct slice line = last_line(buf_slice(&r->complaint));
	const char *colon = line.len ? ": " : "";

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	if (WIFSIGNALED(status))
		return failed(why, E_SYSTEM, "%s was ended by signal %d%s%.*s", plan->name,
		    WTERMSIG(status), colon, SLICE_ARGS(line));
	if (WEXITSTATUS(status) == CANNOT_RUN)
		return failed(
		    why, E_SYSTEM, "%s cannot be run%s%.*s", plan->name, colon, SLICE_ARGS(line));
	return failed(why, E_SYSTEM, "%s ended with status %d%s%.*s", plan->name,
	    WEXITSTATUS(status), colon, SLICE_ARGS(line));
}

enum error run_command(const struct run_plan *plan, struct buf *output, struct failure *why)
{
	struct run r = {.pid = -1, .fds = {-1, -1, -1, -1}, .output = output};
	enum error e = start(&r, plan, why);
	int status = 0;

	if (!e)
		e = watch(&r, plan, why);
	if (e)
		make_an_end(&r);
	while (r.pid > 0 && waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
		;
	drain_both(&r);
	if (!e)
		e = judge(&r, plan, status, why);
	closep(&r.fds[OUTPUT]);
	closep(&r.fds[COMPLAINT]);
	closep(&r.fds[END]);
	buf_wipe(&r.complaint);
	return e;
}
