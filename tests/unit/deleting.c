/* Real mounts (see mounted.c): .pop3fs/deleted, taking back, the bound on deletions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "buf.h"
#include "standing.h"

#define MANY 700 /* more than one reply of readdir holds */
#define IN   ".pop3fs/deleted/"

static void delete_it(const char *name, int64_t id)
{
	struct child c = child_start(&w, remove_it, name);

	answer_unlink(&w, id, OK);
	assert_int_equal(child_end(&c), 0);
}

static void answer_undelete(int64_t id, enum error code)
{
	struct task *t = world_task(&w, TASK_UNDELETE);

	assert_int_equal(t->id, id);
	task_free(t);
	world_put(&w, world_event(EVENT_UNDELETED, id, code));
}

static int list_deleted(struct world *x, const void *want)
{
	DIR *d = opendir(world_path(x, ".pop3fs/deleted"));
	struct dirent *e;
	struct buf names = {0};
	int wrong = d ? 0 : errno;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			buf_printf(&names, "%s ", e->d_name);
			if (e->d_type != DT_REG || (e->d_ino & 7) != 3)
				wrong = WRONG;
		}
	if (!wrong && strcmp(buf_text(&names), want) != 0)
		wrong = WRONG + 1;
	buf_finish(&names);
	if (d)
		closedir(d);
	return wrong;
}

static int take_back(struct world *x, const void *name)
{
	char from[512], to[512];

	snprintf(from, sizeof(from), "%s/" IN "%s", x->mountpoint, (const char *)name);
	snprintf(to, sizeof(to), "%s/%s", x->mountpoint, (const char *)name);
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
}

static int take_back_and_look(struct world *x, const void *name)
{
	int wrong = take_back(x, name);
	struct stat st;

	if (wrong)
		return wrong;
	if (stat(world_path(x, name), &st) != 0)
		return errno;
	if ((st.st_ino & 7) != 0 || st.st_nlink != 1)
		return WRONG + 2;
	return list_deleted(x, "");
}

static void what_was_deleted_is_listed_and_read_under_deleted(void **state)
{
	static const struct text cached = {IN "b-cached", "hello, world"};
	static const struct text late = {IN "a-short", "fetched after its end"};
	struct child c;

	assert_int_equal(child_do(&w, list_deleted, ""), 0);
	delete_it("a-short", SHORT);
	delete_it("b-cached", CACHED);
	assert_int_equal(child_do(&w, list_deleted, "b-cached a-short "), 0);
	assert_int_equal(child_do(&w, list, "d-long c-fixed "), 0);
	assert_int_equal(child_do(&w, read_it, &cached), 0);
	c = child_start(&w, read_it, &late);
	answer_fetch(&w, SHORT, late.body);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, stat_it, IN "d-long"), ENOENT);
	assert_true(world_idle(&w));
}

/* The unlink has not been answered, and the message stands there already, for who need not ask the
 * root, which is locked, for the way. */
static void an_unlink_on_its_way_is_listed_too(void **state)
{
	struct child c;
	struct task *t;

	assert_int_equal(child_do(&w, list_deleted, ""), 0); /* now the kernel knows the way */
	c = child_start(&w, remove_it, "d-long");
	t = world_task(&w, TASK_UNLINK);
	assert_int_equal(child_do(&w, list_deleted, "d-long "), 0);
	assert_int_equal(child_do(&w, stat_it, IN "d-long"), 0);
	world_put(&w, world_event(EVENT_UNLINKED, t->id, E_FULL));
	task_free(t);
	assert_int_equal(child_end(&c), ENOSPC);
	assert_int_equal(child_do(&w, list_deleted, ""), 0);
	assert_int_equal(child_do(&w, stat_it, IN "d-long"), ENOENT);
}

static void mv_takes_a_deletion_back_when_that_is_on_disk(void **state)
{
	static const struct text hello = {"b-cached", "hello, world"};
	struct child c;

	delete_it("b-cached", CACHED);
	c = child_start(&w, take_back_and_look, "b-cached");
	answer_undelete(CACHED, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, look, NULL), 0);
	assert_int_equal(child_do(&w, read_it, &hello), 0);
	delete_it("b-cached", CACHED); /* and again */
	assert_int_equal(child_do(&w, list_deleted, "b-cached "), 0);
	assert_int_equal(child_do(&w, stat_it, "b-cached"), ENOENT);
}

