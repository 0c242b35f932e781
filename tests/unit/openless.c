/* Real mounts (see world.h) in the mode without open: what begins it, what still is asked for, and
 * what nobody may be shown in it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "bodies.h"
#include "deeds.h"
#include "pins.h"

static struct world w;

/* All that is listed is here, at first. */
static const struct letter here[] = {
    {"a", 5, "first"},
    {"b", 9, "second"}, /* LIST says too much */
    {"c", 5, "third"},
    {"d", 5, NULL}, /* to come */
    {"e", 6, NULL},
};
enum { A = WORLD_FIRST_ID, B, C, D, E };
#define ALL_THREE "a b c "

static void without(struct fs_plan *plan)
{
	plan->mirror = plan->openless = plan->default_permissions = true;
	plan->uid = plan->gid = 0;
}

static void with(struct fs_plan *plan)
{
	without(plan);
	plan->openless = false;
}

/* Five have rows, three are listed. */
static void begin(void (*change)(struct fs_plan *))
{
	world_start(&w, here, COUNT(here), change);
	job_free(world_job(&w, JOB_FETCH)); /* the mirror wants them */
	job_free(world_job(&w, JOB_FETCH));
	w.queues.pins = pins_create();
	world_list(&w, here, 3);
}

static int setup(void **state)
{
	begin(without);
	return 0;
}

static int setup_with_open(void **state)
{
	begin(with);
	return 0;
}

static int teardown(void **state)
{
	world_finish(&w);
	pins_free(w.queues.pins);
	return 0;
}

/* ---- deeds ---- */

static int read_fully(int fd, const char *want)
{
	char room[64] = "";
	ssize_t len = pread(fd, room, sizeof(room) - 1, 0);
	struct stat st;

	if (len < 0)
		return errno;
	if (fstat(fd, &st) != 0)
		return errno + WRONG;
	return strcmp(room, want) == 0 && st.st_size == (off_t)strlen(want) ? 0 : WRONG;
}

static int read_one(struct world *x, const void *with_text)
{
	const struct text *t = with_text;
	int fd = open(world_path(x, t->name), O_RDONLY), wrong;

	if (fd < 0)
		return errno;
	wrong = read_fully(fd, t->body);
	close(fd);
	return wrong;
}

static void reads(const char *name, const char *body)
{
	assert_int_equal(child_do(&w, read_one, &(struct text){name, body}), 0);
}

/* The kernel hears of a new number by and by. */
static int read_in_the_end(struct world *x, const void *with_text)
{
	int number;

	while ((number = read_one(x, with_text)) == EIO)
		usleep(1000);
	return number;
}

static void reads_in_the_end(const char *name, const char *body)
{
	assert_int_equal(child_do(&w, read_in_the_end, &(struct text){name, body}), 0);
}

static void fails(const char *name, int number)
{
	assert_int_equal(child_do(&w, read_one, &(struct text){name, ""}), number);
}

static void told(const char *mirror)
{
	assert_int_equal(child_do(&w, say_mirror_in_the_end, mirror), 0);
}

static void lists(const char *names)
{
	assert_int_equal(child_do(&w, list_in_the_end, names), 0);
}

/* The first open begins it. */
static void enter(void)
{
	reads("a", "first");
	told("3 of 3, without open");
}

static void fetched(int64_t id, enum error code, bool replaced)
{
	struct event *e = world_event(EVENT_FETCHED, id, code);

	e->replaced = replaced;
	world_put(&w, e);
}

static void await_fetch(int64_t id)
{
	struct job *j = world_job(&w, JOB_FETCH);

	assert_int_equal(j->id, id);
	job_free(j);
}

static void lose(int64_t id)
{
	struct failure why;

	assert_int_equal(store_begin(w.store, &why), OK);
	assert_int_equal(bodies_discard(w.store, id, &why), OK);
	assert_int_equal(store_commit(w.store, false, &why), OK);
}

static void await_leave(int64_t id)
{
	while (!pins_leave(w.queues.pins, id))
		usleep(1000);
}

/* ---- beginning ---- */

static void it_begins_when_all_is_here(void **state)
{
	told("3 of 3");
	told("3 of 3, without open"); /* by the open before */
	reads("a", "first");
	reads("b", "second");
	lists(ALL_THREE);
	assert_true(pins_hold_all_now(w.queues.pins));
}

static void it_does_not_begin_where_it_may_not(void **state)
{
	lists(ALL_THREE);
	reads("a", "first");
	told("3 of 3");
	assert_false(pins_hold_all_now(w.queues.pins));
}

