/* Real mounts, real system calls; the session and the store are played by the test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY         700 /* more than one reply of readdir holds */

/* What a deed returns where the system did what the test did not expect. */
enum { WRONG = 200 };

static const struct letter four[] = {
    {"b-cached", 5, "hello, world"},
    {"a-short", 100, NULL}, /* LIST says too much */
    {"d-long", 4, NULL},    /* LIST says too little */
    {"c-fixed", 7, "fixed\r\n", MESSAGE_FIXED},
};
enum { CACHED = WORLD_FIRST_ID, SHORT, LONG, FIXED };

static struct world w;

static int setup(void **state)
{
	world_start(&w, four, COUNT(four), NULL);
	return 0;
}

static int teardown(void **state)
{
	world_finish(&w);
	return 0;
}

static void answer_fetch(int64_t id, const char *body)
{
	struct job *j = world_job(&w, JOB_FETCH);

	assert_int_equal(j->id, id);
	assert_true(j->urgent);
	job_free(j);
	if (body)
		world_store(&w, id, body, true);
}

static void answer_unlink(int64_t id, enum error code)
{
	struct task *t = world_task(&w, TASK_UNLINK);

	assert_int_equal(t->id, id);
	task_free(t);
	world_put(&w, world_event(EVENT_UNLINKED, id, code));
}

/* ---- deeds ---- */

static int list(struct world *x, const void *want)
{
	DIR *d = opendir(x->mountpoint);
	struct dirent *e;
	char names[256] = "";

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' || strlen(e->d_name) > 2) {
			strncat(names, e->d_name, sizeof(names) - strlen(names) - 1);
			strncat(names, " ", sizeof(names) - strlen(names) - 1);
			if (e->d_type != DT_REG || e->d_ino < (ino_t)WORLD_FIRST_ID << 3)
				return WRONG;
		}
	return strcmp(names, want) == 0 ? 0 : WRONG + 1;
}

static int size_is(struct world *x, const char *name, off_t size)
{
	struct stat st;

	if (stat(world_path(x, name), &st) != 0)
		return errno;
	return st.st_size == size && st.st_mode == (S_IFREG | 0400) && st.st_uid == 12 &&
		       st.st_gid == 34 && st.st_nlink == 1
		   ? 0
		   : WRONG;
}

/* All that needs no message. */
static int look(struct world *x, const void *with)
{
	struct statvfs fs;
	int wrong = list(x, "b-cached a-short d-long c-fixed ");

	if (wrong || (wrong = size_is(x, "b-cached", 12)) || (wrong = size_is(x, "a-short", 100)))
		return wrong;
	if (statvfs(x->mountpoint, &fs) != 0)
		return errno;
	return fs.f_files == 4 && fs.f_blocks * fs.f_frsize == 512 ? 0 : WRONG + 2;
}

static int open_it(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);

	return fd < 0 ? errno : 0;
}

struct text {
	const char *name, *body;
};

static int read_it(struct world *x, const void *with)
{
	const struct text *want = with;
	int fd = open(world_path(x, want->name), O_RDONLY);
	static char got[400000];
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0 || st.st_size != (off_t)strlen(want->body))
		return WRONG;
	len = read(fd, got, sizeof(got));
	if (len < 0)
		return errno;
	if (len != st.st_size || memcmp(got, want->body, (size_t)len) != 0)
		return WRONG + 1;
	return size_is(x, want->name, st.st_size);
}

static void note(int number)
{
}

static int open_interruptibly(struct world *x, const void *name)
{
	struct sigaction a = {.sa_handler = note}; /* without SA_RESTART */

	sigaction(SIGUSR1, &a, NULL);
	return open_it(x, name);
}

static int remove_it(struct world *x, const void *name)
{
	return unlink(world_path(x, name)) == 0 ? 0 : errno;
}

static int stat_it(struct world *x, const void *name)
{
	struct stat st;

	return stat(world_path(x, name), &st) == 0 ? 0 : errno;
}

/* Its true size has come. */
static int wait_for_size(struct world *x, const void *with)
{
	const struct text *t = with;

	while (size_is(x, t->name, (off_t)strlen(t->body)) != 0)
		usleep(1000);
	return 0;
}

