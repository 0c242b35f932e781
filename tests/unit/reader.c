#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "learn.h"
#include "reader.h"
#include "storage.h"

#define SIZE (2 * CHUNK_OCTETS + 1000)

static char octet_at(uint64_t offset)
{
	return (char)(offset ^ offset >> 8 ^ offset >> 16);
}

/* A message with a body of SIZE octets. */
static int64_t make_message(struct storage *t, const char *uidl)
{
	CLEANUP(freep) char *data = xmalloc(SIZE);
	struct body b = {.size = SIZE, .lines = 30, .chunks = 3, .header = 20};
	int64_t id = storage_message(t, uidl);

	for (uint64_t i = 0; i < SIZE; i++)
		data[i] = octet_at(i);
	for (uint32_t i = 0; i < 3; i++) {
		size_t len = i < 2 ? CHUNK_OCTETS : 1000;

		assert_int_equal(
		    bodies_add(t->store, id, i, slice_make(data + i * CHUNK_OCTETS, len), 10, NULL),
		    OK);
	}
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	return id;
}

static struct reader *open_reader(struct storage *t)
{
	struct reader *r = NULL;
	struct failure why = {0};

	if (reader_open(&r, t->path, &why) != OK)
		fail_msg("%s", why.words);
	return r;
}

static void any_part_of_a_body_can_be_read(void **state)
{
	static const struct {
		uint64_t offset;
		size_t len;
		ssize_t want;
	} cases[] = {
	    {0, 0, 0},
	    {0, 1, 1},
	    {0, 4096, 4096},
	    {0, SIZE, SIZE},
	    {0, SIZE + 1, SIZE},
	    {1, SIZE, SIZE - 1},
	    {CHUNK_OCTETS - 1, 1, 1},
	    {CHUNK_OCTETS - 1, 2, 2},
	    {CHUNK_OCTETS, CHUNK_OCTETS, CHUNK_OCTETS},
	    {CHUNK_OCTETS - 7, CHUNK_OCTETS + 14, CHUNK_OCTETS + 14},
	    {2 * CHUNK_OCTETS, 1000, 1000},
	    {2 * CHUNK_OCTETS + 999, 10, 1},
	    {SIZE, 10, 0},
	    {SIZE + 1, 10, 0},
	    {UINT64_MAX, 10, 0},
	};
	struct storage *t = *state;
	int64_t id = make_message(t, "a");
	struct reader *r = open_reader(t);
	CLEANUP(freep) char *data = xmalloc(SIZE + 2);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(data, 0, SIZE + 2);
		assert_int_equal(
		    reader_body(r, id, cases[i].offset, data, cases[i].len), cases[i].want);
		for (ssize_t j = 0; j < cases[i].want; j++)
			if (data[j] != octet_at(cases[i].offset + (uint64_t)j))
				fail_msg("case %zu differs at %zd", i, j);
		assert_int_equal(data[cases[i].want], 0);
	}
	reader_close(r);
}

static void a_damaged_body_is_no_body(void **state)
{
	static const char *const damage[] = {
	    "DELETE FROM chunk WHERE key & 0xffffff = 1",
	    "UPDATE chunk SET data = substr(data, 2) WHERE key & 0xffffff = 1",
	    "UPDATE chunk SET data = CAST(data || x'00' AS BLOB) WHERE key & 0xffffff = 1",
	    "UPDATE message SET size = size + 1",
	    "UPDATE message SET size = size - 1",
	    "UPDATE message SET size = size + 131072",
	    "UPDATE message SET size = -1",
	    "UPDATE message SET chunks = 2",
	    "UPDATE message SET chunks = NULL",
	    "DELETE FROM message",
	};
	struct storage *t = *state;
	CLEANUP(freep) char *data = xmalloc(SIZE + 2);
	struct reader *r = open_reader(t);

	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		int64_t id = make_message(t, "a");

		assert_int_equal(reader_body(r, id, 0, data, SIZE), SIZE);
		storage_run(t, damage[i]);
		if (reader_body(r, id, 0, data, SIZE + 1) != -1)
			fail_msg("not seen: %s", damage[i]);
		storage_run(t, "DELETE FROM message");
		storage_run(t, "DELETE FROM chunk");
	}
	reader_close(r);
}

