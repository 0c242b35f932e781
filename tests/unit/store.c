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
#include <unistd.h>

#include "alloc.h"
#include "bodies.h"
#include "clock.h"
#include "query.h"
#include "schema.h"
#include "storage.h"

#define PAGE 16384

/* Stands before the C library's for SQLite, too: counts, and fails when told to. */
static size_t syncs, directory_syncs; /* these among those */
static int sync_error;

int fdatasync(int fd)
{
	struct stat st;

	syncs++;
	directory_syncs += fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	if (!sync_error)
		return 0;
	errno = sync_error;
	return -1;
}

static int write_error;

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
	errno = write_error;
	return write_error ? -1 : syscall(SYS_pwrite64, fd, from, len, offset);
}

static void a_new_database_has_the_shape_that_cannot_change_later(void **state)
{
	static const struct {
		const char *sql;
		int64_t want;
	} cases[] = {
	    {"PRAGMA page_size", PAGE},
	    {"PRAGMA auto_vacuum", 2},
	    {"PRAGMA user_version", 1},
	    {"SELECT count(*) FROM message", 0},
	    {"SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'", 1},
	    {"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 "
	     "AND name NOT LIKE 'sqlite%'",
		0},
	};
	struct storage *t = *state;

	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			assert_int_equal(storage_number(t, cases[i].sql), cases[i].want);
		storage_close(t);
		storage_open(t);
	}
}

static void nobody_else_may_read_its_files(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	struct storage *t = *state;

	storage_run(t, "INSERT INTO fact(key, value) VALUES('a', 'b')");
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(freep) char *path = xasprintf("%s%s", t->path, tails[i]);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void facts_outlive_the_handle(void **state)
{
	struct storage *t = *state;
	char value[16], short_value[4];

	assert_false(store_recall(t->store, "login", value, sizeof(value)));
	assert_int_equal(store_remember(t->store, "login", "1", NULL), OK);
	assert_int_equal(store_remember(t->store, "login", "23456", NULL), OK);
	storage_close(t);
	storage_open(t);
	assert_true(store_recall(t->store, "login", value, sizeof(value)));
	assert_string_equal(value, "23456");
	assert_true(store_recall(t->store, "login", short_value, sizeof(short_value)));
	assert_string_equal(short_value, "234");
}

static void what_was_committed_outlives_a_crash_and_nothing_else(void **state)
{
	struct storage *t = *state;
	struct storage crashed = *t;

	snprintf(crashed.path, sizeof(crashed.path), "%s/crashed.db", t->directory);
	assert_int_equal(store_begin(t->store, NULL), OK);
	storage_message(t, "committed");
	assert_int_equal(store_commit(t->store, false, NULL), OK);
	assert_int_equal(store_begin(t->store, NULL), OK);
	storage_message(t, "not committed");
	storage_crash_copy(t, crashed.path);
	store_rollback(t->store);

	storage_open(&crashed);
	assert_int_equal(storage_number(&crashed, "SELECT count(*) FROM message"), 1);
	assert_int_equal(
	    storage_number(&crashed, "SELECT uidl = CAST('committed' AS BLOB) FROM message"), 1);
	storage_close(&crashed);
	assert_int_equal(storage_moved_aside(t), 0);
}

static void a_durable_commit_syncs_the_log_and_another_does_not(void **state)
{
	struct storage *t = *state;
	struct failure why = {0};

	assert_int_equal(store_sync(t->store, NULL), OK);
	syncs = 0;
	assert_int_equal(store_begin(t->store, NULL), OK);
	storage_message(t, "a");
	assert_int_equal(store_commit(t->store, false, NULL), OK);
	assert_int_equal(syncs, 0);

	assert_int_equal(store_begin(t->store, NULL), OK);
	assert_int_equal(store_commit(t->store, true, NULL), OK);
	assert_int_equal(syncs, 1);

	sync_error = EIO;
	assert_int_equal(store_sync(t->store, &why), E_STORE);
	sync_error = 0;
	assert_int_equal(store_sync(t->store, &why), OK);
}

/* Each sync of a first mount is one that somebody waits for. */
static void a_new_database_is_synced_once_until_something_is_durable(void **state)
{
	struct storage *t = *state;

	storage_close(t);
	assert_int_equal(unlink(t->path), 0);
	syncs = directory_syncs = 0;
	storage_open(t);
	storage_message(t, "a");
	assert_int_equal(syncs, 1);
	assert_int_equal(directory_syncs, 0);

	assert_int_equal(store_begin(t->store, NULL), OK);
	storage_message(t, "b");
	assert_int_equal(store_commit(t->store, true, NULL), OK);
	assert_int_equal(syncs, 3);
	assert_int_equal(directory_syncs, 1); /* the names of database and log are on disk, too */
}

/* ---- damage ---- */

static void overwrite(const char *path, long at, size_t len)
{
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	while (len-- > 0)
		fputc(0xa5, f);
	fclose(f);
}

/* Some hundred messages, on several pages. */
static void fill(struct storage *t)
{
	assert_int_equal(store_begin(t->store, NULL), OK);
	for (int i = 0; i < 2000; i++) {
		char uidl[64];

		snprintf(uidl, sizeof(uidl), "message-%040d", i);
		storage_message(t, uidl);
	}
	storage_run(t, "INSERT INTO fact(key, value) VALUES('filled', '1')");
	assert_int_equal(store_commit(t->store, false, NULL), OK);
}

static long root_of(struct storage *t, const char *table)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	return (long)(storage_number(t, sql) - 1) * PAGE;
}

