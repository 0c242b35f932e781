#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "favours.h"
#include "log.h"
#include "passing.h"

#define DISMISS_MS 5000  /* the end waits for it so long */
#define RECORD_MS  10000 /* and so long does the mount for its entry in a table, */
#define FILE_MS    3000  /* and the store for a file */

enum verb {
	VERB_BACKGROUND = 'b',
	VERB_MOUNT = 'm',
	VERB_UNMOUNT = 'u',
	VERB_RECORD = 'r',
	VERB_FRESH = 'n',
	VERB_LOOKUP = 'l',
	VERB_FILE = 'f',
};

/* One packet over the socket; where there is an answer, the socket for it comes along. */
struct wish {
	enum verb verb;
	uint64_t count; /* VERB_FRESH: of messages */
};

struct companion {
	int fd;
	int64_t mount_ms;
	struct inquiry *inquiry;
	struct lookup_asker lookup;
};

/* ---- the other process ---- */

/* What the companion itself has: its ends of the sockets, and the child that asks for the secret,
 * since that may take long and the mount must be taken away meanwhile. */
struct desk {
	const struct companion_plan *plan;
	int control, questions;
	pid_t child;               /* 0: none */
	int child_end;             /* pidfd; -1: none */
	struct favour_place place; /* the mount */
	pid_t unmounting;          /* the child that takes it away; 0: none */
	bool recorded;
	struct hook on_new;
};

/* Waits, for the child's leash is the other side of the socket for questions. */
static void wait_for_child(struct desk *d)
{
	int status = 0;

	while (d->child > 0 && waitpid(d->child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		inquiry_answer_failed(
		    d->questions, "the process that asks for the password has died");
	d->child = 0;
	closep(&d->child_end);
	d->child_end = -1;
}

static void ask_in_child(struct desk *d)
{
	d->child = fork();
	if (d->child == 0) {
		close(d->control); /* whoever dismisses the companion does not wait for this */
		_exit(!inquiry_answer(d->questions, d->plan->credentials));
	}
	if (d->child > 0)
		d->child_end = pidfd_open(d->child, 0);
	if (d->child > 0 && d->child_end < 0) { /* its end would not be seen */
		kill(d->child, SIGKILL);
		wait_for_child(d);
	}
	if (d->child < 0) {
		inquiry_answer_failed(
		    d->questions, "no process could be made to ask for the password");
		d->child = 0;
	}
}

static void take_question(struct desk *d)
{
	if (inquiry_heard(d->questions)) {
		ask_in_child(d);
		return;
	}
	close(d->questions);
	d->questions = -1;
}

static void to_null(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		dup2(null, fd);
	closep(&null);
}

static void go_background(void)
{
	(void)!setsid();
	(void)!chdir("/");
	to_null(STDERR_FILENO);
	log_to_syslog();
}

static void wait_for_unmount(struct desk *d)
{
	while (d->unmounting > 0 && waitpid(d->unmounting, NULL, 0) < 0 && errno == EINTR)
		continue;
	d->unmounting = 0;
}

/* In a child: fusermount3 may hang, and the last commit needs favours meanwhile. */
static void unmount(struct desk *d)
{
	wait_for_unmount(d);
	d->unmounting = fork();
	if (d->unmounting > 0)
		return;
	if (d->unmounting == 0) {
		close(d->control); /* whoever dismisses the companion waits for that alone */
		closep(&d->questions);
	}
	favour_unmount(&d->place);
	if (d->unmounting == 0)
		_exit(0);
}

/* What comes with a wish to have an answer, and is not needed by this one, is closed, too. */
static void grant(struct desk *d, const struct wish *wish, int answer)
{
	const struct companion_plan *plan = d->plan;

	switch (wish->verb) {
	case VERB_BACKGROUND:
		go_background();
		break;
	case VERB_MOUNT:
		favour_mount(answer, plan->mount_options, plan->mountpoint, &d->place);
		break;
	case VERB_UNMOUNT:
		unmount(d);
		break;
	case VERB_RECORD:
		d->recorded = favour_record(answer, plan->source, plan->mountpoint);
		break;
	case VERB_FRESH:
		hook_run(&d->on_new, wish->count);
		break;
	case VERB_LOOKUP:
		favour_lookup(answer, plan->host, plan->port);
		break;
	case VERB_FILE:
		favour_file(answer);
		break;
	}
}

/* false: nothing more will come. */
static bool obey(struct desk *d)
{
	CLEANUP(closep) int answer = -1;
	struct wish wish;
	ssize_t got = passing_receive(d->control, &wish, sizeof(wish), &answer, true);

	if (got == (ssize_t)sizeof(wish))
		grant(d, &wish, answer);
	return got > 0;
}

static void serve(struct desk *d)
{
	bool more = true;

	while (more) {
		struct pollfd polled[] = {
		    {d->control, POLLIN, 0},
		    {d->child ? -1 : d->questions, POLLIN, 0},
		    {d->child_end, POLLIN, 0},
		    {hook_fd(&d->on_new), POLLIN, 0},
		};

		if (poll(polled, 4, -1) < 0)
			continue;
		if (polled[3].revents)
			hook_ended(&d->on_new);
		if (polled[2].revents)
			wait_for_child(d);
		if (polled[1].revents)
			take_question(d);
		if (polled[0].revents)
			more = obey(d);
	}
	wait_for_child(d);
	hook_finish(&d->on_new);
	wait_for_unmount(d);
	if (d->recorded)
		favour_forget(d->plan->mountpoint);
}

static void close_all(int first, int last)
{
	if (first <= last)
		close_range((unsigned)first, (unsigned)last, 0);
}

/* Nothing is left of the process it was forked from but stderr, and that until it goes to the
 * background. It keeps the terminal so long, for commands that ask there. */
static void become_companion(struct desk *d)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE};
	int low = d->control < d->questions ? d->control : d->questions;
	int high = d->control < d->questions ? d->questions : d->control;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	to_null(STDIN_FILENO);
	to_null(STDOUT_FILENO);
	close_all(STDERR_FILENO + 1, low - 1);
	close_all(low + 1, high - 1);
	close_range((unsigned)high + 1, ~0u, 0);
}