static void it_does_not_begin_while_one_is_missing(void **state)
{
	world_list(&w, here, 4);
	await_fetch(D);
	lists(ALL_THREE);
	told("3 of 3, 1 coming");
	world_store(&w, D, "fourth", true);
	reads("d", "fourth");
	told("4 of 4, without open");
}

static void it_does_not_begin_while_one_is_leaving(void **state)
{
	assert_true(pins_leave(w.queues.pins, A));
	told("3 of 3");
	told("3 of 3");
	world_put(&w, world_event(EVENT_EVICTED, A, OK)); /* it could not, after all */
	told("3 of 3");
	told("3 of 3, without open");
}

/* ---- reading ---- */

static int hold_open(struct world *x, const void *with_text)
{
	const struct text *t = with_text;
	int fd = open(world_path(x, t->name), O_RDONLY);

	child_say();
	while (access(world_path(x, t->name), F_OK) == 0)
		usleep(1000);
	return read_fully(fd, t->body);
}

static void what_is_open_is_read_though_it_is_gone(void **state)
{
	static const struct text third = {"c", "third"};
	struct child c;

	enter();
	c = child_start(&w, hold_open, &third);
	child_heard(&c);
	world_list(&w, here, 2);
	assert_int_equal(child_end(&c), 0);
	lists("a b ");
}

static void a_body_may_go_when_nobody_can_have_it(void **state)
{
	enter();
	reads("c", "third");
	assert_false(pins_leave(w.queues.pins, C));
	world_list(&w, here, 2);
	task_free(world_task(&w, TASK_SPARE));
	await_leave(C);
	assert_false(pins_leave(w.queues.pins, B));
}

static int stay_open(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);

	child_say();
	while (access(world_path(x, "b"), F_OK) == 0) /* b goes later */
		usleep(1000);
	return read_fully(fd, "third");
}

static void a_body_stays_while_somebody_has_it_open(void **state)
{
	static const struct letter only[] = {{"a", 5, "first"}};
	struct child c;

	enter();
	c = child_start(&w, stay_open, "c");
	child_heard(&c);
	world_list(&w, here, 2);
	lists("a b ");
	told("2 of 2, without open");
	assert_false(pins_leave(w.queues.pins, C));
	world_list(&w, only, 1);
	assert_int_equal(child_end(&c), 0);
	await_leave(C);
}

/* ---- what comes ---- */

static void what_comes_is_shown_when_it_is_here(void **state)
{
	enter();
	world_list(&w, here, COUNT(here));
	await_fetch(D);
	await_fetch(E);
	lists(ALL_THREE);
	told("3 of 3, 2 coming, without open");
	world_store(&w, E, "the fifth, longer than LIST says", true);
	lists("a b c e ");
	reads("e", "the fifth, longer than LIST says");
	told("4 of 4, 1 coming, without open");
}

static void what_is_refused_is_shown_and_has_no_octets_until_it_has(void **state)
{
	enter();
	world_list(&w, here, 4);
	await_fetch(D);
	fetched(D, E_REFUSED, false);
	lists("a b c d ");
	fails("d", EIO);
	await_fetch(D); /* somebody wants it */
	fails("d", EIO);
	world_store(&w, D, "more than LIST said", true);
	reads_in_the_end("d", "more than LIST said");
	told("4 of 4, without open");
}

static int keep_what_has_nothing(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);
	struct stat st;
	char octet;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size != 5)
		return WRONG;
	child_say();
	do
		usleep(1000);
	while (stat(world_path(x, name), &st) != 0 || st.st_size == 5);
	return pread(fd, &octet, 1, 0) < 0 ? errno : WRONG + 1;
}

static void who_saw_the_size_of_list_never_reads_a_part(void **state)
{
	struct child c;

	enter();
	world_list(&w, here, 4);
	await_fetch(D);
	fetched(D, E_REFUSED, false);
	c = child_start(&w, keep_what_has_nothing, "d");
	child_heard(&c);
	world_store(&w, D, "more than LIST said", true);
	assert_int_equal(child_end(&c), EIO);
	reads_in_the_end("d", "more than LIST said");
}

/* ---- damage ---- */

static int keep_half(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);
	char octets[3] = "";

	if (pread(fd, octets, 2, 0) != 2 || strcmp(octets, "th") != 0)
		return WRONG;
	child_say();
	while (read_one(x, &(struct text){name, "THIRD"}) != 0)
		usleep(1000);
	return pread(fd, octets, 2, 0) < 0 ? errno : WRONG + 1;
}

