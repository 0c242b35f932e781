#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "reader.h"
#include "storage.h"

static char pattern_at(uint64_t offset)
{
	return (char)('a' + offset * 7 % 26 + offset / CHUNK_OCTETS % 3);
}

/* The pieces of a body of that size, except the one with index `without`. */
static void add_pieces(struct storage *t, int64_t id, uint64_t size, uint32_t without)
{
	CLEANUP(freep) char *data = xmalloc(CHUNK_OCTETS);

	for (uint64_t at = 0; at < size; at += CHUNK_OCTETS) {
		uint64_t len = size - at < CHUNK_OCTETS ? size - at : CHUNK_OCTETS;
		uint32_t index = (uint32_t)(at / CHUNK_OCTETS);

		for (uint64_t i = 0; i < len; i++)
			data[i] = pattern_at(at + i);
		if (index == without)
			continue;
		assert_int_equal(
		    bodies_add(t->store, id, index, slice_make(data, (size_t)len), 1, NULL),
		    without == 0 ? E_STORE : OK); /* what has no beginning would never be swept */
	}
}

static struct body body_of(uint64_t size)
{
	uint32_t chunks = (uint32_t)((size + CHUNK_OCTETS - 1) / CHUNK_OCTETS);

	return (struct body){.size = size, .lines = chunks, .chunks = chunks, .header = 5};
}

static enum error complete(struct storage *t, int64_t id, uint64_t size)
{
	struct body b = body_of(size);

	return bodies_complete(t->store, id, &b, NULL);
}

/* -1: no body; else its size, having looked at every octet and counted the lines of each piece. */
static int64_t read_back(struct storage *t, int64_t id)
{
	struct reader *r = NULL;
	CLEANUP(freep) char *data = xmalloc(100000);
	int64_t at = 0;
	uint32_t lines = 0;
	ssize_t got;

	assert_int_equal(reader_open(&r, t->path, NULL), OK);
	assert_int_equal(reader_piece_lines(r, id, 0, &lines),
	    reader_body(r, id, 0, data, 1) > 0); /* of a whole one only */
	while ((got = reader_body(r, id, (uint64_t)at, data, 100000)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			if (data[i] != pattern_at((uint64_t)(at + i)))
				fail_msg("octet %lld differs", (long long)(at + i));
		at += got;
	}
	reader_close(r);
	return got < 0 ? -1 : at;
}

static void a_body_is_read_as_it_came(void **state)
{
	static const uint64_t sizes[] = {0, 1, 4000, CHUNK_OCTETS - 1, CHUNK_OCTETS,
	    CHUNK_OCTETS + 1, 2 * CHUNK_OCTETS, 3 * CHUNK_OCTETS + 17};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char uidl[8] = {(char)('a' + i)};
		int64_t id = storage_message(t, uidl);

		add_pieces(t, id, sizes[i], UINT32_MAX);
		assert_int_equal(read_back(t, id), -1);
		assert_int_equal(complete(t, id, sizes[i]), OK);
		assert_int_equal(read_back(t, id), sizes[i]);
	}
	assert_int_equal(storage_number(t, "SELECT count(*) FROM arriving"), 0);
}

static void a_body_with_a_missing_piece_is_not_whole(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");

	for (uint32_t without = 0; without < 3; without++) {
		add_pieces(t, id, 3 * CHUNK_OCTETS, without);
		assert_int_equal(complete(t, id, 3 * CHUNK_OCTETS), E_STORE);
		assert_int_equal(read_back(t, id), -1);
		assert_int_equal(bodies_break_off(t->store, id, NULL), OK);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"), 0);
	}
	assert_int_equal(complete(t, id, 100), E_STORE);
}

/* Each of what is known of it by itself. */
static void a_body_whose_pieces_are_others_is_not_whole(void **state)
{
	static const struct body cases[] = {{.size = 1}, {.lines = 1}, {.chunks = 1}};
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct body b = body_of(CHUNK_OCTETS + 9);

		b.size += cases[i].size;
		b.lines += cases[i].lines;
		b.chunks += cases[i].chunks;
		add_pieces(t, id, CHUNK_OCTETS + 9, UINT32_MAX);
		assert_int_equal(bodies_complete(t->store, id, &b, NULL), E_STORE);
		assert_int_equal(read_back(t, id), -1);
	}
	assert_int_equal(complete(t, id, CHUNK_OCTETS + 9), OK);
}