/* ---- this process ---- */

static enum error start(struct companion *c, const struct companion_plan *plan, struct failure *why)
{
	struct desk desk = {.plan = plan,
	    .child_end = -1,
	    .on_new = {.plan = &plan->on_new, .end = -1, .leash = -1}};
	enum error e = inquiry_create(&c->inquiry, &desk.questions, why);
	int ends[2];
	pid_t pid;

	if (e)
		return e;
	if (!passing_pair(ends)) {
		close(desk.questions);
		return failed(why, E_SYSTEM, "cannot make a socket pair: %s", strerror(errno));
	}
	c->fd = ends[0];
	desk.control = ends[1];
	pid = fork();
	if (pid == 0) {
		become_companion(&desk);
		serve(&desk);
		_exit(0);
	}
	close(desk.control);
	close(desk.questions);
	return pid < 0 ? failed(why, E_SYSTEM, "cannot fork: %s", strerror(errno)) : OK;
}

enum error companion_start(
    struct companion **out, const struct companion_plan *plan, struct failure *why)
{
	struct companion *c = xnew(struct companion);
	enum error e;

	c->fd = -1;
	c->mount_ms = plan->mount_ms;
	e = start(c, plan, why);
	if (e)
		companion_free(c);
	else
		*out = c;
	return e;
}

void companion_free(struct companion *c)
{
	if (!c)
		return;
	inquiry_free(c->inquiry);
	closep(&c->fd);
	free(c);
}

struct inquiry *companion_inquiry(struct companion *c)
{
	return c->inquiry;
}

void companion_dismiss(struct companion *c)
{
	struct pollfd end = {c ? c->fd : -1, 0, 0};
	int64_t deadline = clock_in(DISMISS_MS);

	if (!c)
		return;
	inquiry_free(take(&c->inquiry)); /* a command that still runs for it is ended by that */
	shutdown(c->fd, SHUT_WR);
	while (poll(&end, 1, clock_left(deadline)) < 0 && errno == EINTR)
		;
	companion_free(c);
}

static bool send_wish(const struct companion *c, struct wish wish, int answer)
{
	return passing_send(c->fd, &wish, sizeof(wish), answer, false);
}

static void ask(const struct companion *c, enum verb verb)
{
	(void)send_wish(c, (struct wish){.verb = verb}, -1);
}

/* Asks, and waits for so many octets, and maybe a descriptor. false: they do not come, or too late:
 * what comes after that is refused, so that its sender knows. */
static bool ask_and_wait(
    const struct companion *c, enum verb verb, int64_t ms, void *said, size_t len, int *fd)
{
	int64_t deadline = clock_in(ms);
	int ends[2], ready = 0;
	bool asked, answered;

	*fd = -1;
	if (!passing_pair(ends))
		return false;
	asked = send_wish(c, (struct wish){.verb = verb}, ends[1]);
	close(ends[1]);
	while (asked &&
	       (ready = poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, clock_left(deadline))) < 0 &&
	       errno == EINTR)
		continue;
	shutdown(ends[0], SHUT_RD);
	answered = passing_receive(ends[0], said, len, fd, false) == (ssize_t)len;
	close(ends[0]);
	errno = asked && ready == 0 ? ETIMEDOUT : EPIPE;
	return answered;
}

bool companion_record(struct companion *c)
{
	bool done = false;
	int none;

	if (geteuid() != 0)
		return true;
	return ask_and_wait(c, VERB_RECORD, RECORD_MS, &done, sizeof(done), &none) && done;
}

/* A mount that is made too late is taken away by who made it (favours.c). */
enum error companion_mount(struct companion *c, int *fd, struct failure *why)
{
	struct favour_mounted said;

	if (!ask_and_wait(c, VERB_MOUNT, c->mount_ms, &said, sizeof(said), fd))
		return failed(why, E_MOUNT,
		    errno == ETIMEDOUT ? "fusermount3 does not come to an end"
				       : "the process that mounts has died");
	if (said.why.code)
		return failed(why, said.why.code, "%s", said.why.words);
	return *fd >= 0 ? OK : failed(why, E_MOUNT, "no descriptor is left for the mount");
}

static int open_file(void *with)
{
	int fd;
	char said;

	if (!ask_and_wait(with, VERB_FILE, FILE_MS, &said, sizeof(said), &fd))
		errno = ETIMEDOUT;
	else if (fd < 0)
		errno = ENOSPC;
	return fd;
}

struct shelf_place companion_place(struct companion *c)
{
	return (struct shelf_place){open_file, c};
}

static bool look_up(void *with, int fd)
{
	return send_wish(with, (struct wish){.verb = VERB_LOOKUP}, fd);
}

const struct lookup_asker *companion_lookup(struct companion *c)
{
	c->lookup = (struct lookup_asker){look_up, c};
	return &c->lookup;
}

void companion_background(struct companion *c)
{
	ask(c, VERB_BACKGROUND);
}

void companion_unmount(struct companion *c)
{
	ask(c, VERB_UNMOUNT);
}

void companion_fresh(struct companion *c, uint64_t count)
{
	(void)send_wish(c, (struct wish){.verb = VERB_FRESH, .count = count}, -1);
}
