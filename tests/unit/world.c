#include "world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "bodies.h"
#include "clock.h"
#include "mount.h"

#define LONGEST_WAIT_MS 60000 /* then the test has failed */

/* ---- making one ---- */

bool world_can_mount(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0 || geteuid() != 0) {
		print_message("not run: needs root and /dev/fuse\n");
		closep(&fd);
		return false;
	}
	close(fd);
	return true;
}

static enum error make_mount(void *with, int *fd, struct failure *why)
{
	CLEANUP(buf_finish) struct buf options = {.len = 0};
	struct world *w = with;

	mount_options(&options, &w->plan);
	return mount_make(fd, buf_text(&options), w->mountpoint, why);
}

static void detach(void *with)
{
	struct world *w = with;

	umount2(w->mountpoint, MNT_DETACH);
	(void)!write(w->detached[1], "x", 1);
}

static void ending(void *with)
{
	struct world *w = with;

	w->ended++;
}

static void progress(void *with, const char *words)
{
}

static void notice(void *with, const char *words)
{
	struct world *w = with;

	snprintf(w->notice, sizeof(w->notice), "%s", words);
}

static void ready(void *with)
{
	struct world *w = with;

	(void)!write(w->ready[1], "x", 1);
}

static uint64_t fact(const struct letter *l)
{
	uint64_t size = l->body ? strlen(l->body) : l->listed;
	unsigned flags = l->flags | (l->body ? MESSAGE_TRUE_SIZE | MESSAGE_CACHED : 0);

	return size << 8 | flags;
}

struct listing *world_listing(const struct letter *letters, size_t count)
{
	size_t there = 0, names = 0, at = 0, i = 0;
	struct listing *l;

	for (size_t k = 0; k < count; k++)
		if (letters[k].name) {
			there++;
			names += strlen(letters[k].name) + 1;
		}
	l = listing_create(there, names);
	for (size_t k = 0; k < count; k++) {
		struct message *m = &l->messages[i];

		if (!letters[k].name)
			continue;
		m->id = WORLD_FIRST_ID + (int64_t)k;
		m->received = 1000000 + (int64_t)k;
		m->seen = 2000000;
		atomic_store(&m->fact, fact(&letters[k]));
		m->name = (uint32_t)at;
		m->name_len = (uint32_t)strlen(letters[k].name);
		memcpy(l->names + at, letters[k].name, m->name_len + 1);
		at += m->name_len + 1;
		i++;
	}
	l->changed = 3000000;
	listing_sort_names(l);
	return l;
}

