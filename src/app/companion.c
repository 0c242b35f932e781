#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "mountinfo.h"
#include "mountpoint.h"
#include "run.h"

#define UNMOUNT_MS 30000 /* fusermount3 may take so long */
#define DISMISS_MS 5000  /* the end waits for it so long */
#define RECORD_MS  3000  /* and so long does the mount for its entry in a table */

enum verb { VERB_PASSWORD = 'p', VERB_BACKGROUND = 'b', VERB_UNMOUNT = 'u', VERB_RECORD = 'r' };

struct companion {
	int fd;
};

/* The answer to VERB_PASSWORD, in one packet: what the command printed follows it. */
struct answer {
	struct failure failure;
	char output[RUN_MOST_OUTPUT];
};

/* ---- the other process ---- */

static void answer_password(int fd, const struct companion_plan *plan)
{
	struct failure failure = {.code = OK};
	struct run_plan run = {"password_command", plan->password_command, plan->password_ms, fd};
	struct buf output = {.len = 0};
	struct iovec parts[2];

	if (plan->password_command)
		run_command(&run, &output, &failure);
	else
		failed(&failure, E_CONFIG, "there is no password_command");
	parts[0] = (struct iovec){&failure, sizeof(failure)};
	parts[1] = (struct iovec){(void *)buf_at(&output), output.len};
	(void)!sendmsg(fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2}, MSG_NOSIGNAL);
	buf_wipe(&output);
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

static bool record(int fd, const struct companion_plan *plan)
{
	const char *words[] = {"mount", "-f", "-i", "-c", "-t", MOUNTINFO_TYPE, "-o", "_netdev",
	    "--", plan->source, plan->mountpoint, NULL};
	bool done = change_table(words);

	(void)!send(fd, "", 1, MSG_NOSIGNAL);
	return done;
}

/* umount(8) has done it already, if it was that. */
static void forget(const struct companion_plan *plan)
{
	const char *words[] = {"umount", "--fake", "-i", "-c", "--", plan->mountpoint, NULL};

	if (!mountpoint_is_pop3fs(plan->mountpoint))
		change_table(words);
}

static void serve(int fd, const struct companion_plan *plan)
{
	bool recorded = false;
	char verb;
	ssize_t got;

	while ((got = recv(fd, &verb, 1, 0)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		if (got < 0)
			continue;
		if (verb == VERB_PASSWORD)
			answer_password(fd, plan);
		else if (verb == VERB_BACKGROUND)
			go_background();
		else if (verb == VERB_UNMOUNT)
			unmount(plan->mountpoint);
		else if (verb == VERB_RECORD)
			recorded = record(fd, plan);
	}
	if (recorded)
		forget(plan);
}

/* Nothing is left of the process it was forked from but stderr, and that until it goes to the
 * background. It keeps the terminal so long, for commands that ask there. */
static void become_companion(int fd)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	to_null(STDIN_FILENO);
	to_null(STDOUT_FILENO);
	if (fd > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0u, 0);
}

/* ---- this process ---- */

enum error companion_start(
    struct companion **out, const struct companion_plan *plan, struct failure *why)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return failed(why, E_SYSTEM, "cannot make a socket pair: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		become_companion(ends[1]);
		serve(ends[1], plan);
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return failed(why, E_SYSTEM, "cannot fork: %s", strerror(errno));
	}
	*out = xnew(struct companion);
	(*out)->fd = ends[0];
	return OK;
}

void companion_free(struct companion *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c);
}

void companion_dismiss(struct companion *c)
{
	struct pollfd end = {c ? c->fd : -1, 0, 0};
	int64_t deadline = clock_in(DISMISS_MS);

	if (!c)
		return;
	shutdown(c->fd, SHUT_WR);
	while (poll(&end, 1, clock_left(deadline)) < 0 && errno == EINTR)
		;
	companion_free(c);
}

static bool ask(const struct companion *c, enum verb verb, int flags)
{
	char octet = (char)verb;

	return send(c->fd, &octet, 1, flags | MSG_NOSIGNAL) == 1;
}

enum error companion_password(struct companion *c, struct buf *output, struct failure *why)
{
	struct answer answer;
	ssize_t got = -1;

	if (ask(c, VERB_PASSWORD, 0)) {
		do
			got = recv(c->fd, &answer, sizeof(answer), 0);
		while (got < 0 && errno == EINTR);
	}
	if (got < (ssize_t)sizeof(answer.failure))
		return failed(why, E_SECRET,
		    "password_command could not be run: its process has "
		    "ended");
	if (answer.failure.code != OK)
		return failed(why, E_SECRET, "%s", answer.failure.words);
	buf_add(output, answer.output, (size_t)got - sizeof(answer.failure));
	wipe(&answer, sizeof(answer));
	return OK;
}

void companion_record(struct companion *c)
{
	struct pollfd answer = {c->fd, POLLIN, 0};
	int64_t deadline = clock_in(RECORD_MS);
	char octet;

	if (geteuid() != 0 || !ask(c, VERB_RECORD, 0))
		return;
	while (poll(&answer, 1, clock_left(deadline)) < 0 && errno == EINTR)
		continue;
	(void)!recv(c->fd, &octet, 1, MSG_DONTWAIT);
}

void companion_background(struct companion *c)
{
	ask(c, VERB_BACKGROUND, MSG_DONTWAIT);
}

void companion_unmount(struct companion *c)
{
	ask(c, VERB_UNMOUNT, MSG_DONTWAIT);
}
