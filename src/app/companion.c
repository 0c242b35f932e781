#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "mountinfo.h"
#include "mountpoint.h"
#include "run.h"

#define UNMOUNT_MS 30000 /* fusermount3 may take so long */
#define DISMISS_MS 5000  /* the end waits for it so long */
#define RECORD_MS  3000  /* and so long does the mount for its entry in a table: */

#define UMOUNT_TABLE "/run/mount/utab"

enum verb { VERB_BACKGROUND = 'b', VERB_UNMOUNT = 'u', VERB_RECORD = 'r', VERB_FRESH = 'n' };

/* One packet over the socket. */
struct wish {
	enum verb verb;
	uint64_t count; /* VERB_FRESH: of messages */
};

struct companion {
	int fd;
	struct inquiry *inquiry;
};

/* ---- the other process ---- */

/* What the companion itself has: its ends of the sockets, and the child that asks for the secret,
 * since that may take long and the mount must be taken away meanwhile. */
struct desk {
	const struct companion_plan *plan;
	int control, questions;
	pid_t child;   /* 0: none */
	int child_end; /* pidfd; -1: none */
	bool recorded;
	struct hook on_new;
};

static void ask_in_child(struct desk *d)
{
	d->child = fork();
	if (d->child == 0) {
		close(d->control); /* whoever dismisses the companion does not wait for this */
		inquiry_answer(d->questions, d->plan->credentials);
		_exit(0);
	}
	if (d->child > 0)
		d->child_end = pidfd_open(d->child, 0);
	if (d->child < 0 || d->child_end < 0) {
		inquiry_answer_failed(
		    d->questions, "no process could be made to ask for the password");
		d->child = d->child < 0 ? 0 : d->child;
	}
}

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

static void unmount(const char *mountpoint)
{
	const char *words[] = {"fusermount3", "-u", "-z", "--", mountpoint, NULL};
	struct run_plan run = {words[0], (char *const *)words, UNMOUNT_MS, -1};
	struct buf output = {.len = 0};
	struct failure why;

	/* somebody may have been faster, and mounted something else there since */
	if (!mountpoint_is_pop3fs(mountpoint))
		return;
	if (geteuid() == 0 && umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return;
	if (run_command(&run, &output, &why) && mountpoint_is_pop3fs(mountpoint))
		log_warning("cannot take away the mount on %s: %s", mountpoint, why.words);
	buf_finish(&output);
}

/* mount -f and umount --fake change the table and nothing else. */
static bool change_table(const char *const *words)
{
	struct run_plan run = {words[0], (char *const *)words, RECORD_MS, -1};
	struct buf output = {.len = 0};
	struct failure why;
	enum error e = run_command(&run, &output, &why);

	if (e)
		log_debug("the mount has no entry in umount(8)'s table: %s", why.words);
	buf_finish(&output);
	return e == OK;
}

/* Where libmount cannot write its table it says nothing. */
static bool record(int fd, const struct companion_plan *plan)
{
	const char *words[] = {"mount", "-f", "-i", "-c", "-t", MOUNTINFO_TYPE, "-o", "_netdev",
	    "--", plan->source, plan->mountpoint, NULL};
	bool done = change_table(words) && access(UMOUNT_TABLE, R_OK | W_OK) == 0;

	(void)!send(fd, &done, 1, MSG_NOSIGNAL);
	return done;
}

/* umount(8) has done it already, if it was that. */
static void forget(const struct companion_plan *plan)
{
	const char *words[] = {"umount", "--fake", "-i", "-c", "--", plan->mountpoint, NULL};

	if (!mountpoint_is_pop3fs(plan->mountpoint))
		change_table(words);
}

/* false: nothing more will come. */
static bool obey(struct desk *d)
{
	struct wish wish;
	ssize_t got = recv(d->control, &wish, sizeof(wish), 0);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	if (wish.verb == VERB_BACKGROUND)
		go_background();
	else if (wish.verb == VERB_UNMOUNT)
		unmount(d->plan->mountpoint);
	else if (wish.verb == VERB_RECORD)
		d->recorded = record(d->control, d->plan);
	else if (wish.verb == VERB_FRESH)
		hook_run(&d->on_new, wish.count);
	return true;
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
	if (d->recorded)
		forget(d->plan);
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
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
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

static bool send_wish(const struct companion *c, struct wish wish, int flags)
{
	return send(c->fd, &wish, sizeof(wish), flags | MSG_NOSIGNAL) == (ssize_t)sizeof(wish);
}

static bool ask(const struct companion *c, enum verb verb, int flags)
{
	return send_wish(c, (struct wish){.verb = verb}, flags);
}

bool companion_record(struct companion *c)
{
	struct pollfd answer = {c->fd, POLLIN, 0};
	int64_t deadline = clock_in(RECORD_MS);
	char done = false;

	if (geteuid() != 0)
		return true;
	if (!ask(c, VERB_RECORD, 0))
		return false;
	while (poll(&answer, 1, clock_left(deadline)) < 0 && errno == EINTR)
		continue;
	return recv(c->fd, &done, 1, MSG_DONTWAIT) == 1 && done;
}

void companion_background(struct companion *c)
{
	ask(c, VERB_BACKGROUND, MSG_DONTWAIT);
}

void companion_unmount(struct companion *c)
{
	ask(c, VERB_UNMOUNT, MSG_DONTWAIT);
}

void companion_fresh(struct companion *c, uint64_t count)
{
	send_wish(c, (struct wish){.verb = VERB_FRESH, .count = count}, MSG_DONTWAIT);
}
