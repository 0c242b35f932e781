#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "lf.h"
#include "storage.h"

#define MOST (3 * CHUNK_OCTETS + 100) /* octets of a body */

struct bench {
	struct storage *storage;
	struct reader *reader;
	struct lf_places places;
	int64_t id;
	char *want; /* with LF */
	size_t len;
};

static uint32_t count_lines(const char *text, size_t from, size_t to)
{
	uint32_t lines = 0;

	for (size_t i = from > 0 ? from : 1; i < to; i++)
		lines += text[i - 1] == '\r' && text[i] == '\n';
	return lines;
}

static void expect(struct bench *b, const char *text, size_t size)
{
	b->want = xrealloc(b->want, size + 1);
	b->len = 0;
	for (size_t i = 0; i < size; i++)
		if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n')
			b->want[b->len++] = text[i];
}

static void put_body(struct bench *b, const char *text, size_t size, unsigned char hash)
{
	struct store *s = b->storage->store;
	struct body body = {.size = size, .lines = count_lines(text, 0, size)};

	for (size_t at = 0; at < size; at += CHUNK_OCTETS) {
		size_t len = size - at < CHUNK_OCTETS ? size - at : CHUNK_OCTETS;

		assert_int_equal(bodies_add(s, b->id, body.chunks++, slice_make(text + at, len),
				     count_lines(text, at, at + len), NULL),
		    OK);
	}
	memset(body.sha256, hash, sizeof(body.sha256));
	assert_int_equal(bodies_complete(s, b->id, &body, NULL), OK);
	expect(b, text, size);
}

static void begin(struct bench *b, struct storage *t)
{
	struct failure why;

	*b = (struct bench){.storage = t, .id = storage_message(t, "a")};
	if (reader_open(&b->reader, t->path, &why))
		fail_msg("%s", why.words);
}

static void end(struct bench *b)
{
	reader_close(b->reader);
	free(b->want);
}

static void check(struct bench *b, size_t offset, size_t len)
{
	CLEANUP(freep) char *got = xmalloc(len + 1);
	size_t left = offset < b->len ? b->len - offset : 0, want = len < left ? len : left;

	assert_int_equal(lf_body(b->reader, &b->places, b->id, offset, got, len), want);
	if (want > 0)
		assert_memory_equal(got, b->want + offset, want);
}

/* Every part of small bodies. */
static void a_crlf_becomes_a_lf_and_nothing_else_changes(void **state)
{
	static const char *const cases[] = {
	    "",
	    "\r\n",
	    "a",
	    "a\r\nb\r\n",
	    "a\nb\r\n",
	    "a\rb\r\r\n\r",
	    "\n\r\n\n",
	    "\r\r\r\n\n",
	};
	struct bench b;

	begin(&b, *state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = strlen(cases[i]);

		put_body(&b, cases[i], size, (unsigned char)i);
		for (size_t offset = 0; offset <= size + 1; offset++)
			for (size_t len = 0; len <= size + 1; len++)
				check(&b, offset, len);
	}
	end(&b);
}

/* A CRLF on both sides of a cut, and close by. */
static void pieces_are_joined_whatever_they_are_cut_in(void **state)
{
	static const char *const fill[] = {"\r\n", "\n\r", "x\r\n", "\r", "\n", "line\r\n"};
	CLEANUP(freep) char *text = xmalloc(MOST);
	struct bench b;

	begin(&b, *state);
	for (size_t k = 0; k < sizeof(fill) / sizeof(fill[0]); k++) {
		for (size_t i = 0; i < MOST; i++)
			text[i] = fill[k][i % strlen(fill[k])];
		put_body(&b, text, MOST, (unsigned char)k);
		check(&b, 0, MOST);
		for (size_t at = 0; at < b.len; at += 4096)
			check(&b, at, 4096);
		for (size_t at = b.len; at > 5000; at -= 5000)
			check(&b, at - 3, 7);
		for (size_t at = b.len / 4 - 20; at < b.len / 4 + 20; at++)
			check(&b, at, 60000);
		check(&b, b.len - 1, 5);
		check(&b, b.len, 5);
		check(&b, SIZE_MAX, 5);
	}
	end(&b);
}