static void a_damaged_database_is_moved_aside_and_made_anew(void **state)
{
	static const struct {
		const char *what, *table;
		long at; /* from the table's root, if there is a table */
		size_t len;
		long cut; /* the file ends there instead; 0: it does not */
	} cases[] = {
	    {.what = "its first octets", .at = 0, .len = 16},
	    {.what = "the whole first page", .at = 0, .len = PAGE},
	    {.what = "the schema", .at = 100, .len = PAGE - 100},
	    {.what = "the root of message", .table = "message", .len = 100},
	    {.what = "the root of intention", .table = "intention", .len = 8},
	    {.what = "the root of fact", .table = "fact", .len = 8},
	    {.what = "an index", .table = "message_present", .len = 8},
	    {.what = "what is behind the first page", .at = PAGE, .len = 20 * PAGE},
	    {.what = "its end", .cut = 8L * PAGE},
	    {.what = "half a page", .cut = PAGE / 2},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t last;
		long at = cases[i].at;
		char value[4];

		fill(t);
		last = storage_number(t, "SELECT max(id) FROM message");
		if (cases[i].table)
			at += root_of(t, cases[i].table);
		storage_close(t);
		if (cases[i].cut)
			assert_int_equal(truncate(t->path, cases[i].cut), 0);
		else
			overwrite(t->path, at, cases[i].len);

		storage_open(t);
		if (storage_moved_aside(t) != 1)
			fail_msg("damage of %s was not seen", cases[i].what);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM message"), 0);
		assert_false(store_recall(t->store, "filled", value, sizeof(value)));
		assert_true(storage_message(t, "new") >= last - 2000);
		storage_close(t);
		storage_teardown((void *[]){t});
		storage_setup(state);
		t = *state;
	}
}

static void damage_met_at_work_moves_it_aside_at_the_next_start(void **state)
{
	struct storage *t = *state;
	CLEANUP(freep) char *data = xzalloc(CHUNK_OCTETS);
	struct failure why = {0};
	int64_t pages;

	fill(t);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(
		    bodies_add(t->store, 1, i, slice_make(data, CHUNK_OCTETS), 0, NULL), OK);
	storage_run(t, "DELETE FROM arriving"); /* else the start itself would meet it */
	pages = storage_number(t, "PRAGMA page_count");
	storage_close(t);
	overwrite(t->path, pages * 2 / 3 * PAGE, (size_t)(pages / 3) * PAGE);

	storage_open(t);
	assert_int_equal(storage_moved_aside(t), 0);
	assert_int_equal(bodies_discard(t->store, 1, &why), E_STORE);
	storage_close(t);

	storage_open(t);
	assert_int_equal(storage_moved_aside(t), 1);
	assert_int_equal(bodies_discard(t->store, 1, NULL), OK);
}

