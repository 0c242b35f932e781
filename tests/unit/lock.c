#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "lock.h"

static char folder[] = "/tmp/pop3fs-lock-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/lock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static int remove_file(void **state)
{
	unlink(path);
	return 0;
}

static void write_file(const char *text, size_t len)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, len), (ssize_t)len);
}

static void one_holds_it_and_the_next_is_told_who(void **state)
{
	struct failure why = {0};
	char want[200];
	int first = -1, second = -1;

	assert_int_equal(lock_take(&first, path, "/mnt/my mail", NULL, &why), OK);
	assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
	assert_int_equal(lock_take(&second, path, "/mnt/other", NULL, &why), E_HELD);
	assert_int_equal(second, -1);
	assert_int_equal(why.code, E_HELD);
	snprintf(
	    want, sizeof(want), "pid %d is just mounting this account on /mnt/my mail", getpid());
	assert_string_equal(why.words, want);
	close(first);
	assert_int_equal(lock_take(&second, path, "/mnt/other", NULL, &why), OK);
	close(second);
}

static void the_file_says_who_and_nothing_of_before(void **state)
{
	char want[200], got[200] = "";
	struct stat st;
	int fd;

	write_file("123456 /a/very/long/mountpoint/of/somebody/before\n", 50);
	assert_int_equal(lock_take(&fd, path, "/m", NULL, NULL), OK);
	assert_true(pread(fd, got, sizeof(got) - 1, 0) > 0);
	snprintf(want, sizeof(want), "%d begins /m\n", getpid());
	assert_string_equal(got, want);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
}

static void whatever_the_holder_wrote_the_words_make_sense(void **state)
{
	static const struct {
		const char *content;
		size_t len;
		const char *want; /* NULL: only that somebody holds it */
	} cases[] = {
	    {"", 0, NULL},
	    {"12", 2, NULL},
	    {"12 ", 3, NULL},
	    {"x /mnt\n", 7, NULL},
	    {"99999999999 /mnt\n", 17, NULL},
	    {"\0\0\0", 3, NULL},
	    {"12 /mnt", 7, "pid 12 has this account mounted on /mnt"},
	    {"12 /mnt\n", 8, "pid 12 has this account mounted on /mnt"},
	    {"12 /mnt/a \n\n", 12, "pid 12 has this account mounted on /mnt/a \n"},
	    {"12 begins /mnt\n", 15, "pid 12 is just mounting this account on /mnt"},
	    {"12 ends /mnt\n", 13, "pid 12 commits the deletions of /mnt"},
	    {"12 ends ", 8, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {0};
		char want[200];
		int first, second = -1;

		assert_int_equal(lock_take(&first, path, "/m", NULL, NULL), OK);
		write_file(cases[i].content, cases[i].len);
		assert_int_equal(lock_take(&second, path, "/m", NULL, &why), E_HELD);
		snprintf(want, sizeof(want), "another pop3fs holds %s", path);
		assert_string_equal(why.words, cases[i].want ? cases[i].want : want);
		close(first);
	}
}

static void how_far_the_holder_is_can_be_seen(void **state)
{
	static const enum lock_stage stages[] = {LOCK_MOUNTED, LOCK_ENDING, LOCK_BEGINNING};
	struct lock_holder holder;
	int first, second = -1;

	assert_int_equal(lock_take(&first, path, "/mnt/my mail", NULL, NULL), OK);
	assert_int_equal(lock_take(&second, path, "/m", &holder, NULL), E_HELD);
	assert_int_equal(holder.stage, LOCK_BEGINNING);
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		lock_say(first, stages[i], "/mnt/my mail");
		assert_int_equal(lock_take(&second, path, "/m", &holder, NULL), E_HELD);
		assert_int_equal(holder.pid, getpid());
		assert_int_equal(holder.stage, stages[i]);
		assert_string_equal(holder.mountpoint, "/mnt/my mail");
	}
	write_file("", 0);
	assert_int_equal(lock_take(&second, path, "/m", &holder, NULL), E_HELD);
	assert_int_equal(holder.pid, 0);
	assert_string_equal(holder.mountpoint, "");
	close(first);
}

static void the_end_of_the_holder_gives_it_free(void **state)
{
	struct failure why = {0};
	int status, fd;
	pid_t child = fork();

	if (child == 0)
		_exit(lock_take(&fd, path, "/m", NULL, NULL) == OK ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(lock_take(&fd, path, "/m", NULL, &why), OK);
	close(fd);
}

static void what_is_no_plain_file_is_refused(void **state)
{
	struct failure why = {0};
	int fd = -1;

	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(lock_take(&fd, path, "/m", NULL, &why), E_SYSTEM);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(lock_take(&fd, path, "/m", NULL, &why), E_SYSTEM);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(lock_take(&fd, path, "/m", NULL, &why), E_SYSTEM);
	rmdir(path);
	assert_int_equal(fd, -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(one_holds_it_and_the_next_is_told_who, remove_file),
	    cmocka_unit_test_teardown(the_file_says_who_and_nothing_of_before, remove_file),
	    cmocka_unit_test_teardown(whatever_the_holder_wrote_the_words_make_sense, remove_file),
	    cmocka_unit_test_teardown(how_far_the_holder_is_can_be_seen, remove_file),
	    cmocka_unit_test_teardown(the_end_of_the_holder_gives_it_free, remove_file),
	    cmocka_unit_test_teardown(what_is_no_plain_file_is_refused, remove_file),
	};

	return cmocka_run_group_tests_name("lock", tests, make_folder, remove_folder);
}