static int wait_until_gone(struct world *x, const void *name)
{
	while (stat_it(x, name) == 0)
		usleep(1000);
	return stat_it(x, name);
}

/* ---- looking and opening ---- */

static void everything_else_goes_on_while_opens_wait(void **state)
{
	static const struct text texts[] = {
	    {"a-short", "only this"}, {"d-long", "more than was listed"}};
	struct child readers[2];

	for (int i = 0; i < 2; i++) {
		readers[i] = child_start(&w, read_it, &texts[i]);
		answer_fetch(SHORT + i, NULL);
	}
	assert_int_equal(child_do(&w, look, NULL), 0);
	for (int i = 0; i < 2; i++)
		world_store(&w, SHORT + i, texts[i].body, true);
	for (int i = 0; i < 2; i++)
		assert_int_equal(child_end(&readers[i]), 0);
	assert_int_equal(child_do(&w, read_it, &texts[0]), 0);
	assert_true(world_idle(&w));
}

static void a_cached_message_is_read_without_asking_anybody(void **state)
{
	static const struct text hello = {"b-cached", "hello, world"};

	assert_int_equal(child_do(&w, read_it, &hello), 0);
	assert_true(world_idle(&w));
}

static void two_who_open_one_message_are_answered_by_one_fetch(void **state)
{
	struct text t = {"a-short", "both get it"};
	struct child one = child_start(&w, read_it, &t), two;

	answer_fetch(SHORT, NULL);
	two = child_start(&w, read_it, &t);
	world_store(&w, SHORT, t.body, true);
	assert_int_equal(child_end(&one), 0);
	assert_int_equal(child_end(&two), 0);
}

static void an_interrupted_open_ends_and_the_fetch_goes_on(void **state)
{
	static const struct text t = {"a-short", "came later"};
	struct child c = child_start(&w, open_interruptibly, "a-short");

	answer_fetch(SHORT, NULL);
	kill(c.pid, SIGUSR1);
	assert_int_equal(child_end(&c), EINTR);
	world_store(&w, SHORT, t.body, true);
	assert_int_equal(child_do(&w, wait_for_size, &t), 0);
	assert_int_equal(child_do(&w, read_it, &t), 0);
	assert_true(world_idle(&w));
}

static void a_killed_opener_is_gone_at_once(void **state)
{
	struct child c = child_start(&w, open_it, "a-short");

	answer_fetch(SHORT, NULL);
	kill(c.pid, SIGKILL);
	assert_int_equal(child_end(&c), -1);
	assert_int_equal(child_do(&w, look, NULL), 0);
}

static void a_fetch_that_fails_is_its_errno(void **state)
{
	static const struct {
		enum error code;
		int number;
	} cases[] = {
	    {E_TIMEOUT, ETIMEDOUT},
	    {E_NOROUTE, EHOSTUNREACH},
	    {E_OFFLINE, ENETDOWN},
	    {E_LOGIN, EACCES},
	    {E_LOCKED, EBUSY},
	    {E_REFUSED, EIO},
	    {E_FULL, ENOSPC},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct child c = child_start(&w, open_it, "a-short");

		answer_fetch(SHORT, NULL);
		world_put(&w, world_event(EVENT_FETCHED, SHORT, cases[i].code));
		assert_int_equal(child_end(&c), cases[i].number);
	}
}

static void one_that_vanished_before_the_open_is_not_there(void **state)
{
	struct letter now[COUNT(four)];
	struct child c = child_start(&w, open_it, "a-short");

	memcpy(now, four, sizeof(four));
	now[1].name = NULL;
	answer_fetch(SHORT, NULL);
	world_list(&w, now, COUNT(now));
	world_put(&w, world_event(EVENT_FETCHED, SHORT, E_VANISHED));
	assert_int_equal(child_end(&c), ENOENT);
	assert_int_equal(child_do(&w, list, "b-cached d-long c-fixed "), 0);
}

/* A body of several chunks, read past every boundary. */
static void a_large_body_is_whole(void **state)
{
	size_t len = 2 * CHUNK_OCTETS + 77;
	char *body = xmalloc(len + 1);
	struct text t = {"d-long", body};
	struct child c;

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + i % 23);
	body[len] = '\0';
	c = child_start(&w, read_it, &t);
	answer_fetch(LONG, body);
	assert_int_equal(child_end(&c), 0);
	free(body);
}

