#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "query.h"
#include "storage.h"

static void values_come_back_as_they_were_bound(void **state)
{
	struct storage *t = *state;
	unsigned char hash[32];
	struct failure why = {0};
	struct slice nul = slice_make("a\0b", 3);
	CLEANUP(query_end)
	sqlite3_stmt *q = NULL;
	bool row = false;

	memset(hash, 0xc3, sizeof(hash));
	q = query(t->store, &why, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7", "ibbbhht", INT64_MIN, nul,
	    slice_of(""), slice_make(NULL, 0), hash, NULL, "text");
	assert_non_null(q);
	assert_int_equal(query_next(t->store, q, &row, &why), OK);
	assert_true(row);
	assert_true(sqlite3_column_int64(q, 0) == INT64_MIN);
	assert_true(slice_equal(query_blob(q, 1), nul));
	assert_non_null(query_blob(q, 2).at); /* empty is not NULL */
	assert_int_equal(query_blob(q, 2).len, 0);
	assert_null(query_blob(q, 3).at);
	assert_true(slice_equal(query_blob(q, 4), slice_make((const char *)hash, sizeof(hash))));
	assert_null(query_blob(q, 5).at);
	assert_string_equal((const char *)sqlite3_column_text(q, 6), "text");
	assert_int_equal(query_next(t->store, q, &row, &why), OK);
	assert_false(row);
}

static void see(void *with, sqlite3_value **columns)
{
	struct buf *words = with;
	struct slice blob = query_value_blob(columns[1]);

	buf_printf(words, "%lld=%.*s%s ", (long long)sqlite3_value_int64(columns[0]),
	    SLICE_ARGS(blob), blob.at ? "" : "NULL");
}

static void each_row_is_visited(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
	    {"SELECT visit(?1, 1, x'61'), ?2 WHERE ?2 < 0", ""},
	    {"SELECT visit(?1, 1, x'61'), ?2", "1=a "},
	    {"SELECT visit(?1, column1, column2) FROM (VALUES(2, x'61'), (3, NULL), (1, x'')) "
	     "WHERE ?2",
		"2=a 3=NULL 1= "},
	    {"SELECT visit(?1, column1, column2) FROM (VALUES(2, x'61'), (3, NULL), (1, x'')) "
	     "WHERE column1 <> ?2",
		"3=NULL 1= "},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *sql = cases[i].sql;
		CLEANUP(buf_finish) struct buf seen = {.len = 0};

		assert_int_equal(query_visit(t->store, see, &seen, NULL, sql, "i", (int64_t)2), OK);
		assert_string_equal(buf_text(&seen), cases[i].want);
		/* the visitor is gone: nobody is called */
		assert_int_equal(query_run(t->store, NULL, sql, "ii", (int64_t)7, (int64_t)2), OK);
	}
}

static void a_number_stays_where_there_is_none(void **state)
{
	static const struct {
		const char *sql;
		int64_t want;
	} cases[] = {
	    {"SELECT 7", 7},
	    {"SELECT NULL", 42},
	    {"SELECT 7 WHERE 0", 42},
	    {"SELECT max(id) FROM message", 42},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t value = 42;

		assert_int_equal(query_number(t->store, &value, NULL, cases[i].sql, ""), OK);
		assert_int_equal(value, cases[i].want);
	}
}

/* Or the log could not be checkpointed, and would grow for ever. */
static void no_read_transaction_stays_open(void **state)
{
	struct storage *t = *state;
	sqlite3_stmt *q, *ended;
	int64_t value = 0;
	bool row;

	storage_message(t, "a");
	storage_message(t, "b");
	q = ended = query(t->store, NULL, "SELECT id FROM message", "");
	assert_int_equal(query_next(t->store, q, &row, NULL), OK);
	assert_true(sqlite3_stmt_busy(q));
	query_end(&q);
	assert_false(sqlite3_stmt_busy(ended));
	q = NULL;
	query_end(&q); /* for CLEANUP, where none was made */
	assert_int_equal(query_number(t->store, &value, NULL, "SELECT id FROM message", ""), OK);
	assert_false(sqlite3_stmt_busy(store_statement(t->store, "SELECT id FROM message", NULL)));
}

static void the_same_statement_begins_anew(void **state)
{
	struct storage *t = *state;
	int64_t value = 0;

	for (int64_t i = 1; i < 4; i++) {
		assert_int_equal(query_number(t->store, &value, NULL, "SELECT ?1 + 1", "i", i), OK);
		assert_int_equal(value, i + 1);
	}
}

static void a_failure_is_said_in_words(void **state)
{
	struct storage *t = *state;
	struct failure why = {0};
	int64_t value = 42;

	assert_null(query(t->store, &why, "SELECT id FROM nowhere", ""));
	assert_int_equal(why.code, E_STORE);
	assert_non_null(strstr(why.words, "nowhere"));

	assert_int_equal(query_number(t->store, &value, &why, "SELECT FROM", ""), E_STORE);
	assert_int_equal(value, 42);

	assert_null(query(t->store, &why, "SELECT ?1", "ii", (int64_t)1, (int64_t)2));
	assert_non_null(strstr(why.words, "bind"));

	storage_message(t, "a");
	assert_int_equal(query_run(t->store, &why,
			     "INSERT INTO message(uidl, ordinal, listed, seen, used) "
			     "VALUES(?1, ?2, 1, 1, 1)",
			     "bi", slice_of("a"), (int64_t)1),
	    E_STORE); /* UNIQUE */
	assert_non_null(strstr(why.words, "UNIQUE"));
	assert_int_equal(storage_number(t, "SELECT count(*) FROM message"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		values_come_back_as_they_were_bound, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(each_row_is_visited, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		a_number_stays_where_there_is_none, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		no_read_transaction_stays_open, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		the_same_statement_begins_anew, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		a_failure_is_said_in_words, storage_setup, storage_teardown),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