static void what_is_whole_before_the_damage_can_be_read(void **state)
{
	struct storage *t = *state;
	int64_t id = make_message(t, "a");
	struct reader *r = open_reader(t);
	char data[100];

	storage_run(t, "DELETE FROM chunk WHERE key & 0xffffff = 1");
	assert_int_equal(reader_body(r, id, 100, data, 100), 100);
	assert_int_equal(reader_body(r, id, CHUNK_OCTETS - 50, data, 100), -1);
	assert_int_equal(reader_body(r, id, 2 * CHUNK_OCTETS, data, 100), 100);
	reader_close(r);
}

static void rows_are_read_also_of_vanished_messages(void **state)
{
	struct storage *t = *state;
	int64_t cached = make_message(t, "a"), listed = storage_message(t, "b/\x01");
	struct reader *r = open_reader(t);
	struct buf uidl = {0};
	struct reader_row row;

	storage_run(
	    t, "UPDATE message SET vanished = 9, received = 5 WHERE uidl = CAST('a' AS BLOB)");
	assert_true(reader_message(r, cached, &row));
	assert_int_equal(row.listed, 100);
	assert_int_equal(row.size, SIZE);
	assert_true(row.true_size && row.cached);
	assert_int_equal(row.lines, 30);
	assert_int_equal(row.header, 20);
	assert_int_equal(row.received, 5);
	assert_int_equal(row.seen, 7);

	assert_true(reader_message(r, listed, &row));
	assert_int_equal(row.size, 100);
	assert_false(row.true_size || row.cached);
	assert_int_equal(row.received, 7);

	assert_true(reader_uidl(r, listed, &uidl));
	assert_true(slice_is(buf_slice(&uidl), "b/\x01"));
	assert_false(reader_message(r, listed + 1, &row));
	assert_false(reader_uidl(r, listed + 1, &uidl));
	buf_finish(&uidl);
	reader_close(r);
}

static void a_header_comes_from_top_or_from_the_body(void **state)
{
	struct storage *t = *state;
	int64_t id = make_message(t, "a"), unknown = storage_message(t, "b");
	struct reader *r = open_reader(t);
	struct buf text = {0};

	assert_false(reader_header(r, unknown, &text));
	assert_true(reader_header(r, id, &text));
	assert_int_equal(text.len, 20);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(buf_at(&text)[i], octet_at(i));
	assert_false(reader_header_is_kept(r, id)); /* with the body it goes */

	storage_run(t, "INSERT INTO header SELECT id, CAST('Subject: x' AS BLOB) FROM message "
		       "WHERE chunks > 0");
	buf_clear(&text);
	assert_true(reader_header(r, id, &text));
	assert_true(slice_is(buf_slice(&text), "Subject: x"));
	assert_true(reader_header_is_kept(r, id));
	buf_finish(&text);
	reader_close(r);
}

static int part(struct reader *r, int64_t id, uint64_t offset, char *to, size_t len)
{
	memset(to, 0, len + 1);
	return (int)reader_header_part(r, id, offset, to, len);
}