static int read_fails(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);
	char c;

	if (fd < 0)
		return WRONG;
	return read(fd, &c, 1) == 1 ? 0 : errno;
}

static void a_damaged_body_is_an_error_at_once_and_fetched_again(void **state)
{
	static const struct text t = {"b-cached", "hello again"};
	struct failure why;
	struct task *discard;
	struct job *fetch;

	assert_int_equal(
	    sqlite3_step(store_statement(w.store, "DELETE FROM chunk", &why)), SQLITE_DONE);
	assert_int_equal(child_do(&w, read_fails, "b-cached"), EIO);
	discard = world_task(&w, TASK_DISCARD);
	fetch = world_job(&w, JOB_FETCH);
	assert_int_equal(discard->id, CACHED);
	assert_int_equal(fetch->id, CACHED);
	assert_false(fetch->urgent);
	task_free(discard);
	job_free(fetch);
	assert_int_equal(child_do(&w, read_fails, "b-cached"), EIO);
	assert_true(world_idle(&w));
	message_set_uncached(w.listing, listing_by_id(w.listing, CACHED));
	world_store(&w, CACHED, t.body, true);
	assert_int_equal(child_do(&w, read_it, &t), 0);
}

/* ---- deleting ---- */

static void unlink_is_answered_when_it_is_in_the_log(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	answer_unlink(SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, stat_it, "a-short"), ENOENT);
	assert_int_equal(child_do(&w, remove_it, "a-short"), ENOENT);
	assert_int_equal(child_do(&w, list, "b-cached d-long c-fixed "), 0);
}

static void an_unlink_that_cannot_be_recorded_leaves_the_file(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	answer_unlink(SHORT, E_FULL);
	assert_int_equal(child_end(&c), ENOSPC);
	assert_int_equal(child_do(&w, look, NULL), 0);
}

static int read_on_after_unlink(struct world *x, const void *with)
{
	int fd = open(world_path(x, "b-cached"), O_RDONLY);
	char got[32];
	struct stat st;

	if (fd < 0 || unlink(world_path(x, "b-cached")) != 0)
		return WRONG;
	child_say();
	while (stat(world_path(x, "d-long"), &st) == 0) /* until the next listing */
		usleep(1000);
	if (fstat(fd, &st) != 0 || st.st_nlink != 0 || st.st_size != 12)
		return WRONG + 1;
	if (read(fd, got, sizeof(got)) != 12 || memcmp(got, "hello, world", 12) != 0)
		return WRONG + 2;
	return open("/proc/self/fd/5", O_RDONLY) < 0 && errno != ENOENT ? WRONG + 3 : 0;
}

static void an_open_file_is_read_on_when_unlinked_and_gone_from_the_server(void **state)
{
	struct child c = child_start(&w, read_on_after_unlink, NULL);

	answer_unlink(CACHED, OK);
	child_heard(&c);
	world_list(&w, (struct letter[]){{NULL}, four[1], {NULL}, four[3]}, 4);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, list, "a-short c-fixed "), 0);
}

static void what_vanished_leaves_the_kernel_too(void **state)
{
	assert_int_equal(child_do(&w, look, NULL), 0); /* so that the kernel knows them */
	world_list(&w, (struct letter[]){four[0], four[1], {NULL}, four[3]}, 4);
	assert_int_equal(child_do(&w, wait_until_gone, "d-long"), ENOENT);
	world_list(&w, four, COUNT(four));
	while (child_do(&w, stat_it, "d-long") != 0)
		continue;
	assert_int_equal(child_do(&w, look, NULL), 0);
}

static int sync_it(struct world *x, const void *with)
{
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);

	return fsync(fd) == 0 ? 0 : errno;
}

static void fsync_of_the_directory_waits_for_the_store(void **state)
{
	static const enum error codes[] = {OK, E_FULL};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct child c = child_start(&w, sync_it, NULL);
		struct task *t = world_task(&w, TASK_SYNC);
		struct event *e = world_event(EVENT_SYNCED, 0, codes[i]);

		e->cookie = t->cookie;
		task_free(t);
		world_put(&w, e);
		assert_int_equal(child_end(&c), error_errno(codes[i]));
	}
}

