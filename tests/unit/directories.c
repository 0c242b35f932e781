/* Real mounts (see mounted.c): directories, deleting, what is refused, .pop3fs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "standing.h"

#define MANY 700 /* more than one reply of readdir holds */

/* ---- deleting ---- */

static void unlink_is_answered_when_it_is_in_the_log(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	answer_unlink(&w, SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, stat_it, "a-short"), ENOENT);
	assert_int_equal(child_do(&w, remove_it, "a-short"), ENOENT);
	assert_int_equal(child_do(&w, list, "b-cached d-long c-fixed "), 0);
}

static void an_unlink_that_cannot_be_recorded_leaves_the_file(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	answer_unlink(&w, SHORT, E_FULL);
	assert_int_equal(child_end(&c), ENOSPC);
	assert_int_equal(child_do(&w, look, NULL), 0);
}

static int read_on_after_unlink(struct world *x, const void *with)
{
	int fd = open(world_path(x, "b-cached"), O_RDONLY);
	char got[32], again[32];
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
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	return open(again, O_RDONLY) < 0 ? errno : 0;
}

static void an_open_file_is_read_on_when_unlinked_and_gone_from_the_server(void **state)
{
	struct child c = child_start(&w, read_on_after_unlink, NULL);

	answer_unlink(&w, CACHED, OK);
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
		answer_unlink(&w, WORLD_FIRST_ID + i, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, list, ""), 0);
}

static void any_place_in_a_directory_can_be_sought(void **state)
{
	assert_int_equal(child_do(&w, seek_anywhere, NULL), 0);
}

/* Says when the directory is open, and reads it once the next listing is there. */
static int read_after_the_next_listing(struct world *x, const void *where)
{
	DIR *d = opendir(world_path(x, where));
	struct dirent *e;
	int left = 2;

	if (!d)
		return errno;
	child_say();
	wait_until_gone(x, "d-long");
	while ((e = readdir(d)))
		if (strcmp(e->d_name, "a-short") == 0 || strcmp(e->d_name, "c-fixed") == 0)
			left--;
		else if (e->d_name[0] != '.')
			return WRONG;
	return left == 0 ? 0 : WRONG + 1;
}

/* A commit that a listing has proved: the journal forgets what was unlinked, and with the listing
 * it is gone. Who opened the directory before must not see it come back. */
static void what_is_gone_is_not_shown_in_a_directory_that_was_open_before(void **state)
{
	static const char *const wheres[] = {"", ".pop3fs/headers"};
	struct child unlinker = child_start(&w, remove_it, "b-cached"), readers[COUNT(wheres)];

	answer_unlink(&w, CACHED, OK);
	assert_int_equal(child_end(&unlinker), 0);
	for (size_t i = 0; i < COUNT(wheres); i++) {
		readers[i] = child_start(&w, read_after_the_next_listing, wheres[i]);
		child_heard(&readers[i]);
	}
	world_put(&w, world_event(EVENT_INTENTIONS, 0, OK));
	world_list(&w, (struct letter[]){{NULL}, four[1], {NULL}, four[3]}, 4);
	for (size_t i = 0; i < COUNT(wheres); i++)
		assert_int_equal(child_end(&readers[i]), 0);
}

/* ---- .pop3fs ---- */

static int read_status(struct world *x, const void *with)
{
	static const char *const below[] = {"status", "deleted", "headers", "maildir"};
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
	if (!d || !readdir(d) || !readdir(d))
		return WRONG + 3;
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (strcmp(readdir(d)->d_name, below[i]) != 0)
			return WRONG + 4;
	return readdir(d) ? WRONG + 5 : 0;
}

static void status_answers_when_named_and_is_never_listed(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_do(&w, read_status, NULL), 0);
	assert_int_equal(child_do(&w, look, NULL), 0);
	assert_int_equal(child_do(&w, stat_it, ".pop3fs/other"), ENOENT);
}

static void the_source_is_shown_as_it_was_written(void **state)
{
	assert_int_equal(child_do(&w, find_in_mountinfo, NULL), 0);
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

static void a_look_at_the_root_lists_again_but_one_at_a_time(void **state)
{
	struct job *j;

	assert_int_equal(child_do(&w, list, ALL_FOUR), 0);
	j = world_job(&w, JOB_REFRESH);
	assert_false(j->waited_for);
	job_free(j);
	assert_int_equal(child_do(&w, list, ALL_FOUR), 0);
	assert_true(world_idle(&w)); /* one is under way */
	world_put(&w, world_event(EVENT_NOT_LISTED, 0, E_OFFLINE));
	while (world_idle(&w))
		assert_int_equal(child_do(&w, stat_it, "nothing"), ENOENT);
	job_free(world_job(&w, JOB_REFRESH));
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(unlink_is_answered_when_it_is_in_the_log, setup),
	    TEST(an_unlink_that_cannot_be_recorded_leaves_the_file, setup),
	    TEST(an_open_file_is_read_on_when_unlinked_and_gone_from_the_server, setup),
	    TEST(what_vanished_leaves_the_kernel_too, setup),
	    TEST(fsync_of_the_directory_waits_for_the_store, setup),
	    TEST(status_answers_when_named_and_is_never_listed, setup),
	    TEST(the_source_is_shown_as_it_was_written, setup),
	    TEST(deleting_while_reading_skips_nothing, setup_many),
	    TEST(any_place_in_a_directory_can_be_sought, setup_many),
	    TEST(what_is_gone_is_not_shown_in_a_directory_that_was_open_before, setup),
	    TEST(a_look_at_the_root_lists_again_but_one_at_a_time, setup_refresh),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("directories", tests, NULL, NULL);
}
