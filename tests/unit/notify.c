/* A notification that does not return: somebody holds the directory's lock, as an fsync of it does
 * for as long as the store has not answered. Nobody else waits for it for ever. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "deeds.h"
#include "ioctls.h"

static struct world w;
static struct child holder;
static struct task *asked; /* what the holder waits for */

static const struct letter without_long[] = {
    {"b-cached", 5, "hello, world"},
    {"a-short", 100, NULL},
    {NULL},
    {"c-fixed", 7, "fixed\r\n", MESSAGE_FIXED},
};

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

/* ---- deeds ---- */

static int sync_it(struct world *x, const void *with)
{
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);

	return fsync(fd) == 0 ? 0 : errno;
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

/* Takes no lock of the directory's. */
static int ask_who_it_is(struct world *x, const void *with)
{
	struct verb_identity who;
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);

	return ioctl(fd, VERB_IDENTITY, &who) == 0 ? 0 : errno;
}

/* ---- */

/* It is through with all events. */
static void let_the_loop_hear(void)
{
	world_heard(&w);
	assert_int_equal(child_do(&w, ask_who_it_is, NULL), 0);
}

/* Some thread of ours waits in the kernel and hears no signal: for a lock. */
static bool waits_for_a_lock(void)
{
	DIR *threads = opendir("/proc/self/task");
	bool found = false;

	assert_non_null(threads);
	for (const struct dirent *d; !found && (d = readdir(threads));) {
		CLEANUP(freep) char *path = xasprintf("/proc/self/task/%s/stat", d->d_name);
		FILE *f = fopen(path, "r");
		char state = 0;

		if (f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1)
			found = state == 'D';
		if (f)
			fclose(f);
	}
	closedir(threads);
	return found;
}

/* The kernel knows all names; then the notice that one of them is gone waits for the lock. The loop
 * has put it by the time that it answers. */
static void hold_up_the_notify_thread(void)
{
	assert_int_equal(child_do(&w, look, NULL), 0);
	holder = child_start(&w, sync_it, NULL);
	asked = world_task(&w, TASK_SYNC);
	world_list(&w, without_long, COUNT(without_long));
	let_the_loop_hear();
	while (!waits_for_a_lock())
		usleep(1000);
}

static void let_it_go(void)
{
	struct event *e = world_event(EVENT_SYNCED, 0, OK);

	e->cookie = asked->cookie;
	task_free(asked);
	world_put(&w, e);
	assert_int_equal(child_end(&holder), 0);
}

static void an_open_that_waits_for_it_can_be_interrupted(void **state)
{
	static const struct text whole = {"a-short", "all of it"};
	struct child c;

	hold_up_the_notify_thread();
	c = child_start(&w, open_interruptibly, "a-short");
	answer_fetch(&w, SHORT, whole.body);
	let_the_loop_hear();
	kill(c.pid, SIGUSR1);
	assert_int_equal(child_end(&c), EINTR);
	let_it_go();
	assert_int_equal(child_do(&w, read_it, &whole), 0);
	assert_int_equal(child_do(&w, wait_until_gone, "d-long"), ENOENT);
}

static void an_open_waits_for_it_and_no_longer(void **state)
{
	struct child c;

	hold_up_the_notify_thread();
	c = child_start(&w, open_it, "a-short");
	answer_fetch(&w, SHORT, "all of it");
	let_the_loop_hear();
	let_it_go();
	assert_int_equal(child_end(&c), 0);
}

static void listings_that_came_meanwhile_are_not_kept(void **state)
{
	struct listing *between;

	hold_up_the_notify_thread();
	world_list(&w, four, COUNT(four));
	between = listing_hold(w.listing);
	world_list(&w, (struct letter[]){four[0], {NULL}, four[2], four[3]}, 4);
	world_list(&w, (struct letter[]){{NULL}, four[1], {NULL}, four[3]}, 4);
	let_the_loop_hear();
	assert_int_equal(atomic_load(&between->holders), 1);
	listing_drop(between);
	let_it_go();
	assert_int_equal(child_do(&w, wait_until_gone, "d-long"), ENOENT);
	assert_int_equal(child_do(&w, wait_until_gone, "b-cached"), ENOENT);
	assert_int_equal(child_do(&w, list, "a-short c-fixed "), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_open_that_waits_for_it_can_be_interrupted),
	    TEST(an_open_waits_for_it_and_no_longer),
	    TEST(listings_that_came_meanwhile_are_not_kept),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
