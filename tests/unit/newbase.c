#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "newbase.h"
#include "schema.h"
#include "storage.h"

#define FIRST 1000

/* These stand before the C library's for SQLite, too. The process dies before the call that makes
 * `deadly` nothing; 0: before none. */
static unsigned deadly;

static void maybe_die(void)
{
	if (deadly > 0 && --deadly == 0)
		_exit(1);
}

static int write_error, sync_error, rename_error;
static ino_t synced; /* the file that was put on disk last */

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
	maybe_die();
	errno = write_error;
	return write_error ? -1 : syscall(SYS_pwrite64, fd, from, len, offset);
}

int fdatasync(int fd)
{
	struct stat st;

	maybe_die();
	if (fstat(fd, &st) == 0)
		synced = st.st_ino;
	errno = sync_error;
	return sync_error ? -1 : 0;
}

int unlink(const char *path)
{
	maybe_die();
	return (int)syscall(SYS_unlink, path);
}

static ino_t moved;

int rename(const char *from, const char *to)
{
	struct stat st;

	maybe_die();
	if (stat(from, &st) == 0)
		moved = st.st_ino;
	errno = rename_error;
	return rename_error ? -1 : (int)syscall(SYS_rename, from, to);
}

static int setup(void **state)
{
	struct storage *t;

	if (storage_setup(state) != 0)
		return -1;
	t = *state;
	storage_close(t);
	return unlink(t->path);
}

static void leave(const struct storage *t, const char *tail, const char *words)
{
	CLEANUP(freep) char *path = xasprintf("%s%s", t->path, tail);
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	fputs(words, f);
	assert_int_equal(fclose(f), 0);
}

static bool is_there(const struct storage *t, const char *tail)
{
	CLEANUP(freep) char *path = xasprintf("%s%s", t->path, tail);

	return access(path, F_OK) == 0;
}

static enum schema_state look(const struct storage *t)
{
	sqlite3 *db = NULL;
	enum schema_state state;

	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	state = schema_look(db);
	if (state == SCHEMA_GOOD)
		assert_int_equal(schema_last_id(db), FIRST);
	sqlite3_close(db);
	return state;
}

static void it_is_whole_and_its_owner_s_alone(void **state)
{
	struct storage *t = *state;
	struct stat st;

	assert_int_equal(newbase_make(t->path, FIRST, NULL), OK);
	assert_int_equal(stat(t->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(is_there(t, "-new"));
	assert_false(is_there(t, "-wal"));
	assert_int_equal(look(t), SCHEMA_GOOD);
}

/* Else a power cut could leave its name with nothing behind it, or with a part. */
static void it_is_on_disk_before_it_is_in_its_place(void **state)
{
	struct storage *t = *state;

	synced = 0;
	assert_int_equal(newbase_make(t->path, FIRST, NULL), OK);
	assert_int_not_equal(moved, 0);
	assert_true(synced == moved);
}

static void what_was_left_there_is_no_part_of_it(void **state)
{
	static const char *const tails[] = {
	    "", "-journal", "-wal", "-shm", "-new", "-new-journal", "-new-wal", "-new-shm"};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		leave(t, tails[i], "what an older attempt, or an older database, left");
	assert_int_equal(newbase_make(t->path, FIRST, NULL), OK);
	for (size_t i = 1; i < sizeof(tails) / sizeof(tails[0]); i++)
		if (is_there(t, tails[i]))
			fail_msg("%s is still there", tails[i]);
	assert_int_equal(look(t), SCHEMA_GOOD);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	static const struct {
		int write, sync, rename;
		enum error want;
	} cases[] = {
	    {.write = ENOSPC, .want = E_FULL},
	    {.write = EDQUOT, .want = E_FULL},
	    {.write = EIO, .want = E_STORE},
	    {.sync = EIO, .want = E_STORE},
	    {.sync = EDQUOT, .want = E_FULL},
	    {.rename = EACCES, .want = E_STORE},
	    {.rename = ENOSPC, .want = E_FULL},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {0};
		enum error e;

		write_error = cases[i].write;
		sync_error = cases[i].sync;
		rename_error = cases[i].rename;
		e = newbase_make(t->path, FIRST, &why);
		write_error = sync_error = rename_error = 0;
		assert_int_equal(e, cases[i].want);
		assert_non_null(strstr(why.words, "cannot make the cache database"));
		assert_false(is_there(t, ""));
		assert_false(is_there(t, "-new"));
	}
	assert_int_equal(newbase_make("/nowhere/mail.db", FIRST, NULL), E_STORE);
}

/* Returns whether it died. */
static bool make_and_die(const struct storage *t, unsigned at)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		deadly = at;
		_exit(newbase_make(t->path, FIRST, NULL) == OK ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 2);
	return WEXITSTATUS(status) == 1;
}

static void killed_at_any_step_it_is_made_the_next_time(void **state)
{
	struct storage *t = *state;
	bool died = true;

	for (unsigned at = 1; died; at++) {
		leave(t, "", "");
		died = make_and_die(t, at);
		assert_int_equal(look(t), died ? SCHEMA_NONE : SCHEMA_GOOD);
		storage_open(t);
		assert_int_equal(storage_moved_aside(t), 0);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM message"), 0);
		storage_close(t);
		unlink(t->path);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(it_is_whole_and_its_owner_s_alone),
	    TEST(it_is_on_disk_before_it_is_in_its_place),
	    TEST(what_was_left_there_is_no_part_of_it),
	    TEST(what_cannot_be_made_leaves_nothing),
	    TEST(killed_at_any_step_it_is_made_the_next_time),
	};

	return cmocka_run_group_tests_name("newbase", tests, NULL, NULL);
}