/* ---- nothing pretends to work ---- */

static int try_all(struct world *x, const void *with)
{
	int want = *(const int *)with;
	char other[512];
	struct {
		const char *name;
		int got;
	} all[16];
	size_t n = 0;

#define TRY(call) all[n++] = (__typeof__(all[0])){#call, (call) == -1 ? errno : 0}
	snprintf(other, sizeof(other), "%s", world_path(x, "new"));
	TRY(open(world_path(x, "b-cached"), O_WRONLY));
	TRY(open(world_path(x, "b-cached"), O_RDWR));
	TRY(open(world_path(x, "b-cached"), O_RDONLY | O_TRUNC));
	TRY(truncate(world_path(x, "b-cached"), 0));
	TRY(chmod(world_path(x, "b-cached"), 0600));
	TRY(open(world_path(x, "new"), O_CREAT | O_RDWR, 0600));
	TRY(mkdir(world_path(x, "new"), 0700));
	TRY(mknod(world_path(x, "new"), S_IFIFO | 0600, 0));
	TRY(symlink("x", world_path(x, "new")));
	TRY(rename(world_path(x, "b-cached"), other));
	TRY(link(world_path(x, "b-cached"), other));
	TRY(unlink(world_path(x, "c-fixed")));
	TRY(unlink(world_path(x, ".pop3fs/status")));
	TRY(rmdir(world_path(x, ".pop3fs")));
	snprintf(other, sizeof(other), "%s", world_path(x, ".pop3fs/b-cached"));
	TRY(rename(world_path(x, "b-cached"), other));
#undef TRY
	for (size_t i = 0; i < n; i++)
		if (all[i].got != want) {
			fprintf(stderr, "%s: %s\n", all[i].name, strerror(all[i].got));
			return WRONG;
		}
	return 0;
}

static void whatever_writes_is_refused(void **state)
{
	static const int want = EPERM;

	assert_int_equal(child_do(&w, try_all, &want), 0);
	assert_int_equal(child_do(&w, look, NULL), 0);
	assert_true(world_idle(&w));
}

static void read_only(struct fs_plan *p)
{
	p->read_only = true;
}

static int setup_read_only(void **state)
{
	world_start(&w, four, COUNT(four), read_only);
	return 0;
}

static void read_only_is_another_errno(void **state)
{
	static const int want = EROFS;

	assert_int_equal(child_do(&w, try_all, &want), 0);
	assert_true(world_idle(&w));
}

static int ask_access(struct world *x, const void *with)
{
	struct termios t;
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);

	if (access(world_path(x, "b-cached"), W_OK) != 0 || access(x->mountpoint, W_OK) != 0)
		return WRONG;
	return ioctl(fd, TCGETS, &t) == -1 ? errno : WRONG + 1;
}

static void rm_need_not_ask_and_a_terminal_it_is_not(void **state)
{
	assert_int_equal(child_do(&w, ask_access, NULL), ENOTTY);
}

/* ---- .pop3fs ---- */

static int read_status(struct world *x, const void *with)
{
	char got[4096] = "";
	int fd = open(world_path(x, ".pop3fs/status"), O_RDONLY);
	struct stat st;
	size_t len = 0;
	DIR *d;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
		return WRONG;
	while (len < sizeof(got) - 1 && read(fd, got + len, 1) == 1)
		len++;
	if ((off_t)len != st.st_size || got[len - 1] != '\n')
		return WRONG + 1;
	if (!strstr(got, "messages: 4\n") || !strstr(got, "user: me,too@example.org\n"))
		return WRONG + 2;
	d = opendir(world_path(x, ".pop3fs"));
	if (!d || !readdir(d) || !readdir(d) || strcmp(readdir(d)->d_name, "status") != 0)
		return WRONG + 3;
	return readdir(d) ? WRONG + 4 : 0;
}

static void status_answers_when_named_and_is_never_listed(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_do(&w, read_status, NULL), 0);
	assert_int_equal(child_do(&w, look, NULL), 0);
	assert_int_equal(child_do(&w, stat_it, ".pop3fs/other"), ENOENT);
}

