#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "schema.h"

#define FIRST 1000

struct base {
	char path[64];
	sqlite3 *db;
};

static void reopen(struct base *b)
{
	sqlite3_close(b->db);
	assert_int_equal(sqlite3_open(b->path, &b->db), SQLITE_OK);
}

static int setup(void **state)
{
	struct base *b = xnew(struct base);
	int fd;

	snprintf(b->path, sizeof(b->path), "/tmp/pop3fs-schema-XXXXXX");
	fd = mkstemp(b->path);
	if (fd < 0)
		return -1;
	close(fd);
	reopen(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct base *b = *state;

	sqlite3_close(b->db);
	for (size_t i = 0; i < 3; i++) {
		static const char *const ends[] = {"", "-wal", "-shm"};
		CLEANUP(freep) char *path = xasprintf("%s%s", b->path, ends[i]);

		unlink(path);
	}
	free(b);
	return 0;
}

static void run(struct base *b, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(b->db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
}

static int64_t number(struct base *b, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(b->db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return value;
}

static void an_empty_file_becomes_a_good_database(void **state)
{
	struct base *b = *state;

	assert_int_equal(schema_look(b->db), SCHEMA_NONE);
	assert_int_equal(schema_create(b->db, FIRST), SQLITE_OK);
	assert_int_equal(schema_look(b->db), SCHEMA_GOOD);
	reopen(b);
	assert_int_equal(schema_look(b->db), SCHEMA_GOOD);
	/* what can never be changed later */
	assert_int_equal(number(b, "PRAGMA page_size"), 16384);
	assert_int_equal(number(b, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(number(b, "PRAGMA user_version"), SCHEMA_VERSION);
}

static const char a_message[] =
    "INSERT INTO message(uidl, ordinal, listed, seen, used) VALUES(x'61', 1, 1, 1, 1)";

static void ids_begin_where_it_was_told_and_are_never_given_twice(void **state)
{
	struct base *b = *state;

	assert_int_equal(schema_create(b->db, FIRST), SQLITE_OK);
	assert_int_equal(schema_last_id(b->db), FIRST);
	run(b, a_message);
	assert_int_equal(number(b, "SELECT id FROM message"), FIRST + 1);
	run(b, "DELETE FROM message");
	run(b, a_message);
	assert_int_equal(number(b, "SELECT id FROM message"), FIRST + 2);
	assert_int_equal(schema_last_id(b->db), FIRST + 2);
}

static void a_second_making_changes_nothing(void **state)
{
	struct base *b = *state;

	assert_int_equal(schema_create(b->db, FIRST), SQLITE_OK);
	run(b, a_message);
	assert_int_not_equal(schema_create(b->db, 7), SQLITE_OK);
	assert_true(sqlite3_get_autocommit(b->db)); /* nothing stays begun */
	assert_int_equal(schema_last_id(b->db), FIRST + 1);
	assert_int_equal(schema_look(b->db), SCHEMA_GOOD);
}

static void what_is_not_of_this_version_is_told_apart(void **state)
{
	static const struct {
		const char *change;
		enum schema_state want;
	} cases[] = {
	    {"SELECT 1", SCHEMA_GOOD}, {"PRAGMA user_version = 2", SCHEMA_NEWER},
	    {"PRAGMA user_version = 2; DROP TABLE fact", SCHEMA_NEWER}, /* no judgement of ours */
	    {"PRAGMA user_version = 0", SCHEMA_BAD}, {"PRAGMA user_version = -1", SCHEMA_BAD},
	    {"DROP TABLE fact", SCHEMA_BAD}, {"DROP TABLE arriving", SCHEMA_BAD},
	    {"DROP TABLE header", SCHEMA_BAD}, {"DROP TABLE chunk", SCHEMA_BAD},
	    {"DROP TABLE intention", SCHEMA_BAD}, {"DROP INDEX message_present", SCHEMA_BAD},
	    {"DROP INDEX message_repeated", SCHEMA_BAD}, {"DROP INDEX message_cached", SCHEMA_BAD},
	    {"ALTER TABLE intention RENAME COLUMN armed TO loaded", SCHEMA_BAD},
	    {"ALTER TABLE message DROP COLUMN header_len", SCHEMA_BAD},
	    {"ALTER TABLE fact ADD COLUMN more TEXT", SCHEMA_GOOD}, /* what we ask for is there */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct base fresh = {.db = NULL}, *b = &fresh;

		assert_int_equal(sqlite3_open(":memory:", &b->db), SQLITE_OK);
		assert_int_equal(schema_create(b->db, FIRST), SQLITE_OK);
		run(b, cases[i].change);
		if (schema_look(b->db) != cases[i].want)
			fail_msg("%s: %d", cases[i].change, schema_look(b->db));
		sqlite3_close(b->db);
	}
}

static void somebody_else_s_database_is_bad(void **state)
{
	struct base *b = *state;

	run(b, "CREATE TABLE message(id INTEGER PRIMARY KEY, subject TEXT)");
	assert_int_equal(schema_look(b->db), SCHEMA_BAD);
	assert_int_equal(schema_last_id(b->db), 0);
}

/* Overwrites the file's octets from `from` on. */
static void damage(struct base *b, long from, size_t octets)
{
	FILE *f;

	run(b, "PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(b->db);
	f = fopen(b->path, "r+b");
	assert_non_null(f);
	fseek(f, from, SEEK_SET);
	for (size_t i = 0; i < octets; i++)
		fputc(0xa5, f);
	assert_int_equal(fclose(f), 0);
	b->db = NULL;
	reopen(b);
}

static void damage_is_seen(void **state)
{
	struct base *b = *state;
	int64_t page;

	assert_int_equal(schema_create(b->db, FIRST), SQLITE_OK);
	run(b, a_message);
	page = number(b, "SELECT rootpage FROM sqlite_schema WHERE name = 'message'");
	damage(b, (long)(page - 1) * 16384, 4096);
	assert_int_equal(schema_look(b->db), SCHEMA_BAD);
	assert_int_equal(schema_last_id(b->db), FIRST + 1); /* that table was spared */
	damage(b, 0, 100);
	assert_int_equal(schema_look(b->db), SCHEMA_BAD);
	assert_int_equal(schema_last_id(b->db), 0);
}

/* Else a database that is merely in use would be moved aside, with its journal of deletions. */
static void a_database_that_is_locked_is_not_called_bad(void **state)
{
	struct base *b = *state;
	sqlite3 *other = NULL;

	run(b, "PRAGMA journal_mode = DELETE; CREATE TABLE t(x)");
	assert_int_equal(sqlite3_open(b->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(schema_look(b->db), SCHEMA_ERROR);
	sqlite3_close(other);
	assert_int_equal(schema_look(b->db), SCHEMA_BAD);
}

static void where_nothing_can_be_written_none_is_made(void **state)
{
	struct base *b = *state;

	sqlite3_close(b->db);
	assert_int_equal(sqlite3_open_v2(b->path, &b->db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_not_equal(schema_create(b->db, FIRST), SQLITE_OK);
	assert_true(sqlite3_get_autocommit(b->db));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_empty_file_becomes_a_good_database, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		ids_begin_where_it_was_told_and_are_never_given_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_second_making_changes_nothing, setup, teardown),
	    cmocka_unit_test(what_is_not_of_this_version_is_told_apart),
	    cmocka_unit_test_setup_teardown(somebody_else_s_database_is_bad, setup, teardown),
	    cmocka_unit_test_setup_teardown(damage_is_seen, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_database_that_is_locked_is_not_called_bad, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		where_nothing_can_be_written_none_is_made, setup, teardown),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