static void a_header_is_a_file_where_all_of_it_is_here(void **state)
{
	struct storage *t = *state;
	int64_t id = make_message(t, "a"), other = storage_message(t, "b");
	struct reader *r = open_reader(t);
	uint32_t length = 7;
	char got[100];

	assert_false(reader_header_length(r, other, &length));
	assert_int_equal(part(r, other, 0, got, 10), -1);
	assert_int_equal(part(r, other + 1, 0, got, 10), -1);

	/* from the body */
	assert_true(reader_header_length(r, id, &length));
	assert_int_equal(length, 20);
	assert_int_equal(part(r, id, 15, got, 10), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(got[i], octet_at(15 + i));
	assert_int_equal(part(r, id, 20, got, 10), 0);

	/* a text that was cut is not all of it; one of its length is */
	storage_run(t, "INSERT INTO header SELECT id, CAST('Subject: x' AS BLOB) FROM message");
	assert_int_equal(part(r, id, 0, got, 90), 20);
	storage_run(t, "UPDATE message SET header_len = 11");
	assert_false(reader_header_length(r, other, &length));
	assert_int_equal(part(r, other, 0, got, 90), -1);
	storage_run(t, "UPDATE message SET header_len = 10");
	assert_true(reader_header_length(r, other, &length));
	assert_int_equal(length, 10);
	assert_int_equal(part(r, other, 0, got, 90), 10);
	assert_string_equal(got, "Subject: x");
	assert_int_equal(part(r, other, 8, got, 1), 1);
	assert_string_equal(got, " ");
	assert_int_equal(part(r, other, 10, got, 9), 0);
	assert_int_equal(part(r, other, UINT64_MAX, got, 9), 0);
	reader_close(r);
}

static void facts_can_be_read_beside_the_writer(void **state)
{
	struct storage *t = *state;
	struct reader *r = open_reader(t);
	char value[16];

	assert_false(reader_recall(r, "key", value, sizeof(value)));
	assert_int_equal(store_remember(t->store, "key", "value", NULL), OK);
	assert_true(reader_recall(r, "key", value, sizeof(value)));
	assert_string_equal(value, "value");
	reader_close(r);
}

static void a_reader_never_holds_the_log_back(void **state)
{
	struct storage *t = *state;
	int64_t id = make_message(t, "a");
	struct reader *r = open_reader(t);
	struct buf buf = {0};
	struct reader_row row;
	char data[10];

	reader_body(r, id, 0, data, sizeof(data));
	reader_body(r, id + 1, 0, data, sizeof(data));
	reader_message(r, id, &row);
	reader_uidl(r, id, &buf);
	reader_header(r, id, &buf);
	reader_recall(r, "key", data, sizeof(data));
	assert_int_equal(store_remember(t->store, "key", "value", NULL), OK);
	/* 0: the whole log went into the database and was cut to nothing */
	assert_int_equal(storage_number(t, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	buf_finish(&buf);
	reader_close(r);
}

static void there_must_be_a_database_to_read(void **state)
{
	struct reader *r = NULL;
	struct failure why = {0};

	assert_int_equal(reader_open(&r, "/nonexistent/mail.db", &why), E_STORE);
	assert_null(r);
}

/* Only so much of a header is kept and shown; and a body with a hole in it has none. */
static void of_a_header_in_a_body_so_much_is_read_or_nothing(void **state)
{
	struct storage *t = *state;
	int64_t id = make_message(t, "a");
	struct reader *r = open_reader(t);
	struct buf text = {0};

	storage_run(t, "UPDATE message SET header_len = size");
	assert_true(reader_header(r, id, &text));
	assert_int_equal(text.len, SIZE < LEARN_LARGEST ? SIZE : LEARN_LARGEST);
	buf_clear(&text);
	storage_run(t, "DELETE FROM chunk WHERE key & 0xffffff = 0");
	assert_false(reader_header(r, id, &text));
	assert_int_equal(text.len, 0);
	buf_finish(&text);
	reader_close(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(any_part_of_a_body_can_be_read),
	    TEST(a_damaged_body_is_no_body),
	    TEST(what_is_whole_before_the_damage_can_be_read),
	    TEST(rows_are_read_also_of_vanished_messages),
	    TEST(a_header_comes_from_top_or_from_the_body),
	    TEST(a_header_is_a_file_where_all_of_it_is_here),
	    TEST(facts_can_be_read_beside_the_writer),
	    TEST(a_reader_never_holds_the_log_back),
	    TEST(there_must_be_a_database_to_read),
	    TEST(of_a_header_in_a_body_so_much_is_read_or_nothing),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