static int find_in_mountinfo(struct world *x, const void *with)
{
	char line[1024], want[256];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	snprintf(want, sizeof(want), " %s ", x->mountpoint);
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, want))
			return strstr(line, " - fuse.pop3fs me,too@example.org ") &&
				       strstr(line, "nosuid,nodev")
				   ? 0
				   : WRONG;
	return WRONG + 1;
}

static void the_source_is_shown_as_it_was_written(void **state)
{
	assert_int_equal(child_do(&w, find_in_mountinfo, NULL), 0);
}

/* ---- reading a directory ---- */

static int delete_while_reading(struct world *x, const void *with)
{
	DIR *d = opendir(x->mountpoint);
	struct dirent *e;
	int deleted = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			if (unlink(world_path(x, e->d_name)) != 0)
				return WRONG;
			deleted++;
		}
	return deleted == MANY ? 0 : WRONG + 1;
}

static int seek_anywhere(struct world *x, const void *with)
{
	DIR *d = opendir(x->mountpoint);
	static long places[MANY + 2];
	static char names[MANY + 2][32];
	struct dirent *e;
	int count = 0;

	for (; count < MANY + 2; count++) {
		places[count] = telldir(d);
		if (!(e = readdir(d)))
			return WRONG;
		snprintf(names[count], sizeof(names[0]), "%.31s", e->d_name);
	}
	if (readdir(d))
		return WRONG + 1;
	for (int i = 0; i < count; i++) {
		int to = i * 389 % count; /* prime to it: each once, in no order */

		seekdir(d, places[to]);
		e = readdir(d);
		if (!e || strcmp(e->d_name, names[to]) != 0)
			return WRONG + 2;
	}
	return 0;
}

static int setup_many(void **state)
{
	static char names[MANY][32];
	static struct letter letters[MANY];

	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "message-%d", i);
		letters[i] = (struct letter){.name = names[i], .listed = 10};
	}
	world_start(&w, letters, MANY, NULL);
	return 0;
}

static void deleting_while_reading_skips_nothing(void **state)
{
	struct child c = child_start(&w, delete_while_reading, NULL);

	for (int i = 0; i < MANY; i++)
		answer_unlink(WORLD_FIRST_ID + i, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, list, ""), 0);
}

static void any_place_in_a_directory_can_be_sought(void **state)
{
	assert_int_equal(child_do(&w, seek_anywhere, NULL), 0);
}

/* ---- listing by itself ---- */

static void refresh_always(struct fs_plan *p)
{
	p->refresh_s = 0;
}

static int setup_refresh(void **state)
{
	world_start(&w, four, COUNT(four), refresh_always);
	return 0;
}

static void a_look_at_the_root_lists_again_but_not_while_somebody_waits(void **state)
{
	struct child c;
	struct job *j;

	assert_int_equal(child_do(&w, list, "b-cached a-short d-long c-fixed "), 0);
	j = world_job(&w, JOB_REFRESH);
	assert_false(j->waited_for);
	job_free(j);
	assert_int_equal(child_do(&w, list, "b-cached a-short d-long c-fixed "), 0);
	assert_true(world_idle(&w)); /* one is under way */
	c = child_start(&w, open_it, "a-short");
	answer_fetch(SHORT, NULL);
	world_put(&w, world_event(EVENT_NOT_LISTED, 0, E_OFFLINE));
	assert_int_equal(child_do(&w, list, "b-cached a-short d-long c-fixed "), 0);
	assert_true(world_idle(&w));
	world_store(&w, SHORT, "x", true);
	assert_int_equal(child_end(&c), 0);
	while (world_idle(&w))
		assert_int_equal(child_do(&w, stat_it, "nothing"), ENOENT);
	job_free(world_job(&w, JOB_REFRESH));
}

/* ---- the end ---- */

static void await_commit(void)
{
	struct job *j = world_job(&w, JOB_COMMIT);

	assert_true(j->final);
	job_free(j);
}

static void answer_commit(size_t deleted)
{
	struct event *e = world_event(EVENT_COMMITTED, 0, OK);

	e->commit.deleted = deleted;
	world_put(&w, e);
}

static bool mounted(void)
{
	return child_do(&w, find_in_mountinfo, NULL) == 0;
}