static void make_rows(struct world *w, const struct letter *letters, size_t count)
{
	struct failure why;

	assert_int_equal(store_begin(w->store, &why), OK);
	for (size_t i = 0; i < count; i++) {
		sqlite3_stmt *q = store_statement(w->store,
		    "INSERT INTO message(id, uidl, ordinal, listed, received, seen, used) "
		    "VALUES(?1, CAST(?2 AS BLOB), 1, ?3, ?4, 2000000, 0)",
		    &why);

		assert_non_null(q);
		sqlite3_bind_int64(q, 1, WORLD_FIRST_ID + (int64_t)i);
		sqlite3_bind_text(q, 2, letters[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(q, 3, (int64_t)letters[i].listed);
		sqlite3_bind_int64(q, 4, 1000000 + (int64_t)i);
		assert_int_equal(sqlite3_step(q), SQLITE_DONE);
		sqlite3_reset(q);
	}
	assert_int_equal(store_commit(w->store, false, &why), OK);
	for (size_t i = 0; i < count; i++)
		if (letters[i].body)
			world_store(w, WORLD_FIRST_ID + (int64_t)i, letters[i].body, false);
}

static void *run(void *with)
{
	struct world *w = with;

	fs_ask_first_listing(&w->queues);
	w->code = fs_create(&w->fs, &w->plan, &w->queues, &w->why);
	if (w->code == OK)
		w->code = fs_first_listing(w->fs, &w->why);
	if (w->code == OK)
		w->code = fs_mount(w->fs, &w->why);
	if (w->code == OK)
		w->code = fs_run(w->fs, ready, w, &w->result, &w->why);
	else
		print_message("%s\n", w->why.words);
	(void)!write(w->ready[1], "y", 1); /* wakes who waits for "x" in vain */
	return NULL;
}

static void read_octet(int fd, char want)
{
	char got = 0;

	assert_int_equal(read(fd, &got, 1), 1);
	assert_int_equal(got, want);
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* One that came too late for this world must not end the next. */
static void forget_signals(void)
{
	const struct timespec at_once = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	while (sigtimedwait(&set, NULL, &at_once) > 0)
		continue;
}

static void make_plan(struct world *w, void (*change)(struct fs_plan *))
{
	strcpy(w->place, "/tmp/pop3fs-test-XXXXXX");
	assert_non_null(mkdtemp(w->place));
	snprintf(w->mountpoint, sizeof(w->mountpoint), "%s/mnt", w->place);
	snprintf(w->database, sizeof(w->database), "%s/db", w->place);
	assert_int_equal(mkdir(w->mountpoint, 0700), 0);
	w->plan = (struct fs_plan){
	    .mountpoint = w->mountpoint,
	    .source = "me,too@example.org",
	    .account = "me,too@example.org",
	    .store = w->database,
	    .fuse_options = "",
	    .uid = 12,
	    .gid = 34,
	    .umask = 077,
	    .commit_ms = LONGEST_WAIT_MS,
	    .refresh_s = 100000,
	    .pushed = UINT64_C(32) << 20,
	    .sandbox = "none",
	    .mount = make_mount,
	    .detach = detach,
	    .ending = ending,
	    .notice = notice,
	    .progress = progress,
	    .with = w,
	};
	if (change)
		change(&w->plan);
}

void world_start(
    struct world *w, const struct letter *letters, size_t count, void (*change)(struct fs_plan *))
{
	struct failure why;
	struct job *j;

	*w = (struct world){0};
	block_signals();
	make_plan(w, change);
	assert_int_equal(pipe2(w->ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(w->detached, O_CLOEXEC), 0);
	assert_true(queue_init(&w->queues.jobs));
	assert_true(queue_init(&w->queues.tasks));
	assert_true(queue_init(&w->queues.events));
	assert_int_equal(store_open(&w->store, w->database, &why), OK);
	make_rows(w, letters, count);
	assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	w->running = true;
	j = world_job(w, JOB_REFRESH);
	assert_true(j->waited_for);
	job_free(j);
	world_list(w, letters, count);
	read_octet(w->ready[0], 'x');
}

/* ---- ending one ---- */

void world_join(struct world *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	w->running = false;
}

static void remove_place(struct world *w)
{
	char path[128];
	static const char *const rest[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", w->database, rest[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(w->mountpoint), 0);
	assert_int_equal(rmdir(w->place), 0);
}

static void free_queues(struct world *w)
{
	struct queue_item *item;

	while ((item = queue_take(&w->queues.jobs)))
		job_free((struct job *)item);
	while ((item = queue_take(&w->queues.tasks)))
		task_free((struct task *)item);
	while ((item = queue_take(&w->queues.events)))
		event_free((struct event *)item);
	queue_finish(&w->queues.jobs);
	queue_finish(&w->queues.tasks);
	queue_finish(&w->queues.events);
}

void world_finish(struct world *w)
{
	if (w->running) {
		world_put(w, world_event(EVENT_COMMITTED, 0, OK));
		kill(getpid(), SIGTERM);
		world_join(w);
	}
	forget_signals();
	fs_free(w->fs);
	listing_drop(w->listing);
	store_close(w->store);
	free_queues(w);
	for (int i = 0; i < 2; i++) {
		close(w->ready[i]);
		close(w->detached[i]);
	}
	remove_place(w);
}

/* ---- the other threads' parts ---- */

static struct queue_item *next(struct queue *q)
{
	assert_true(queue_wait(q, clock_in(LONGEST_WAIT_MS)));
	return queue_take(q);
}

struct job *world_job(struct world *w, enum job_kind kind)
{
	struct job *j = (struct job *)next(&w->queues.jobs);

	assert_int_equal(j->kind, kind);
	return j;
}

struct task *world_task(struct world *w, enum task_kind kind)
{
	struct task *t = (struct task *)next(&w->queues.tasks);

	while (t->kind == TASK_USED && kind != TASK_USED) {
		task_free(t);
		t = (struct task *)next(&w->queues.tasks);
	}
	assert_int_equal(t->kind, kind);
	return t;
}

bool world_idle(struct world *w)
{
	struct task *t;

	while ((t = (struct task *)queue_take(&w->queues.tasks))) {
		bool used = t->kind == TASK_USED;

		task_free(t);
		if (!used)
			return false;
	}
	return !queue_wait(&w->queues.jobs, 0);
}

struct event *world_event(enum event_kind kind, int64_t id, enum error code)
{
	struct event *e = event_create(kind);

	e->id = id;
	e->final = kind == EVENT_COMMITTED;
	if (code != OK)
		failed(&e->failure, code, "%s", error_words(code));
	return e;
}

void world_put(struct world *w, struct event *e)
{
	queue_put(&w->queues.events, &e->item);
}

void world_heard(struct world *w)
{
	int64_t deadline = clock_in(LONGEST_WAIT_MS);

	while (queue_wait(&w->queues.events, 0)) {
		assert_true(clock_ms() < deadline);
		usleep(1000);
	}
}

void world_store(struct world *w, int64_t id, const char *body, bool tell)
{
	struct body b = {.size = strlen(body)};
	struct failure why;
	size_t done = 0;

	assert_int_equal(store_begin(w->store, &why), OK);
	while (done < b.size) {
		size_t len = b.size - done < CHUNK_OCTETS ? b.size - done : CHUNK_OCTETS;

		assert_int_equal(
		    bodies_add(w->store, id, b.chunks, slice_make(body + done, len), 0, &why), OK);
		done += len;
		b.chunks++;
	}
	assert_int_equal(bodies_complete(w->store, id, &b, &why), OK);
	assert_int_equal(store_commit(w->store, false, &why), OK);
	if (w->listing && listing_by_id(w->listing, id))
		message_set_body(w->listing, listing_by_id(w->listing, id), b.size, 0, 0, true);
	if (!tell)
		return;
	world_put(w, world_event(EVENT_FETCHED, id, OK));
	world_heard(w);
}

void world_list(struct world *w, const struct letter *letters, size_t count)
{
	struct event *e = event_create(EVENT_LISTED);

	listing_drop(w->listing);
	w->listing = world_listing(letters, count);
	e->fresh = true;
	e->listing = listing_hold(w->listing);
	world_put(w, e);
	world_heard(w);
}

const char *world_path(const struct world *w, const char *name)
{
	static _Thread_local char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->mountpoint, name);
	return path;
}
