/* Real mounts (see mounted.c): whatever would write is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "standing.h"

static int try_all(struct world *x, const void *with)
{
	int want = *(const int *)with;
	char other[512];
	struct {
		const char *name;
		int got;
	} all[20];
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
	TRY(setxattr(world_path(x, "b-cached"), "user.new", "x", 1, 0));
	TRY(removexattr(world_path(x, "b-cached"), "user.pop3fs.uidl"));
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

struct may {
	const char *name;
	int mask, want;
};

static int ask_may(struct world *x, const void *with)
{
	const struct may *m = with;

	return access(world_path(x, m->name), m->mask) == 0 ? 0 : errno;
}

static void check_may(const struct may *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (child_do(&w, ask_may, &rows[i]) != rows[i].want)
			fail_msg("access %s %d", rows[i].name, rows[i].mask);
}

static void what_can_be_removed_can_be_written_for_whoever_asks(void **state)
{
	static const struct may rows[] = {
	    {"b-cached", R_OK, 0},
	    {"b-cached", X_OK, EACCES},
	    {".pop3fs", X_OK, 0},
	    {".pop3fs", W_OK, EACCES},
	    {".pop3fs/deleted", W_OK, 0},
	    {".pop3fs/headers", W_OK | X_OK, EACCES},
	    {".pop3fs/status", R_OK, 0},
	    {".pop3fs/status", W_OK, EACCES},
	};

	check_may(rows, COUNT(rows));
}

static void read_only_nothing_can_be_written(void **state)
{
	static const struct may rows[] = {
	    {"b-cached", R_OK, 0},
	    {"b-cached", W_OK, EROFS},
	    {".pop3fs", W_OK, EROFS},
	};

	check_may(rows, COUNT(rows));
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(whatever_writes_is_refused, setup),
	    TEST(rm_need_not_ask_and_a_terminal_it_is_not, setup),
	    TEST(what_can_be_removed_can_be_written_for_whoever_asks, setup),
	    TEST(read_only_is_another_errno, setup_read_only),
	    TEST(read_only_nothing_can_be_written, setup_read_only),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}
