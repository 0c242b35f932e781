#include "asking.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

#define AT_ONCE 16384 /* octets of an answer that are read at once */

/* ---- in the child ---- */

struct question {
	const struct mounted *mount;
	pid_t parent;
	unsigned long command;
	const void *argument;
	size_t len;
	const struct conversation *conversation; /* instead of the command, where set */
};

static bool are_all(id_t id, id_t a, id_t b, id_t c)
{
	return a == id && b == id && c == id;
}

static bool is_already(const struct mounted *m)
{
	uid_t u[3];
	gid_t g[3];

	return getresuid(&u[0], &u[1], &u[2]) == 0 && are_all(m->uid, u[0], u[1], u[2]) &&
	       getresgid(&g[0], &g[1], &g[2]) == 0 && are_all(m->gid, g[0], g[1], g[2]);
}

/* The kernel lets into a mount who has all six ids of the process that made it. The parent's death
 * is the child's. Only root can become somebody else, where it has kept the capabilities for that;
 * for others the kernel decides. */
static int become(const struct mounted *m, pid_t parent)
{
	if (geteuid() == 0 && !is_already(m) &&
	    (setgroups(0, NULL) != 0 || setresgid(m->gid, m->gid, m->gid) != 0 ||
		setresuid(m->uid, m->uid, m->uid) != 0))
		return errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the ids, for a change of them forgets it */
	return getppid() == parent ? 0 : EINTR;
}

static int enter(const struct question *q, int *root)
{
	int number = become(q->mount, q->parent);

	if (number)
		return number;
	*root = openat(q->mount->place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *root < 0 ? errno : 0;
}

static int put(const struct question *q, struct buf *answer)
{
	int root, number = enter(q, &root);
	char *argument;

	if (number)
		return number;
	argument = buf_room(answer, q->len);
	if (q->len)
		memcpy(argument, q->argument, q->len);
	buf_added(answer, q->len);
	return ioctl(root, q->command, argument) < 0 ? errno : 0;
}

static void write_all(int fd, const void *octets, size_t len)
{
	const char *at = octets;
	ssize_t wrote;

	for (; len > 0; at += wrote, len -= (size_t)wrote)
		if ((wrote = write(fd, at, len)) < 0)
			return;
}

/* The number comes last, since all before it is heard at once. */
static void converse(const struct question *q, int to)
{
	const struct conversation *c = q->conversation;
	int root, number = enter(q, &root);

	if (!number)
		number = c->talk(root, to, c->with);
	write_all(to, &number, sizeof(number));
	_exit(0);
}

static void serve(const struct question *q, int to)
{
	struct buf answer = {.len = 0};
	int number = put(q, &answer);

	write_all(to, &number, sizeof(number));
	write_all(to, buf_at(&answer), answer.len);
	_exit(0);
}

/* ---- in the parent ---- */

static enum error meaning(const struct mounted *m, int number, struct failure *why)
{
	switch (number) {
	case 0:
		return OK;
	case ENOTCONN:
	case ECONNABORTED:
		return failed(why, E_CLOSED, "the daemon of the mount on %s is dead", m->target);
	case ENODEV:
		return failed(why, E_ENDING, "the daemon of the mount on %s is ending", m->target);
	case EACCES:
	case EPERM:
		return failed(why, E_FORBIDDEN,
		    "the mount on %s belongs to user %" PRIuMAX ", who alone may do this",
		    m->target, (uintmax_t)m->uid);
	case ENOTTY:
		return failed(why, E_PROTOCOL,
		    "the mount on %s is served by another version of pop3fs", m->target);
	default:
		return failed(why, E_SYSTEM, "the mount on %s does not answer: %s", m->target,
		    strerror(number));
	}
}

static void hear(const struct conversation *c, struct buf *answer)
{
	for (; c && answer->len >= c->piece; buf_take(answer, c->piece))
		c->hear(buf_at(answer), c->with);
}

/* All that comes until the other end closes. false: not in time. */
static bool take_answer(const struct question *q, int from, struct buf *answer, int64_t deadline)
{
	struct pollfd p = {from, POLLIN, 0};
	ssize_t got = 1;

	while (got != 0) {
		int ready = poll(&p, 1, clock_left(deadline));

		if (ready == 0)
			return false;
		if (ready < 0)
			continue;
		got = read(from, buf_room(answer, AT_ONCE), AT_ONCE);
		if (got < 0 && errno != EINTR)
			return true;
		if (got > 0)
			buf_added(answer, (size_t)got);
		hear(q->conversation, answer);
	}
	return true;
}

/* What did not answer in time may be in a sleep that nothing ends: it is not waited for. */
static bool run_child(const struct question *q, struct buf *answer, int64_t deadline)
{
	int ends[2];
	bool in_time;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return true;
	child = fork();
	if (child == 0 && q->conversation)
		converse(q, ends[1]);
	if (child == 0)
		serve(q, ends[1]);
	close(ends[1]);
	in_time = child < 0 || take_answer(q, ends[0], answer, deadline);
	close(ends[0]);
	if (!in_time)
		kill(child, SIGKILL);
	else if (child > 0)
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			continue;
	return in_time;
}

static enum error ask(
    const struct question *q, struct buf *answer, int64_t deadline, struct failure *why)
{
	int number;

	if (!run_child(q, answer, deadline))
		return failed(why, E_TIMEOUT,
		    "the daemon of the mount on %s has not answered in time", q->mount->target);
	if (answer->len < sizeof(number))
		return failed(
		    why, E_SYSTEM, "the mount on %s could not be asked", q->mount->target);
	memcpy(&number, buf_at(answer), sizeof(number));
	buf_take(answer, sizeof(number));
	return meaning(q->mount, number, why);
}

enum error asking_ioctl(const struct mounted *m, unsigned long command, void *argument, size_t len,
    int64_t deadline, struct failure *why)
{
	const struct question q = {
	    .mount = m,
	    .parent = getpid(),
	    .command = command,
	    .argument = argument,
	    .len = len,
	};
	struct buf answer = {.len = 0};
	enum error e = ask(&q, &answer, deadline, why);

	if (!e && answer.len == len)
		memcpy(argument, buf_at(&answer), len);
	else if (!e)
		e = failed(why, E_SYSTEM, "the mount on %s could not be asked", m->target);
	buf_finish(&answer);
	return e;
}

enum error asking_converse(
    const struct mounted *m, const struct conversation *c, struct failure *why)
{
	const struct question q = {.mount = m, .parent = getpid(), .conversation = c};
	struct buf answer = {.len = 0};
	enum error e = ask(&q, &answer, CLOCK_NEVER, why);

	buf_finish(&answer);
	return e;
}
