/* Real mounts (see world.h): headers as files, and what holds what they are read from. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "deeds.h"
#include "pins.h"
#include "shelf.h"

#define OF_CACHED ".pop3fs/headers/b-cached"

static struct world w;

static void with_pins(struct fs_plan *p)
{
	w.queues.pins = pins_create();
}

static void run(const char *sql)
{
	assert_int_equal(sqlite3_exec(store_handle(w.store), sql, NULL, NULL, NULL), SQLITE_OK);
}

static int setup(void **state)
{
	world_start(&w, four, COUNT(four), with_pins);
	run("UPDATE message SET header_len = 5 WHERE chunks IS NOT NULL"); /* of "hello, world" */
	return 0;
}

static int teardown(void **state)
{
	struct pins *pins = w.queues.pins;

	world_finish(&w);
	pins_free(pins);
	return 0;
}

/* What it is read from leaves the cache just now: whoever opens it waits, and finds out. */
static void what_leaves_the_cache_is_opened_when_it_has_left(void **state)
{
	static const int64_t leaving[] = {CACHED, SHELF_HEADER(CACHED)};
	for (size_t i = 0; i < COUNT(leaving); i++) {
		struct child c;

		while (!pins_leave(w.queues.pins, leaving[i])) /* the one before lets go of it */
			usleep(1000);
		c = child_start(&w, open_it, OF_CACHED);
		child_await(&c, SYS_openat);
		assert_int_equal(child_do(&w, look, NULL), 0); /* it has been asked by now */
		world_put(&w, world_event(EVENT_EVICTED, leaving[i], OK));
		assert_int_equal(child_end(&c), 0);
	}
}

/* The body was held on the way: the store hears that it is held no more. */
static void what_leaves_does_not_keep_the_rest_where_room_is_wanted(void **state)
{
	struct child c;
	struct task *t;

	assert_true(pins_leave(w.queues.pins, SHELF_HEADER(CACHED)));
	pins_wanted(w.queues.pins);
	c = child_start(&w, open_it, OF_CACHED);
	t = world_task(&w, TASK_SPARE);
	assert_int_equal(t->id, CACHED);
	task_free(t);
	world_put(&w, world_event(EVENT_EVICTED, SHELF_HEADER(CACHED), OK));
	assert_int_equal(child_end(&c), 0);
}

static int read_when_told(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);
	char octet;

	if (fd < 0)
		return errno;
	child_say();
	while (access(world_path(x, "a-short"), F_OK) == 0)
		usleep(1000);
	return read(fd, &octet, 1) < 0 ? errno : WRONG;
}

/* Between open and read the body was damaged: it is fetched anew behind the error. */
static void a_header_that_cannot_be_read_any_more_is_an_error(void **state)
{
	struct child c = child_start(&w, read_when_told, OF_CACHED), remover;

	child_heard(&c);
	run("DELETE FROM chunk");
	remover = child_start(&w, remove_it, "a-short");
	answer_unlink(&w, SHORT, OK);
	assert_int_equal(child_end(&remover), 0);
	assert_int_equal(child_end(&c), EIO);
	task_free(world_task(&w, TASK_DAMAGED));
	job_free(world_job(&w, JOB_FETCH));
}

/* It was held for whoever waited; nobody does any more. */
static void a_body_that_came_for_nobody_is_spared_where_room_is_wanted(void **state)
{
	struct event *e = world_event(EVENT_FETCHED, SHORT, OK);
	struct task *t;

	assert_true(pins_hold(w.queues.pins, SHORT));
	pins_wanted(w.queues.pins);
	e->held = true;
	world_put(&w, e);
	t = world_task(&w, TASK_SPARE);
	assert_int_equal(t->id, SHORT);
	task_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_leaves_the_cache_is_opened_when_it_has_left, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_leaves_does_not_keep_the_rest_where_room_is_wanted, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_header_that_cannot_be_read_any_more_is_an_error, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_body_that_came_for_nobody_is_spared_where_room_is_wanted, setup, teardown),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