/* The place in the body before says nothing about the one that has come since. */
/* The place in the first one is ahead of that in the second, or behind it. */
static void another_body_is_read_from_its_own_beginning(void **state)
{
	CLEANUP(freep) char *lines = xmalloc(MOST), *none = xmalloc(MOST);
	struct bench b;

	begin(&b, *state);
	for (size_t i = 0; i < MOST; i++) {
		none[i] = (char)('a' + i % 23);
		lines[i] = "\r\n"[i % 2];
	}
	put_body(&b, none, MOST, 1);
	check(&b, 2 * CHUNK_OCTETS + 7, 10);
	put_body(&b, lines, MOST, 2);
	check(&b, b.len - 50, 10);
	put_body(&b, none, MOST, 3);
	check(&b, 2 * CHUNK_OCTETS + 7, 10);
	end(&b);
}

static bool is_known(const struct bench *b, uint32_t index)
{
	for (size_t i = 0; i < LF_PLACES; i++)
		if (b->places.all[i].id == b->id && b->places.all[i].index == index)
			return true;
	return false;
}

/* Else the lines of all pieces before it would be counted for each part, while two read. */
static void readers_at_the_same_time_keep_their_places(void **state)
{
	CLEANUP(freep) char *text = xmalloc(MOST);
	char name[24];
	struct bench b;

	begin(&b, *state);
	memset(text, 'x', MOST);
	put_body(&b, text, MOST, 1);
	for (size_t i = 0; i < 5; i++) {
		check(&b, 2 * CHUNK_OCTETS + i * 7, 7);
		check(&b, i * 7, 7);
		check(&b, CHUNK_OCTETS + i * 7, 7);
		for (uint32_t index = 0; index < 3; index++)
			assert_true(i == 0 || is_known(&b, index));
	}
	for (size_t i = 0; i < 2 * LF_PLACES; i++) { /* more than there are places for */
		check(&b, 2 * CHUNK_OCTETS + i, 3);
		check(&b, 0, 3);
		snprintf(name, sizeof(name), "%zu", i);
		b.id = storage_message(b.storage, name);
		put_body(&b, text, MOST, (unsigned char)i);
	}
	end(&b);
}

static void what_is_missing_or_damaged_is_said(void **state)
{
	static const char *const damages[] = {
	    "UPDATE chunk SET lines = 0 WHERE key & 0xffffff = 0",
	    "UPDATE chunk SET lines = 1000000 WHERE key & 0xffffff = 0",
	    "DELETE FROM chunk WHERE key & 0xffffff = 1",
	    "UPDATE chunk SET data = x'00' WHERE key & 0xffffff = 1",
	    "UPDATE message SET lines = size + 1",
	    "UPDATE message SET chunks = NULL",
	};
	CLEANUP(freep) char *text = xmalloc(MOST), *got = xmalloc(MOST);
	struct bench b;

	begin(&b, *state);
	for (size_t i = 0; i < MOST; i++)
		text[i] = "ab\r\n"[i % 4];
	assert_int_equal(lf_body(b.reader, &b.places, b.id, 0, got, 10), -1);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		put_body(&b, text, MOST, 3);
		storage_run(b.storage, damages[i]);
		b.places = (struct lf_places){0};
		assert_int_equal(lf_body(b.reader, &b.places, b.id, 0, got, MOST), -1);
	}
	put_body(&b, text, MOST, 4);
	storage_run(b.storage, "DELETE FROM chunk WHERE key & 0xffffff = 1");
	b.places = (struct lf_places){0};
	assert_int_equal(lf_body(b.reader, &b.places, b.id, CHUNK_OCTETS, got, 10), -1);
	end(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_crlf_becomes_a_lf_and_nothing_else_changes),
	    TEST(pieces_are_joined_whatever_they_are_cut_in),
	    TEST(another_body_is_read_from_its_own_beginning),
	    TEST(readers_at_the_same_time_keep_their_places),
	    TEST(what_is_missing_or_damaged_is_said),
	};

	return cmocka_run_group_tests_name("lf", tests, NULL, NULL);
}
