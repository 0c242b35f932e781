/* The loop: one thread in poll over {FUSE, the events of the other threads, signals}. Requests are
 * answered from memory, or parked and answered late; nothing here waits for anything else.
 *
 * The end has three ways in:
 *   - a signal: the mount is detached and the final commit asked for, and the loop goes on
 *     answering whoever still has a file open until the commit is done or out of time;
 *   - the mount is taken away from outside: nobody is left to answer, the commit runs alone;
 *   - a second signal: at once. The journal has what was not committed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "inside.h"
#include "log.h"
#include "mount.h"
#include "telling.h"

#define MOST_IN_ONE_GO  64   /* requests answered before the other descriptors are looked at */
#define UNSEEN_MS       1000 /* an unmount is heard of from the kernel before that */
#define COMMIT_GRACE_MS 2000 /* the session thread ends a late commit itself; then this passes */
#define NOTIFY_MS       2000 /* in which the notify thread ends, while we answer */

struct job *fs_fetch(int64_t id, bool urgent, bool again)
{
	struct job *j = job_create(JOB_FETCH);

	j->id = id;
	j->urgent = urgent;
	j->again = again;
	return j;
}

void fs_send_fetch(struct fs *f, int64_t id, bool urgent, bool again)
{
	queue_put(&f->queues->jobs, &fs_fetch(id, urgent, again)->item);
}

void fs_send_header(struct fs *f, int64_t id, bool urgent)
{
	struct job *j = job_create(JOB_HEADER);

	j->id = id;
	j->urgent = urgent;
	queue_put(&f->queues->jobs, &j->item);
}

void fs_send_task(struct fs *f, enum task_kind kind, int64_t id, uint64_t cookie)
{
	struct task *t = task_create(kind);

	t->id = id;
	t->cookie = cookie;
	queue_put(&f->queues->tasks, &t->item);
}

/* ---- making and unmaking ---- */

/* Whoever is started so that a hangup means nothing (nohup) keeps that. */
static bool hears_hangup(const struct fs *f)
{
	struct sigaction now;

	return f->plan.hangup && sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler != SIG_IGN;
}

/* The threads that run already must have the signals blocked; main sees to that. */
static enum error watch_signals(struct fs *f, struct failure *why)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (hears_hangup(f))
		sigaddset(&set, SIGHUP);
	else
		signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	f->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (f->signal_fd < 0)
		return failed(why, E_SYSTEM, "no descriptor is left: %s", strerror(errno));
	return OK;
}

static void fs_freep(struct fs **f)
{
	fs_free(*f);
}

enum error fs_create(
    struct fs **out, const struct fs_plan *plan, struct queues *queues, struct failure *why)
{
	CLEANUP(fs_freep) struct fs *f = xnew(struct fs);
	enum error code;

	f->plan = *plan;
	f->owner = (struct owner){plan->uid, plan->gid, plan->umask, plan->lf, plan->mtime_seen};
	f->queues = queues;
	f->signal_fd = -1;
	f->maildrop = maildrop_create();
	f->prefetch = prefetch_create(plan->prefetch, PREFETCH_UNCACHED);
	f->pushes = prefetch_create(plan->lf ? 0 : plan->pushed, PREFETCH_CACHED);
	waiting_init(&f->waiting);
	snapshots_init(&f->snapshots);
	verbs_init(&f->verbs, plan->commit_ms, plan->started);
	code = watch_signals(f, why);
	if (code == OK)
		code = reader_open(&f->reader, plan->store, why);
	if (code != OK)
		return code;
	reader_shelf(f->reader, queues->shelf);
	*out = take(&f);
	return OK;
}

/* The mount is gone or detached: cuts what is left of it. The notify thread has ended. */
static void disconnect(struct fs *f)
{
	notify_join(take(&f->notify));
	if (f->fuse)
		mount_close(take(&f->fuse));
}

/* The same, but it has not. */
static void leave(struct fs *f)
{
	log_warning("a notification to the kernel did not return; the mount ends without it");
	notify_leave(take(&f->notify));
	mount_leave(take(&f->fuse));
}