static void what_proves_damaged_while_it_is_read_is_replaced_at_once(void **state)
{
	struct storage *t = *state;
	CLEANUP(freep) char *data = xzalloc(CHUNK_OCTETS);
	int64_t pages, last;

	fill(t);
	last = storage_number(t, "SELECT max(id) FROM message");
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(
		    bodies_add(t->store, 1, i, slice_make(data, CHUNK_OCTETS), 0, NULL), OK);
	storage_run(t, "DELETE FROM arriving");
	pages = storage_number(t, "PRAGMA page_count");
	storage_close(t);
	overwrite(t->path, pages * 2 / 3 * PAGE, (size_t)(pages / 3) * PAGE);

	storage_open(t);
	assert_false(store_is_damaged(t->store));
	assert_int_equal(bodies_discard(t->store, 1, NULL), E_STORE);
	assert_true(store_is_damaged(t->store));
	assert_int_equal(store_replace(&t->store, t->path, NULL), OK);
	assert_int_equal(storage_moved_aside(t), 1);
	assert_false(store_is_damaged(t->store));
	assert_int_equal(storage_number(t, "SELECT count(*) FROM message"), 0);
	assert_true(storage_message(t, "a") > last);
}

static void what_is_not_ours_is_moved_aside(void **state)
{
	static const char *const others[] = {
	    "CREATE TABLE bookmark(url TEXT)",
	    "PRAGMA user_version = 1",
	    "CREATE TABLE message(id INTEGER PRIMARY KEY); PRAGMA user_version = 1",
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		CLEANUP(freep) char *log = xasprintf("%s-wal", t->path);
		sqlite3 *db;

		storage_close(t);
		unlink(t->path);
		unlink(log);
		assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, others[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		storage_open(t);
		assert_true(storage_moved_aside(t) >= 1);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM message"), 0);
	}
}

static void an_empty_file_becomes_a_database(void **state)
{
	struct storage *t = *state;

	storage_close(t);
	assert_int_equal(truncate(t->path, 0), 0);
	storage_open(t);
	assert_int_equal(storage_moved_aside(t), 0);
	assert_int_equal(storage_number(t, "PRAGMA page_size"), PAGE);
}

static void a_newer_database_is_left_alone(void **state)
{
	struct storage *t = *state;
	struct store *s = NULL;
	struct failure why = {0};

	storage_run(t, "PRAGMA user_version = 2");
	storage_close(t);
	assert_int_equal(store_open(&s, t->path, &why), E_STORE);
	assert_null(s);
	assert_non_null(strstr(why.words, "newer pop3fs"));
	assert_int_equal(storage_moved_aside(t), 0);
}

static void a_link_is_not_followed(void **state)
{
	struct storage *t = *state;
	CLEANUP(freep) char *link = xasprintf("%s/link.db", t->directory);
	struct store *s = NULL;
	struct failure why = {0};

	assert_int_equal(symlink(t->path, link), 0);
	assert_int_equal(store_open(&s, link, &why), E_STORE);
	assert_null(s);
}

static void what_is_no_file_is_left_alone(void **state)
{
	struct storage *t = *state;
	CLEANUP(freep) char *pipe = xasprintf("%s/pipe.db", t->directory);
	struct store *s = NULL;
	struct failure why = {0};

	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(store_open(&s, pipe, &why), E_STORE);
	assert_null(s);
	assert_non_null(strstr(why.words, "is no ordinary file"));
	assert_int_equal(unlink(pipe), 0);
}

/* ---- ids ---- */

static void ids_begin_at_the_clock_and_never_return(void **state)
{
	struct storage *t = *state;
	int64_t first = storage_message(t, "a"), ahead;

	assert_true(first > (clock_seconds() - 3600) * SCHEMA_IDS_A_SECOND);
	assert_true(first <= clock_seconds() * SCHEMA_IDS_A_SECOND + 1);

	/* many came at once, then the database is damaged: the sequence can still be read */
	storage_run(t, "UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name = 'message'");
	ahead = storage_message(t, "b");
	storage_run(t, "PRAGMA wal_checkpoint(TRUNCATE)");
	overwrite(t->path, root_of(t, "intention"), 8);
	storage_close(t);
	storage_open(t);
	assert_int_equal(storage_moved_aside(t), 1);
	assert_true(storage_message(t, "a") > ahead);

	/* deleted rows keep theirs, too */
	ahead = storage_message(t, "c");
	storage_run(t, "DELETE FROM message");
	assert_true(storage_message(t, "d") > ahead);
}

/* ---- a full disk ---- */

static void a_full_disk_costs_the_transaction_and_no_more(void **state)
{
	struct storage *t = *state;
	CLEANUP(freep) char *data = xzalloc(CHUNK_OCTETS);
	struct failure why = {0};
	enum error error = OK;
	char sql[64];

	storage_message(t, "kept");
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
	    (long long)storage_number(t, "PRAGMA page_count") + 12);
	storage_number(t, sql);
	assert_int_equal(store_begin(t->store, &why), OK);
	for (uint32_t i = 0; error == OK && i < 10; i++)
		error = bodies_add(t->store, 1, i, slice_make(data, CHUNK_OCTETS), 0, &why);
	assert_int_equal(error, E_FULL);
	store_rollback(t->store);
	store_rollback(t->store); /* nothing is left to roll back */

	assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"), 0);
	assert_int_equal(store_begin(t->store, &why), OK);
	assert_int_equal(store_remember(t->store, "key", "value", &why), OK);
	assert_int_equal(store_commit(t->store, true, &why), OK);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM message"), 1);
}