static void what_cannot_be_taken_back_stays_deleted(void **state)
{
	static const struct {
		enum error code;
		int number;
	} cases[] = {
	    {E_FORBIDDEN, EPERM}, /* its DELE is out */
	    {E_STORE, EIO},
	    {E_FULL, ENOSPC},
	};

	delete_it("b-cached", CACHED);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct child c = child_start(&w, take_back, "b-cached");

		answer_undelete(CACHED, cases[i].code);
		assert_int_equal(child_end(&c), cases[i].number);
		assert_int_equal(child_do(&w, list_deleted, "b-cached "), 0);
		assert_int_equal(child_do(&w, stat_it, "b-cached"), ENOENT);
	}
}

static int read_while_it_is_taken_back(struct world *x, const void *with)
{
	int fd = open(world_path(x, IN "b-cached"), O_RDONLY);
	char got[32];
	struct stat st;

	if (fd < 0 || take_back(x, "b-cached") != 0)
		return WRONG;
	if (read(fd, got, sizeof(got)) != 12 || memcmp(got, "hello, world", 12) != 0)
		return WRONG + 1;
	return fstat(fd, &st) == 0 && st.st_size == 12 ? 0 : WRONG + 2;
}

static void who_has_it_open_under_deleted_reads_on(void **state)
{
	struct child c;

	delete_it("b-cached", CACHED);
	c = child_start(&w, read_while_it_is_taken_back, NULL);
	answer_undelete(CACHED, OK);
	assert_int_equal(child_end(&c), 0);
}

static int move(struct world *x, const char *from, const char *to, unsigned flags)
{
	char target[512];

	snprintf(target, sizeof(target), "%s/%s", x->mountpoint, to);
	return renameat2(AT_FDCWD, world_path(x, from), AT_FDCWD, target, flags) == 0 ? 0 : errno;
}

static int try_all(struct world *x, const void *with)
{
	struct {
		const char *name;
		int got;
	} all[16];
	size_t n = 0;

#define TRY(call) all[n++] = (__typeof__(all[0])){#call, call}
	TRY(move(x, IN "b-cached", "other", 0));
	TRY(move(x, IN "b-cached", "d-long", 0));
	TRY(move(x, IN "b-cached", ".pop3fs/b-cached", 0));
	TRY(move(x, IN "b-cached", IN "other", 0));
	TRY(move(x, IN "b-cached", "d-long", RENAME_EXCHANGE));
	TRY(move(x, "d-long", IN "d-long", 0));
	TRY(move(x, ".pop3fs/deleted", "deleted", 0));
	TRY(unlink(world_path(x, IN "b-cached")) ? errno : 0);
	TRY(rmdir(world_path(x, ".pop3fs/deleted")) ? errno : 0);
	TRY(mkdir(world_path(x, IN "new"), 0700) ? errno : 0);
	TRY(open(world_path(x, IN "b-cached"), O_WRONLY) < 0 ? errno : 0);
	TRY(open(world_path(x, IN "b-cached"), O_RDONLY | O_TRUNC) < 0 ? errno : 0);
#undef TRY
	for (size_t i = 0; i < n; i++)
		if (all[i].got != EPERM) {
			fprintf(stderr, "%s: %s\n", all[i].name, strerror(all[i].got));
			return WRONG;
		}
	return move(x, IN "nothing", "nothing", 0) == ENOENT ? 0 : WRONG + 1;
}

static void nothing_else_can_be_done_there(void **state)
{
	delete_it("b-cached", CACHED);
	assert_int_equal(child_do(&w, try_all, NULL), 0);
	assert_int_equal(child_do(&w, list_deleted, "b-cached "), 0);
	assert_true(world_idle(&w));
}

static struct event *intend(int64_t id, enum intention_state state)
{
	struct event *e = world_event(EVENT_INTENTIONS, 0, OK);

	e->intentions = xzalloc(sizeof(*e->intentions) + sizeof(e->intentions->all[0]));
	e->intentions->count = 1;
	e->intentions->all[0] = (struct intention){.id = id, .state = state};
	return e;
}