/* In the middle of each piece of the second one, wherever the first one stands. */
static void a_whole_body_is_read_while_another_one_arrives(void **state)
{
	static const struct {
		uint64_t first, second;
		bool breaks_off;
	} cases[] = {
	    {3 * CHUNK_OCTETS, 2 * CHUNK_OCTETS + 7, false},
	    {100, 3 * CHUNK_OCTETS, false},
	    {2 * CHUNK_OCTETS + 1, CHUNK_OCTETS, true},
	    {0, CHUNK_OCTETS + 1, false},
	    {CHUNK_OCTETS + 1, 0, false},
	    {5, CHUNK_OCTETS + 1, true},
	};
	struct storage *t = *state;
	int64_t id = storage_message(t, "a"), other = storage_message(t, "b");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t first = cases[i].first, second = cases[i].second;

		add_pieces(t, id, first, UINT32_MAX);
		assert_int_equal(complete(t, id, first), OK);
		for (uint64_t some = 1; some < second; some += CHUNK_OCTETS) {
			add_pieces(t, id, some, UINT32_MAX);
			assert_int_equal(read_back(t, id), first);
		}
		assert_int_equal(complete(t, id, second + 1), E_STORE);
		assert_int_equal(read_back(t, id), first);
		if (cases[i].breaks_off) {
			assert_int_equal(bodies_break_off(t->store, id, NULL), OK);
			second = first;
		} else {
			add_pieces(t, id, second, UINT32_MAX);
			assert_int_equal(complete(t, id, second), OK);
		}
		assert_int_equal(read_back(t, id), second);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"),
		    (second + CHUNK_OCTETS - 1) / CHUNK_OCTETS);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM arriving"), 0);
	}
	assert_int_equal(read_back(t, other), -1);
}

/* Evicted, say, or found to be damaged: what comes goes on coming. */
static void a_whole_body_leaves_without_the_one_that_arrives(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");

	for (unsigned turn = 0; turn < 3; turn++) { /* each time from another place */
		add_pieces(t, id, CHUNK_OCTETS + 1, UINT32_MAX);
		assert_int_equal(complete(t, id, CHUNK_OCTETS + 1), OK);
		add_pieces(t, id, 2 * CHUNK_OCTETS + 1, UINT32_MAX);
		assert_int_equal(bodies_discard(t->store, id, NULL), OK);
		assert_int_equal(read_back(t, id), -1);
		assert_int_equal(complete(t, id, 2 * CHUNK_OCTETS + 1), OK);
		assert_int_equal(read_back(t, id), 2 * CHUNK_OCTETS + 1);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"), 3);
	}
}

static void a_piece_is_the_whole_one_s_or_that_of_the_one_that_arrives(void **state)
{
	struct storage *t = *state;
	CLEANUP(buf_finish) struct buf piece = {.len = 0};
	int64_t id = storage_message(t, "a");
	uint32_t lines;

	add_pieces(t, id, 10, UINT32_MAX);
	assert_int_equal(bodies_piece(t->store, id, 0, &piece, &lines, NULL), E_STORE);
	assert_int_equal(complete(t, id, 10), OK);
	assert_int_equal(bodies_piece_arrived(t->store, id, 0, &piece, &lines, NULL), E_STORE);
	add_pieces(t, id, 20, UINT32_MAX);
	assert_int_equal(bodies_piece(t->store, id, 0, &piece, &lines, NULL), OK);
	assert_int_equal(piece.len, 10);
	assert_int_equal(bodies_piece_arrived(t->store, id, 0, &piece, &lines, NULL), OK);
	assert_int_equal(piece.len, 30);
	assert_int_equal(bodies_piece_arrived(t->store, id, 1, &piece, &lines, NULL), E_STORE);
}

static void a_later_fetch_replaces_the_body_also_by_a_shorter_one(void **state)
{
	static const uint64_t sizes[] = {3 * CHUNK_OCTETS, 100, 2 * CHUNK_OCTETS + 1, 0, 5};
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add_pieces(t, id, sizes[i], UINT32_MAX);
		assert_int_equal(complete(t, id, sizes[i]), OK);
		assert_int_equal(read_back(t, id), sizes[i]);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"),
		    (sizes[i] + CHUNK_OCTETS - 1) / CHUNK_OCTETS);
		assert_int_equal(storage_number(t, "SELECT size FROM message"), sizes[i]);
	}
}

static void a_discarded_body_leaves_its_true_size(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a"), other = storage_message(t, "b");

	add_pieces(t, id, 200000, UINT32_MAX);
	assert_int_equal(complete(t, id, 200000), OK);
	add_pieces(t, other, 70, UINT32_MAX);
	assert_int_equal(complete(t, other, 70), OK);
	assert_int_equal(bodies_discard(t->store, id, NULL), OK);
	assert_int_equal(read_back(t, id), -1);
	assert_int_equal(read_back(t, other), 70);
	assert_int_equal(
	    storage_number(t, "SELECT size FROM message WHERE chunks IS NULL"), 200000);
	assert_int_equal(
	    storage_number(t, "SELECT length(sha256) FROM message WHERE chunks IS NULL"), 32);
}

