#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "handover.h"
#include "lock.h"

#define LONG_MS 600000 /* nobody waits for this */

static char folder[] = "/tmp/pop3fs-handover-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/lock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return unlink(path) || rmdir(folder);
}

struct heard {
	int holder; /* ends when somebody waits for it; -1: it never does */
	unsigned times;
	char words[512];
};

static void hear(void *with, const char *words)
{
	struct heard *h = with;

	h->times++;
	snprintf(h->words, sizeof(h->words), "%s", words);
	closep(&h->holder);
	h->holder = -1;
}

static enum error take_over(int *fd, int64_t wait_ms, struct heard *h, struct failure *why)
{
	const struct handover plan = {
	    .lock = path, .mountpoint = "/new", .wait_ms = wait_ms, .notice = hear, .with = h};

	return handover_take(fd, &plan, why);
}

static int hold(enum lock_stage stage)
{
	int fd;

	assert_int_equal(lock_take(&fd, path, "/mnt/old one", NULL, NULL), OK);
	lock_say(fd, stage, "/mnt/old one");
	return fd;
}

static void what_nobody_holds_is_had_at_once(void **state)
{
	struct heard h = {.holder = -1};
	int fd = -1;

	assert_int_equal(take_over(&fd, LONG_MS, &h, NULL), OK);
	assert_true(fd >= 0);
	assert_int_equal(h.times, 0);
	close(fd);
}

static void one_that_ends_is_waited_for_and_this_is_said_once(void **state)
{
	struct heard h = {.holder = hold(LOCK_ENDING)};
	char want[512];
	int fd = -1;

	snprintf(want, sizeof(want),
	    "waiting for pid %d, which commits the deletions of /mnt/old one", getpid());
	assert_int_equal(take_over(&fd, LONG_MS, &h, NULL), OK);
	assert_int_equal(h.times, 1);
	assert_string_equal(h.words, want);
	close(fd);
}

static void one_that_does_not_end_in_time_is_named(void **state)
{
	int holder = hold(LOCK_ENDING), fd = -1;
	struct heard h = {.holder = -1};
	struct failure why;
	char want[512];

	snprintf(want, sizeof(want),
	    "pid %d, which commits the deletions of /mnt/old one, has not ended within 0 s",
	    getpid());
	assert_int_equal(take_over(&fd, 1, &h, &why), E_HELD);
	assert_string_equal(why.words, want);
	assert_int_equal(h.times, 1);
	assert_int_equal(fd, -1);
	close(holder);
}

static void one_that_begins_is_not_waited_for(void **state)
{
	int holder = hold(LOCK_BEGINNING), fd = -1;
	struct heard h = {.holder = -1};
	struct failure why;

	assert_int_equal(take_over(&fd, LONG_MS, &h, &why), E_HELD);
	assert_non_null(strstr(why.words, "is just mounting this account on /mnt/old one"));
	assert_int_equal(h.times, 0);
	close(holder);
}

/* Nor one whose mount is nowhere to be seen, for longer than it takes to notice that. */
static void one_that_goes_on_without_a_mount_is_refused(void **state)
{
	int holder = hold(LOCK_MOUNTED), fd = -1;
	struct heard h = {.holder = -1};
	struct failure why;

	assert_int_equal(take_over(&fd, LONG_MS, &h, &why), E_HELD);
	assert_non_null(strstr(why.words, "mounted on /mnt/old one, out of sight"));
	assert_int_equal(h.times, 0);
	close(holder);
}

static void a_signal_ends_the_wait(void **state)
{
	int holder = hold(LOCK_ENDING), fd = -1;
	struct heard h = {.holder = -1};

	raise(SIGTERM);
	assert_int_equal(take_over(&fd, LONG_MS, &h, NULL), E_INTERRUPT);
	assert_int_equal(fd, -1);
	close(holder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_nobody_holds_is_had_at_once),
	    cmocka_unit_test(one_that_ends_is_waited_for_and_this_is_said_once),
	    cmocka_unit_test(one_that_does_not_end_in_time_is_named),
	    cmocka_unit_test(one_that_begins_is_not_waited_for),
	    cmocka_unit_test(one_that_goes_on_without_a_mount_is_refused),
	    cmocka_unit_test(a_signal_ends_the_wait),
	};

	return cmocka_run_group_tests_name("handover", tests, make_folder, remove_folder);
}
