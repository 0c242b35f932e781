#include "umount.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "asking.h"
#include "clock.h"
#include "commands.h"
#include "log.h"
#include "outcome.h"
#include "process.h"
#include "verdict.h"

#define HELPER_NAME "umount.fuse.pop3fs"
#define FLAGS       "-nlfvrt:N:" /* "-": in any order with the mountpoint */
#define MOST_WORDS  12           /* of a command line that is run */
#define IDENTITY_MS 10000        /* a daemon says who it is at once; then it hangs */
#define QUIET_TRIES 5            /* to unmount what is busy, before the one that counts */
#define PAUSE_MS    50
#define AT_ONCE_MS  2000 /* for the daemon's end, before it is looked who keeps it */
#define GRACE_MS    5000 /* beyond commit_timeout: to hear that it has passed, and for the end */
#define MOST_MS     86400000 /* commit_timeout's (options.c); who serves the mount may say anything */

struct request {
	const char *mountpoint;
	const char *namespace; /* to go into: a file as in /proc/PID/ns; NULL: none */
	bool no_mtab, lazy, force, verbose, read_only; /* as umount(8)'s -n -l -f -v -r */
	bool command; /* not umount(8)'s helper, so umount(8) may refuse an ordinary user */
};

/* How the commit went, and the daemon whose end is worth waiting for. */
struct committed {
	struct verb_identity daemon;
	struct verb_commit answer;
	struct failure unknown; /* code OK: there is an answer */
	int pidfd;              /* -1: not to be waited for */
};

/* ---- what is asked ---- */

static bool take_flag(struct request *r, int letter, const char *value)
{
	switch (letter) {
	case 'n':
		return r->no_mtab = true;
	case 'l':
		return r->lazy = true;
	case 'f':
		return r->force = true;
	case 'v':
		return r->verbose = true;
	case 'r':
		return r->read_only = true;
	case 't': /* the type, which brought us here */
		return true;
	case 'N':
		r->namespace = value;
		return true;
	case 1:
		if (r->mountpoint)
			return false;
		r->mountpoint = value;
		return true;
	default:
		return false;
	}
}

static bool take_words(struct request *r, int argc, char **argv)
{
	int letter;

	opterr = 0;
	while ((letter = getopt(argc, argv, FLAGS)) != -1)
		if (!take_flag(r, letter, optarg))
			return false;
	if (optind < argc && !r->mountpoint) /* behind "--" */
		r->mountpoint = argv[optind++];
	return r->mountpoint && optind == argc;
}

/* ---- the commit ---- */

/* A number in another pid namespace is somebody else, and a daemon in another mount namespace goes
 * on: its mount is not this one alone. */
static int watch(const struct verb_identity *d)
{
	uint64_t started;
	int fd;

	if (d->pid_namespace == 0 || d->pid_namespace != process_namespace("pid") ||
	    d->mount_namespace != process_namespace("mnt"))
		return -1;
	fd = pidfd_open((pid_t)d->pid, 0);
	if (fd >= 0 && process_started((pid_t)d->pid, &started) && started != d->started)
		closep(&fd), fd = -1;
	return fd;
}

/* How long it may take to commit. */
static int64_t patience(const struct verb_identity *d)
{
	bool makes_sense = d->commit_ms >= 0 && d->commit_ms <= MOST_MS;

	return (makes_sense ? d->commit_ms : MOST_MS) + GRACE_MS;
}

/* It is watched before it is asked to commit, so that whom it answers has the right one. */
static void commit(const struct mounted *m, struct committed *c)
{
	int64_t deadline = clock_in(IDENTITY_MS);

	c->answer.leaving = 1;
	if (asking_ioctl(m, VERB_IDENTITY, &c->daemon, sizeof(c->daemon), deadline, &c->unknown))
		return;
	c->pidfd = watch(&c->daemon);
	deadline = clock_in(patience(&c->daemon));
	asking_ioctl(m, VERB_COMMIT, &c->answer, sizeof(c->answer), deadline, &c->unknown);
}

/* ---- unmounting ---- */

static void be_quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDERR_FILENO);
}

static int run(char *const *words, bool quiet)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (quiet)
			be_quiet();
		execvp(words[0], words);
		log_error("cannot run %s: %s", words[0], strerror(errno));
		_exit(STATUS_SYSTEM);
	}
	if (child < 0) {
		log_error("cannot fork: %s", strerror(errno));
		return STATUS_SYSTEM;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SYSTEM;
}

/* Others may have waited in the mount for the same commit, and be on their way out. */
static int persist(char *const *words)
{
	for (int i = 0; i < QUIET_TRIES; i++) {
		if (run(words, true) == 0)
			return 0;
		poll(NULL, 0, PAUSE_MS);
	}
	return run(words, false);
}

/* umount(8) unmounts what a user has mounted through FUSE for that user, if it is set-user-ID; but
 * it need not be. fusermount3 is wherever that user could mount. */
static int unmount(const struct request *r, const char *target)
{
	const char *words[MOST_WORDS];
	int count = 0;

	if (r->command && geteuid() != 0 && !r->force) {
		words[count++] = "fusermount3";
		words[count++] = "-u";
		if (r->lazy)
			words[count++] = "-z";
	} else {
		words[count++] = "umount";
		words[count++] = "-i"; /* or it would run this very program */
		if (r->no_mtab)
			words[count++] = "-n";
		if (r->lazy)
			words[count++] = "-l";
		if (r->force)
			words[count++] = "-f";
		if (r->verbose)
			words[count++] = "-v";
		if (r->read_only)
			words[count++] = "-r";
	}
	words[count++] = "--";
	words[count++] = target;
	words[count] = NULL;
	return persist((char *const *)words);
}