static void a_start_sweeps_half_fetched_bodies_and_leaves_whole_ones(void **state)
{
	struct storage *t = *state;
	int64_t whole = storage_message(t, "whole"), half = storage_message(t, "half"),
		again = storage_message(t, "again");

	add_pieces(t, whole, 300000, UINT32_MAX);
	assert_int_equal(complete(t, whole, 300000), OK);
	add_pieces(t, again, 300000, UINT32_MAX);
	assert_int_equal(complete(t, again, 300000), OK);
	add_pieces(t, half, 2 * CHUNK_OCTETS, UINT32_MAX);
	add_pieces(t, again, CHUNK_OCTETS, UINT32_MAX); /* fetched anew, and not to the end */

	storage_close(t);
	storage_open(t);
	assert_int_equal(read_back(t, whole), 300000);
	assert_int_equal(read_back(t, half), -1);
	assert_int_equal(read_back(t, again), 300000);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"), 6);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM arriving"), 0);
}

static void a_header_that_came_along_is_kept_and_the_time_stays(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");
	CLEANUP(freep) struct learnt *l = xzalloc(sizeof(*l) + 4);
	struct body b = body_of(10);

	memset(l->digest, 7, sizeof(l->digest));
	l->received = 1234;
	l->len = 4;
	memcpy(l->text, "A: b", 4);
	b.learnt = l;
	add_pieces(t, id, 10, UINT32_MAX);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	assert_int_equal(
	    storage_number(t, "SELECT count(*) FROM header WHERE text = CAST('A: b' AS BLOB)"), 1);
	assert_int_equal(storage_number(t, "SELECT length(digest) FROM message"), 32);
	assert_int_equal(storage_number(t, "SELECT received IS NULL FROM message"), 1);

	/* the hash of the header that was shown first stays: it is what the message is known by */
	memset(l->digest, 8, sizeof(l->digest));
	add_pieces(t, id, 10, UINT32_MAX);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	assert_int_equal(storage_number(t, "SELECT substr(digest, 1, 1) = x'07' FROM message"), 1);

	/* and the text is that of the body, with what the server has noted there since */
	l->text[0] = 'a';
	memset(l->digest, 7, sizeof(l->digest));
	add_pieces(t, id, 10, UINT32_MAX);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	assert_int_equal(
	    storage_number(t, "SELECT count(*) FROM header WHERE text = CAST('a: b' AS BLOB)"), 1);
	memset(l->digest, 8, sizeof(l->digest));

	/* but not where another message has its UIDL now: it is that one which is read, and
	 * unlinked */
	memcpy(l->text, "X: y", 4);
	add_pieces(t, id, 10, UINT32_MAX);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	assert_int_equal(storage_number(t, "SELECT substr(digest, 1, 1) = x'08' FROM message"), 1);
	assert_int_equal(
	    storage_number(t, "SELECT count(*) FROM header WHERE text = CAST('X: y' AS BLOB)"), 1);
}

static void a_body_for_no_message_is_refused(void **state)
{
	struct storage *t = *state;
	struct learnt learnt = {.received = INT64_MIN};
	struct body unknown = {.learnt = &learnt};
	struct known known;

	add_pieces(t, 5, 10, UINT32_MAX);
	assert_int_equal(complete(t, 5, 10), E_VANISHED);
	assert_int_equal(bodies_known(t->store, 5, &unknown, &known, NULL), OK);
	assert_true(bodies_agree(&unknown, &known)); /* there is nothing to differ from */
}

/* More pieces than a message's number of one has room for. */
static void a_body_that_is_too_large_is_refused(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");
	struct failure why = {0};

	assert_int_equal(bodies_add(t->store, id, 0, slice_of("first"), 1, &why), OK);
	assert_int_equal(bodies_add(t->store, id, (1u << 24) - 1, slice_of("last"), 1, &why), OK);
	assert_int_equal(bodies_add(t->store, id, 1u << 24, slice_of("beyond"), 1, &why), E_FULL);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"), 2);
}

static void an_opening_is_noted(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");

	assert_int_equal(bodies_used(t->store, id, 4711, NULL), OK);
	assert_int_equal(storage_number(t, "SELECT used FROM message"), 4711);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_body_is_read_as_it_came),
	    TEST(a_body_with_a_missing_piece_is_not_whole),
	    TEST(a_body_whose_pieces_are_others_is_not_whole),
	    TEST(a_whole_body_is_read_while_another_one_arrives),
	    TEST(a_whole_body_leaves_without_the_one_that_arrives),
	    TEST(a_piece_is_the_whole_one_s_or_that_of_the_one_that_arrives),
	    TEST(a_later_fetch_replaces_the_body_also_by_a_shorter_one),
	    TEST(a_discarded_body_leaves_its_true_size),
	    TEST(a_start_sweeps_half_fetched_bodies_and_leaves_whole_ones),
	    TEST(a_header_that_came_along_is_kept_and_the_time_stays),
	    TEST(a_body_for_no_message_is_refused),
	    TEST(a_body_that_is_too_large_is_refused),
	    TEST(an_opening_is_noted),
	};

	return cmocka_run_group_tests_name("bodies", tests, NULL, NULL);
}
