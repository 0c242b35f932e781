/* Real mounts (see mounted.c): the ways in which one ends, and those in which one never begins. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "standing.h"

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
	struct statvfs fs;

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
	while (fstatvfs(root, &fs) == 0) /* until it has ended */
		usleep(1000);
	/* the second, if it was on its way */
	return errno == ENOTCONN || errno == ECONNABORTED ? 0 : WRONG + 4;
}

static void a_signal_commits_while_the_loop_goes_on_answering(void **state)
{
	struct child c = child_start(&w, live_through_the_end, NULL);
	struct child parked = child_start(&w, open_it, "a-short");

	answer_fetch(&w, SHORT, NULL);
	child_heard(&c);
	kill(getpid(), SIGTERM);
	await_commit();
	child_heard(&c);
	assert_false(mounted());
	answer_commit(3);
	world_join(&w);
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.deleted, 3);
	assert_int_equal(w.ended, 1);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_end(&parked), ENODEV);
}

static void a_mount_taken_away_commits_by_itself(void **state)
{
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	await_commit();
	assert_int_equal(w.ended, 1); /* before */
	answer_commit(2);
	world_join(&w);
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.deleted, 2);
}

static void a_second_signal_ends_at_once(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	answer_unlink(&w, SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	kill(getpid(), SIGTERM);
	await_commit();
	kill(getpid(), SIGINT);
	world_join(&w);
	assert_int_equal(w.code, E_INTERRUPT);
	assert_int_equal(w.result.waiting, 1);
	assert_false(mounted());
}

static void a_hangup_means_nothing_to_a_daemon(void **state)
{
	struct child c = child_start(&w, remove_it, "a-short");

	kill(getpid(), SIGHUP);
	answer_unlink(&w, SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	assert_true(mounted());
	assert_true(world_idle(&w));
}

static void hanging_up(struct fs_plan *p)
{
	p->hangup = true;
}

static int setup_in_the_foreground(void **state)
{
	signal(SIGHUP, SIG_DFL); /* the worlds before this ignore it */
	world_start(&w, four, COUNT(four), hanging_up);
	return 0;
}

static int setup_with_nohup(void **state)
{
	signal(SIGHUP, SIG_IGN);
	world_start(&w, four, COUNT(four), hanging_up);
	return 0;
}

/* A terminal and its shell send one each. */
static void a_hangup_commits_in_the_foreground_and_is_no_second_signal(void **state)
{
	kill(getpid(), SIGHUP);
	await_commit();
	kill(getpid(), SIGHUP);
	answer_commit(4);
	world_join(&w);
	assert_false(mounted());
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.deleted, 4);
}

/* Nor is the SIGTERM of whoever ends a session whose terminal has gone. */
static void a_signal_behind_a_hangup_is_the_first(void **state)
{
	kill(getpid(), SIGHUP);
	await_commit();
	kill(getpid(), SIGTERM);
	answer_commit(4);
	world_join(&w);
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.deleted, 4);
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
	    TEST(a_signal_commits_while_the_loop_goes_on_answering, setup),
	    TEST(a_mount_taken_away_commits_by_itself, setup),
	    TEST(a_second_signal_ends_at_once, setup),
	    TEST(a_hangup_means_nothing_to_a_daemon, setup),
	    TEST(a_hangup_commits_in_the_foreground_and_is_no_second_signal,
		setup_in_the_foreground),
	    TEST(a_signal_behind_a_hangup_is_the_first, setup_in_the_foreground),
	    TEST(a_hangup_means_nothing_to_a_daemon, setup_with_nohup),
	    TEST(a_commit_that_is_never_answered_ends_in_time, setup_hurried),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("ended", tests, NULL, NULL);
}