static int live_through_the_end(struct world *x, const void *with)
{
	int root = open(x->mountpoint, O_RDONLY | O_DIRECTORY);
	int fd = openat(root, "b-cached", O_RDONLY);
	char got[32];
	struct stat st;

	if (fd < 0)
		return WRONG;
	child_say();
	while (stat(world_path(x, "b-cached"), &st) == 0) /* until it is detached */
		usleep(1000);
	if (openat(root, "a-short", O_RDONLY) >= 0 || errno != ENODEV)
		return WRONG + 1;
	if (unlinkat(root, "d-long", 0) == 0 || errno != EROFS)
		return WRONG + 2;
	if (read(fd, got, sizeof(got)) != 12 || fstatat(root, "d-long", &st, 0) != 0)
		return WRONG + 3;
	child_say();
	while (fstatat(root, "a-short", &st, 0) == 0) /* until it has ended */
		usleep(1000);
	return errno == ENOTCONN ? 0 : WRONG + 4;
}

static void a_signal_commits_while_the_loop_goes_on_answering(void **state)
{
	struct child c = child_start(&w, live_through_the_end, NULL);
	struct child parked = child_start(&w, open_it, "a-short");

	answer_fetch(SHORT, NULL);
	child_heard(&c);
	kill(getpid(), SIGTERM);
	await_commit();
	child_heard(&c);
	assert_false(mounted());
	answer_commit(3);
	world_join(&w);
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.deleted, 3);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_end(&parked), ENODEV);
}

static void a_mount_taken_away_commits_by_itself(void **state)
{
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	await_commit();
	answer_commit(2);
	world_join(&w);
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.deleted, 2);
}

static void a_second_signal_ends_at_once(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	answer_unlink(SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	kill(getpid(), SIGTERM);
	await_commit();
	kill(getpid(), SIGINT);
	world_join(&w);
	assert_int_equal(w.code, E_INTERRUPT);
	assert_int_equal(w.result.waiting, 1);
	assert_false(mounted());
}

static void hurried(struct fs_plan *p)
{
	p->commit_ms = 1;
}

static int setup_hurried(void **state)
{
	world_start(&w, four, COUNT(four), hurried);
	return 0;
}

static void a_commit_that_is_never_answered_ends_in_time(void **state)
{
	kill(getpid(), SIGTERM);
	await_commit();
	world_join(&w);
	assert_int_equal(w.code, E_TIMEOUT);
	assert_false(mounted());
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(everything_else_goes_on_while_opens_wait, setup),
	    TEST(a_cached_message_is_read_without_asking_anybody, setup),
	    TEST(two_who_open_one_message_are_answered_by_one_fetch, setup),
	    TEST(an_interrupted_open_ends_and_the_fetch_goes_on, setup),
	    TEST(a_killed_opener_is_gone_at_once, setup),
	    TEST(a_fetch_that_fails_is_its_errno, setup),
	    TEST(one_that_vanished_before_the_open_is_not_there, setup),
	    TEST(a_large_body_is_whole, setup),
	    TEST(a_damaged_body_is_an_error_at_once_and_fetched_again, setup),
	    TEST(unlink_is_answered_when_it_is_in_the_log, setup),
	    TEST(an_unlink_that_cannot_be_recorded_leaves_the_file, setup),
	    TEST(an_open_file_is_read_on_when_unlinked_and_gone_from_the_server, setup),
	    TEST(what_vanished_leaves_the_kernel_too, setup),
	    TEST(fsync_of_the_directory_waits_for_the_store, setup),
	    TEST(whatever_writes_is_refused, setup),
	    TEST(rm_need_not_ask_and_a_terminal_it_is_not, setup),
	    TEST(status_answers_when_named_and_is_never_listed, setup),
	    TEST(the_source_is_shown_as_it_was_written, setup),
	    TEST(a_signal_commits_while_the_loop_goes_on_answering, setup),
	    TEST(a_mount_taken_away_commits_by_itself, setup),
	    TEST(a_second_signal_ends_at_once, setup),
	    TEST(read_only_is_another_errno, setup_read_only),
	    TEST(deleting_while_reading_skips_nothing, setup_many),
	    TEST(any_place_in_a_directory_can_be_sought, setup_many),
	    TEST(a_look_at_the_root_lists_again_but_not_while_somebody_waits, setup_refresh),
	    TEST(a_commit_that_is_never_answered_ends_in_time, setup_hurried),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("mounted", tests, NULL, NULL);
}