/* As SQLite calls them a quota, or a limit of files' lengths, is a failed write. */
static void a_quota_that_is_reached_is_a_full_disk(void **state)
{
	static const struct {
		int number;
		enum error want;
	} cases[] = {{ENOSPC, E_FULL}, {EDQUOT, E_FULL}, {EFBIG, E_FULL}, {EIO, E_STORE}};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {0};
		enum error error;

		assert_int_equal(store_begin(t->store, &why), OK);
		assert_int_equal(store_remember(t->store, "key", "value", &why), OK);
		write_error = cases[i].number;
		error = store_commit(t->store, false, &why);
		write_error = 0;
		assert_int_equal(error, cases[i].want);
	}
	assert_int_equal(storage_number(t, "SELECT count(*) FROM fact WHERE key = 'key'"), 0);
}

/* The same words elsewhere in the program are the same statement. */
static void a_statement_is_prepared_once(void **state)
{
	static const char words[] = "SELECT count(*) FROM message";
	CLEANUP(freep) char *same = xstrdup(words);
	struct storage *t = *state;

	assert_ptr_equal(
	    store_statement(t->store, words, NULL), store_statement(t->store, same, NULL));
	assert_int_equal(store_sync(t->store, NULL), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_new_database_has_the_shape_that_cannot_change_later),
	    TEST(nobody_else_may_read_its_files),
	    TEST(facts_outlive_the_handle),
	    TEST(what_was_committed_outlives_a_crash_and_nothing_else),
	    TEST(a_durable_commit_syncs_the_log_and_another_does_not),
	    TEST(a_new_database_is_synced_once_until_something_is_durable),
	    TEST(a_damaged_database_is_moved_aside_and_made_anew),
	    TEST(damage_met_at_work_moves_it_aside_at_the_next_start),
	    TEST(what_proves_damaged_while_it_is_read_is_replaced_at_once),
	    TEST(what_is_not_ours_is_moved_aside),
	    TEST(an_empty_file_becomes_a_database),
	    TEST(a_newer_database_is_left_alone),
	    TEST(a_link_is_not_followed),
	    TEST(what_is_no_file_is_left_alone),
	    TEST(ids_begin_at_the_clock_and_never_return),
	    TEST(a_full_disk_costs_the_transaction_and_no_more),
	    TEST(a_quota_that_is_reached_is_a_full_disk),
	    TEST(a_statement_is_prepared_once),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