void fs_free(struct fs *f)
{
	if (!f)
		return;
	if (f->fuse) { /* mounted, but never run: the kernel has no process in here yet */
		f->plan.detach(f->plan.with);
		notify_end(f->notify);
		disconnect(f);
	}
	dir_close_all(f);
	usage_tell(&f->usage, &f->queues->tasks);
	usage_finish(&f->usage);
	happenings_finish(&f->happenings);
	snapshots_finish(&f->snapshots);
	verbs_finish(&f->verbs);
	filling_finish(f);
	mirror_finish(f);
	openless_finish(f);
	prefetch_free(f->prefetch);
	prefetch_free(f->pushes);
	maildrop_free(f->maildrop);
	reader_close(f->reader);
	closep(&f->signal_fd);
	buf_finish(&f->reply);
	free(f->request.mem);
	free(f->mending);
	free(f->state);
	free(f);
}

/* ---- waiting and answering ---- */

/* A terminal that goes sends SIGHUP, and so does its shell, and whoever ends the session sends it
 * before or behind SIGTERM: with none of them is it the second signal. */
static void take_signals(struct fs *f)
{
	struct signalfd_siginfo info;

	while (read(f->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			f->hung_up = true;
		else
			f->signals++;
	}
}

static bool is_told_to_end(const struct fs *f)
{
	return f->signals > 0 || f->hung_up;
}

/* Never seen; but a mount that nobody serves must not stay. */
static void broken(struct fs *f, int number)
{
	log_error("cannot read from the kernel: %s", strerror(number));
	fuse_session_exit(f->fuse);
	f->broken = true;
}

static void serve_requests(struct fs *f)
{
	for (int i = 0; i < MOST_IN_ONE_GO && !fuse_session_exited(f->fuse); i++) {
		int len = fuse_session_receive_buf(f->fuse, &f->request);

		if (len == -EINTR)
			continue;
		if (len == -EAGAIN)
			return;
		if (len < 0)
			broken(f, -len);
		if (len <= 0)
			return; /* 0: the mount is gone, and the session knows */
		fuse_session_process_buf(f->fuse, &f->request);
	}
}

static bool connected(const struct fs *f)
{
	return f->fuse && !fuse_session_exited(f->fuse);
}

/* It can be gone from here and not ended: another mount namespace has a copy, or (umount -l)
 * somebody a file open. Whoever unmounted it wants his deletions done now, not when the last one of
 * those leaves; unless he had them done before (pop3fs umount), and was told which were not. */
static void look_for_mount(struct fs *f)
{
	if (f->plan.lasts(f->plan.with))
		return;
	f->unseen = true;
	f->unseen_told = verbs_commit_stands(f);
	f->unseen_due = clock_in(UNSEEN_MS);
}

static int64_t unseen_due(const struct fs *f)
{
	return f->unseen && !f->ending ? f->unseen_due : CLOCK_NEVER;
}

static void commit_unseen(struct fs *f)
{
	size_t pending = maildrop_pending(f->maildrop);

	if (clock_ms() < unseen_due(f))
		return;
	f->unseen_due = CLOCK_NEVER;
	log_info("unmounted, but not gone: somebody has a file open there, or has the mount in "
		 "another mount namespace");
	if (pending > 0 && !f->plan.read_only && !f->unseen_told)
		verbs_commit(f);
}

/* One turn: waits until something happens, the deadline has passed, or `also` (-1: none) is
 * readable; then hears everybody. true: `also` was. */
static bool turn(struct fs *f, int also, int64_t deadline)
{
	struct pollfd p[] = {
	    {.fd = queue_fd(&f->queues->events), .events = POLLIN},
	    {.fd = f->signal_fd, .events = POLLIN},
	    {.fd = connected(f) ? fuse_session_fd(f->fuse) : -1, .events = POLLIN},
	    {.fd = also, .events = POLLIN},
	    {.fd = f->fuse && f->plan.lasts && !f->unseen ? f->plan.mounts : -1, .events = POLLPRI},
	};
	int ready;

	deadline = clock_sooner(deadline, waiting_due(&f->waiting));
	ready = poll(p, sizeof(p) / sizeof(p[0]), clock_left(deadline));
	waiting_expire(&f->waiting, clock_ms(), ETIMEDOUT);
	if (ready <= 0)
		return false;
	if (p[0].revents)
		events_take(f);
	if (p[1].revents)
		take_signals(f);
	if (p[2].revents)
		serve_requests(f);
	if (p[4].revents)
		look_for_mount(f);
	return p[3].revents != 0;
}

/* ---- the story ---- */

void fs_ask_first_listing(struct queues *queues)
{
	struct job *j = job_create(JOB_REFRESH);

	j->waited_for = true;
	queue_put(&queues->jobs, &j->item);
}

enum error fs_first_listing(struct fs *f, struct failure *why)
{
	f->listing = true;
	while (!f->listed && f->list_failure.code == OK && !is_told_to_end(f))
		turn(f, -1, CLOCK_NEVER);
	if (is_told_to_end(f))
		return failed(why, E_INTERRUPT, "interrupted before the first listing");
	if (!f->listed && !first_from_store(f))
		return failed(why, f->list_failure.code, "%s", f->list_failure.words);
	first_tell(f);
	mirror_begin(f);
	return OK;
}

static enum error serve(struct fs *f, int fd, struct failure *why)
{
	CLEANUP(buf_finish) struct buf options = {.len = 0};
	enum error code;

	mount_options(&options, &f->plan);
	code = mount_serve(&f->fuse, fd, buf_text(&options), &fs_operations, f, why);
	if (code == OK)
		code = notify_start(
		    &f->notify, f->fuse, f->plan.store, f->plan.suffix, f->queues, why);
	return code;
}

enum error fs_mount(struct fs *f, struct failure *why)
{
	int fd;
	enum error code = f->plan.mount(f->plan.with, &fd, why);

	if (code != OK)
		return code;
	code = serve(f, fd, why);
	if (code != OK) {
		f->plan.detach(f->plan.with);
		if (f->fuse)
			mount_close(take(&f->fuse));
	}
	return code;
}

static void send_commit(struct fs *f)
{
	struct job *j = job_create(JOB_COMMIT);

	j->final = true;
	queue_put(&f->queues->jobs, &j->item);
}

static void begin_end(struct fs *f, bool detach)
{
	f->ending = true;
	f->plan.ending(f->plan.with);
	f->end_by = clock_in(f->plan.commit_ms + COMMIT_GRACE_MS);
	if (verbs_have_committed(f))
		f->committed = true;
	else
		send_commit(f);
	if (detach)
		f->plan.detach(f->plan.with);
}

static bool over(const struct fs *f)
{
	if (f->signals > 1)
		return true;
	return f->ending && (f->committed || clock_ms() >= f->end_by);
}

static bool notify_ends(struct fs *f)
{
	int64_t deadline = clock_in(NOTIFY_MS);

	while (!turn(f, notify_fd(f->notify), deadline))
		if (clock_ms() >= deadline)
			return false;
	return true;
}

/* Nobody waits any more, and the notify thread gets its last answers, so that it can end. Where
 * they are not enough somebody holds a lock of the kernel's for longer; but the commit is done, and
 * the account must not stay locked. */
static void finish(struct fs *f)
{
	waiting_close(&f->waiting, ENODEV);
	notify_end(f->notify);
	if (notify_ends(f))
		disconnect(f);
	else
		leave(f);
}

static enum error outcome(struct fs *f, struct commit_result *result, struct failure *why)
{
	*result = f->commit;
	if (!f->committed) {
		result->waiting = maildrop_pending(f->maildrop);
		return failed(why, f->signals > 1 ? E_INTERRUPT : E_TIMEOUT,
		    "the commit at the end was not done in time");
	}
	if (f->commit_failure.code != OK) {
		if (result->waiting == 0) /* the journal itself could not be read */
			result->waiting = maildrop_pending(f->maildrop);
		return failed(why, f->commit_failure.code, "%s", f->commit_failure.words);
	}
	return OK;
}

enum error fs_run(struct fs *f, void (*ready)(void *with), void *with, struct commit_result *result,
    struct failure *why)
{
	bool said = false;

	while (!over(f)) {
		turn(f, -1, f->ending ? f->end_by : unseen_due(f));
		commit_unseen(f);
		if (f->greeted && !said) {
			said = true;
			ready(with);
			telling_all(f);
		}
		if (!f->ending && (is_told_to_end(f) || !connected(f)))
			begin_end(f, f->broken || connected(f));
	}
	finish(f);
	return outcome(f, result, why);
}