static int wait_until_listed(struct world *x, const void *want)
{
	while (list_deleted(x, want) != 0)
		usleep(1000);
	return 0;
}

static void what_is_committed_leaves(void **state)
{
	delete_it("b-cached", CACHED);
	assert_int_equal(child_do(&w, stat_it, IN "b-cached"), 0); /* the kernel knows it */
	world_put(&w, intend(CACHED, INTENTION_ASSUMED));
	assert_int_equal(child_do(&w, wait_until_listed, ""), 0);
	assert_int_equal(child_do(&w, stat_it, IN "b-cached"), ENOENT);
	assert_int_equal(child_do(&w, stat_it, "b-cached"), ENOENT);
	world_put(&w, intend(CACHED, INTENTION_PENDING)); /* it was not true */
	assert_int_equal(child_do(&w, wait_until_listed, "b-cached "), 0);
}

/* ---- many ---- */

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

static int remove_all(struct world *x, const void *with)
{
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "message-%d", i);
		if (unlink(world_path(x, name)) != 0)
			return errno;
	}
	return 0;
}

/* Each name comes once, in order, also from a place remembered. */
static int take_all_back_while_reading(struct world *x, const void *with)
{
	DIR *d = opendir(world_path(x, ".pop3fs/deleted"));
	char want[32];
	struct dirent *e;
	long half = 0;
	int count = 0;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(want, sizeof(want), "message-%d", count);
		if (strcmp(e->d_name, want) != 0)
			return WRONG;
		if (count++ >= MANY / 2 && take_back(x, want) != 0)
			return WRONG + 1;
		if (count == MANY / 4)
			half = telldir(d);
	}
	if (count != MANY)
		return WRONG + 2;
	seekdir(d, half);
	for (count = MANY / 4; (e = readdir(d)); count++) {
		snprintf(want, sizeof(want), "message-%d", count);
		if (strcmp(e->d_name, want) != 0)
			return WRONG + 3;
	}
	return count == MANY / 2 ? 0 : WRONG + 4;
}

static void taking_back_while_reading_skips_nothing(void **state)
{
	struct child c = child_start(&w, remove_all, NULL);

	for (int i = 0; i < MANY; i++)
		answer_unlink(&w, WORLD_FIRST_ID + i, OK);
	assert_int_equal(child_end(&c), 0);
	c = child_start(&w, take_all_back_while_reading, NULL);
	for (int i = MANY / 2; i < MANY; i++)
		answer_undelete(WORLD_FIRST_ID + i, OK);
	assert_int_equal(child_end(&c), 0);
}

/* ---- max_delete ---- */

static void at_most_two(struct fs_plan *p)
{
	p->max_delete = 2;
}

static int setup_bounded(void **state)
{
	world_start(&w, four, COUNT(four), at_most_two);
	return 0;
}

static void past_max_delete_unlink_is_refused_until_there_is_room(void **state)
{
	struct child c;

	delete_it("a-short", SHORT);
	delete_it("b-cached", CACHED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_do(&w, remove_it, "d-long"), EDQUOT);
	assert_int_equal(child_do(&w, remove_it, "c-fixed"), EPERM);
	assert_int_equal(child_do(&w, list, "d-long c-fixed "), 0);
	c = child_start(&w, take_back, "a-short");
	answer_undelete(SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	delete_it("d-long", LONG);
	assert_int_equal(child_do(&w, remove_it, "a-short"), EDQUOT);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(what_was_deleted_is_listed_and_read_under_deleted, setup),
	    TEST(an_unlink_on_its_way_is_listed_too, setup),
	    TEST(mv_takes_a_deletion_back_when_that_is_on_disk, setup),
	    TEST(what_cannot_be_taken_back_stays_deleted, setup),
	    TEST(who_has_it_open_under_deleted_reads_on, setup),
	    TEST(nothing_else_can_be_done_there, setup),
	    TEST(what_is_committed_leaves, setup),
	    TEST(taking_back_while_reading_skips_nothing, setup_many),
	    TEST(past_max_delete_unlink_is_refused_until_there_is_room, setup_bounded),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("deleting", tests, NULL, NULL);
}