/* ---- and afterwards ---- */

/* Why it is still there, at its place: busy. The daemon was told that an unmount follows, and lets
 * nobody remove anything until it hears that there is none. NULL: it is not there any more. */
static const char *stays(const struct mounted *m, const struct committed *c, int status)
{
	CLEANUP(mounted_finish) struct mounted again;
	struct verb_stay answer;
	struct failure why;

	if (mounted_find(&again, m->target, &why) || again.major != m->major ||
	    again.minor != m->minor)
		return NULL;
	if (c->unknown.code == OK && asking_ioctl(&again, VERB_STAY, &answer, sizeof(answer),
					 clock_in(IDENTITY_MS), &why) == E_CLOSED)
		return "stays, but cut off from its daemon: umount -l takes it away";
	return status ? "stays mounted" : "stays mounted, read-only";
}

static void say_still_mounted(
    const struct mounted *m, const struct committed *c, const char *stays_how)
{
	struct failure why;

	if (c->unknown.code)
		log_error("%s %s; %s", m->target, stays_how, c->unknown.words);
	else if (verdict(&c->answer, &why))
		log_error("%s %s; %" PRIu64 " deleted on the server, and %s", m->target, stays_how,
		    c->answer.deleted, why.words);
	else
		log_error("%s %s; %" PRIu64 " deleted on the server", m->target, stays_how,
		    c->answer.deleted);
}

static bool ends_within(int pidfd, int64_t ms)
{
	struct pollfd p = {pidfd, POLLIN, 0};
	int64_t deadline = clock_in(ms);
	int ready;

	do
		ready = poll(&p, 1, clock_left(deadline));
	while (ready < 0 && errno == EINTR);
	return ready != 0;
}

/* It ends at once, unless it took so long to unmount that the daemon commits once more, or its
 * mount was copied into another namespace: then it serves those there for as long as they like. */
static void wait_for_end(const struct mounted *m, const struct committed *c)
{
	pid_t holder;

	if (c->pidfd < 0 || ends_within(c->pidfd, AT_ONCE_MS))
		return;
	holder = mounted_holder(m);
	if (holder > 0)
		log_warning("process %" PRId64 " goes on: process %d still has the mount, in a "
			    "mount namespace of its own",
		    c->daemon.pid, (int)holder);
	else if (!ends_within(c->pidfd, patience(&c->daemon)))
		log_warning("process %" PRId64 " has not ended yet", c->daemon.pid);
}

static int say_unmounted(
    const struct request *r, const struct mounted *m, const struct committed *c)
{
	struct failure why;

	if (c->unknown.code) {
		log_error("unmounted, but whether deletions wait in the journal is not known: %s",
		    c->unknown.words);
		return STATUS_WAITING;
	}
	if (verdict(&c->answer, &why)) {
		log_error("unmounted, but %s", why.words);
		return STATUS_WAITING;
	}
	if (r->verbose)
		printf("%s: %" PRIu64 " deleted on the server\n", m->target, c->answer.deleted);
	return STATUS_DONE;
}

static int end(const struct request *r, struct mounted *m)
{
	CLEANUP(closep) int pidfd = -1;
	struct committed c = {.pidfd = -1};
	const char *how = NULL;
	int status;

	commit(m, &c);
	pidfd = c.pidfd;
	mounted_let_go(m);
	status = unmount(r, m->target);
	if (status || r->read_only)
		how = stays(m, &c, status);
	if (how)
		say_still_mounted(m, &c, how);
	if (how || status)
		return status;
	if (!r->lazy && !r->force && !mounted_elsewhere(m))
		wait_for_end(m, &c);
	return say_unmounted(r, m, &c);
}

/* ---- the two ways in ---- */

bool umount_is_helper(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strcmp(slash ? slash + 1 : name, HELPER_NAME) == 0;
}

enum error umount_dead(const char *target, struct failure *why)
{
	const struct request r = {.command = true, .lazy = true};

	if (unmount(&r, target))
		return failed(why, E_CONFIG,
		    "%s is a dead mount that cannot be taken away: umount -l %s, as whoever made "
		    "it",
		    target, target);
	return OK;
}

bool umount_has_helper(void)
{
	return access("/sbin/" HELPER_NAME, X_OK) == 0;
}

int umount_helper(int argc, char **argv)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1};
	struct request r = {.mountpoint = NULL};
	struct failure why;

	if (!take_words(&r, argc, argv)) {
		log_error("it is " HELPER_NAME " MOUNTPOINT [-nlfvr] [-t TYPE] [-N NAMESPACE]");
		return STATUS_USAGE;
	}
	if (r.namespace && process_enter_mounts(r.namespace, &why)) {
		log_error("%s", why.words);
		return STATUS_SYSTEM;
	}
	if (mounted_find(&m, r.mountpoint, &why))
		return unmount(&r, r.mountpoint); /* whatever it is, umount(8) knows what to say */
	return end(&r, &m);
}

int umount_command(int argc, char **argv)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1};
	struct request r = {.command = true};
	struct failure why;

	if (!take_words(&r, argc, argv) || r.namespace) {
		command_misused("umount");
		return STATUS_USAGE;
	}
	if (mounted_find(&m, r.mountpoint, &why)) {
		log_error("%s", why.words);
		return STATUS_USAGE;
	}
	return end(&r, &m) ? 1 : 0;
}