/* The pages are forgotten, so that they are asked for again. One that somebody reads at that moment
 * stays. */
static int read_past_the_pages(struct world *x, const void *name)
{
	const struct text nothing = {name, ""};
	int fd = open(world_path(x, name), O_RDONLY), number;

	do {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		number = read_one(x, &nothing);
	} while (number == WRONG);
	return number;
}

static void damage_is_an_error_and_the_same_octets_mend_it(void **state)
{
	enter();
	lose(C);
	fails("c", EIO);
	task_free(world_task(&w, TASK_DAMAGED));
	await_fetch(C);
	fails("c", EIO);
	world_store(&w, C, "third", true);
	reads_in_the_end("c", "third");
	assert_true(world_idle(&w));
}

static void other_octets_are_never_read_behind_those_of_before(void **state)
{
	struct child c;

	enter();
	c = child_start(&w, keep_half, "c");
	child_heard(&c);
	lose(C);
	assert_int_equal(child_do(&w, read_past_the_pages, "c"), EIO);
	task_free(world_task(&w, TASK_DAMAGED));
	await_fetch(C);
	world_store(&w, C, "THIRD", false);
	fetched(C, OK, true);
	assert_int_equal(child_end(&c), EIO);
	reads_in_the_end("c", "THIRD");
}

/* ---- directories ---- */

static int read_slowly(struct world *x, const void *nothing)
{
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);
	char room[48], names[64] = "";
	long len;
	bool said = false;

	while ((len = syscall(SYS_getdents64, fd, room, sizeof(room))) > 0) {
		for (long at = 0; at < len; at += *(unsigned short *)(void *)(room + at + 16))
			if (room[at + 19] != '.')
				strcat(names, room + at + 19);
		if (said)
			continue;
		said = true;
		child_say();
		while (access(world_path(x, "d"), F_OK) != 0)
			usleep(1000);
	}
	return strcmp(names, "abc") == 0 ? 0 : WRONG;
}

static void who_reads_the_directory_sees_nothing_that_came_since(void **state)
{
	struct child c;

	enter();
	c = child_start(&w, read_slowly, NULL);
	child_heard(&c);
	world_list(&w, here, 4);
	await_fetch(D);
	world_store(&w, D, "fourth", true);
	assert_int_equal(child_end(&c), 0);
	lists("a b c d ");
}

static void what_is_removed_is_gone_and_read_where_it_waits(void **state)
{
	struct child c;

	enter();
	c = child_start(&w, remove_it, "b");
	answer_unlink(&w, B, OK);
	assert_int_equal(child_end(&c), 0);
	lists("a c ");
	reads(".pop3fs/deleted/b", "second");
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Nobody opens it any more then, so that nobody else would say that it is another. */
static void a_body_that_comes_after_headers_were_read_makes_the_kernel_forget_its_own(void **state)
{
	assert_int_equal(
	    sqlite3_exec(store_handle(w.store),
		"UPDATE message SET header_len = 2 WHERE chunks IS NOT NULL", NULL, NULL, NULL),
	    SQLITE_OK);
	world_list(&w, here, 4);
	await_fetch(D);
	assert_int_equal(child_do(&w, open_it, ".pop3fs/headers/a"), 0);
	world_store(&w, D, "fourth", true);
	lists("a b c d ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_begins_when_all_is_here, setup),
	    TEST(it_does_not_begin_where_it_may_not, setup_with_open),
	    TEST(it_does_not_begin_while_one_is_missing, setup),
	    TEST(it_does_not_begin_while_one_is_leaving, setup),
	    TEST(what_is_open_is_read_though_it_is_gone, setup),
	    TEST(a_body_may_go_when_nobody_can_have_it, setup),
	    TEST(a_body_stays_while_somebody_has_it_open, setup),
	    TEST(what_comes_is_shown_when_it_is_here, setup),
	    TEST(what_is_refused_is_shown_and_has_no_octets_until_it_has, setup),
	    TEST(a_body_that_comes_after_headers_were_read_makes_the_kernel_forget_its_own, setup),
	    TEST(who_saw_the_size_of_list_never_reads_a_part, setup),
	    TEST(damage_is_an_error_and_the_same_octets_mend_it, setup),
	    TEST(other_octets_are_never_read_behind_those_of_before, setup),
	    TEST(who_reads_the_directory_sees_nothing_that_came_since, setup),
	    TEST(what_is_removed_is_gone_and_read_where_it_waits, setup),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
