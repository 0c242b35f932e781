#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "gather.h"
#include "learn.h"
#include "header.h"

#define ID 77

static struct task *take_task(struct queue *q, enum task_kind kind)
{
	struct task *t = (struct task *)queue_take(q);

	assert_non_null(t);
	assert_int_equal(t->kind, kind);
	assert_int_equal(t->id, ID);
	return t;
}

static uint32_t count_lines(struct slice text)
{
	uint32_t lines = 0;

	for (size_t i = 1; i < text.len; i++)
		lines += text.at[i - 1] == '\r' && text.at[i] == '\n';
	return lines;
}

/* The chunks are those of `text`, whatever the pieces were. */
static void check_chunks(struct queue *q, struct slice text)
{
	uint32_t before = 0;
	size_t at = 0;

	for (uint32_t index = 0; at < text.len; index++) {
		struct task *t = take_task(q, TASK_CHUNK);
		size_t left = text.len - at;

		assert_int_equal(t->index, index);
		assert_int_equal(t->len, left < CHUNK_OCTETS ? left : CHUNK_OCTETS);
		assert_memory_equal(t->data, text.at + at, t->len);
		at += t->len;
		assert_int_equal(before + t->lines, count_lines(slice_make(text.at, at)));
		before += t->lines;
		task_free(t);
	}
}

static void check_body(struct task *t, struct slice text)
{
	unsigned char sha256[EVP_MAX_MD_SIZE];
	size_t header = header_length(text);
	size_t kept = header < LEARN_LARGEST ? header : LEARN_LARGEST;
	const struct learnt *l = t->body->learnt;

	assert_int_equal(t->body->size, text.len);
	assert_int_equal(t->body->lines, count_lines(text));
	assert_int_equal(t->body->chunks, (text.len + CHUNK_OCTETS - 1) / CHUNK_OCTETS);
	assert_int_equal(t->body->header, header);
	assert_true(EVP_Digest(text.at, text.len, sha256, NULL, EVP_sha256(), NULL));
	assert_memory_equal(t->body->sha256, sha256, sizeof(t->body->sha256));
	assert_non_null(l);
	if (l) {
		unsigned char digest[HEADER_DIGEST_OCTETS];

		assert_int_equal(l->len, kept);
		assert_memory_equal(l->text, text.at, kept);
		header_digest(slice_make(text.at, kept), digest);
		assert_memory_equal(l->digest, digest, sizeof(digest));
	}
}

/* All of it in one piece. */
static void check_together(const struct task *t, struct slice text)
{
	assert_int_equal(t->len, text.len);
	assert_memory_equal(t->data, text.at, text.len);
	assert_int_equal(t->lines, count_lines(text));
}

/* Brings the text in three pieces, with empty ones between. */
static void check_cut_so(struct slice text, size_t first, size_t second, bool together)
{
	CLEANUP(queue_finish) struct queue q;
	struct gather *g;
	struct task *t;
	size_t sent = 0;

	assert_true(queue_init(&q));
	g = gather_create(ID, &q);
	sent += gather_add(g, slice_make(text.at, first));
	sent += gather_add(g, slice_make(text.at + first, 0));
	sent += gather_add(g, slice_make(text.at + first, second - first));
	assert_int_equal(sent, second / CHUNK_OCTETS * CHUNK_OCTETS);
	sent += gather_add(g, slice_make(text.at + second, text.len - second));
	sent += gather_hold(g, together, &t);
	together = together && text.len > 0 && text.len < CHUNK_OCTETS;
	assert_int_equal(sent, together ? 0 : text.len);
	assert_int_equal(t->kind, TASK_BODY);
	assert_int_equal(t->id, ID);
	check_body(t, text);
	if (together) {
		check_together(t, text);
	} else {
		assert_null(t->data);
		check_chunks(&q, text);
	}
	task_free(t);
	assert_null(queue_take(&q));
}

static void check_cut(struct slice text, size_t first, size_t second)
{
	check_cut_so(text, first, second, false);
	check_cut_so(text, first, second, true);
}

static void a_small_message_survives_every_cut(void **state)
{
	static const char *const cases[] = {
	    "",
	    "\r\n",
	    "\n",
	    "\r",
	    "A: b\r\n\r\nbody\r\nmore\r\n",
	    "A: b\n\nbody\r\n\r\n\n\r\r\n",
	    "A: b\r\nC: no body",
	    "\r\nbody alone\r\n",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice text = slice_of(cases[i]);

		for (size_t first = 0; first <= text.len; first++)
			for (size_t second = first; second <= text.len; second++)
				check_cut(text, first, second);
	}
}

static void chunks_are_cut_where_they_must_be(void **state)
{
	static const size_t lengths[] = {CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1,
	    2 * CHUNK_OCTETS, 3 * CHUNK_OCTETS + 5};
	static const char *const fill[] = {"\r\n", "\n\r", "x\r\n"}; /* LF on both sides of a cut */
	char *text = xmalloc(4 * CHUNK_OCTETS);

	for (size_t k = 0; k < sizeof(fill) / sizeof(fill[0]); k++) {
		size_t period = strlen(fill[k]);

		text[0] = 'A';
		for (size_t i = 1; i < 4 * CHUNK_OCTETS; i++)
			text[i] = fill[k][i % period];
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			size_t len = lengths[i];

			for (int off = -2; off <= 2; off++)
				check_cut(slice_make(text, len),
				    (size_t)((int)(len / 2) + off) % CHUNK_OCTETS, len);
			check_cut(slice_make(text, len), 0, 0);
		}
	}
	free(text);
}

static void a_long_header_is_measured_whole_and_kept_cut(void **state)
{
	static const char line[] = "X-Long: 0123456789\r\n";
	CLEANUP(buf_finish) struct buf text = {0};
	struct slice all;

	while (text.len < LEARN_LARGEST + 2 * sizeof(line))
		buf_add_text(&text, line);
	buf_add_text(&text, "\r\nbody\r\n");
	all = buf_slice(&text);
	check_cut(all, 10, LEARN_LARGEST);
	check_cut(all, LEARN_LARGEST, all.len);
}

static void what_has_no_end_is_discarded_where_pieces_of_it_are(void **state)
{
	CLEANUP(queue_finish) struct queue q;
	CLEANUP(freep) char *text = xzalloc(CHUNK_OCTETS + 1);
	struct gather *g;

	assert_true(queue_init(&q));
	g = gather_create(ID, &q);
	assert_int_equal(gather_add(g, slice_make(text, CHUNK_OCTETS + 1)), CHUNK_OCTETS);
	gather_abort(g);
	task_free(take_task(&q, TASK_CHUNK));
	task_free(take_task(&q, TASK_DISCARD));
	assert_null(queue_take(&q));
	g = gather_create(ID, &q);
	gather_add(g, slice_make(text, CHUNK_OCTETS - 1));
	gather_abort(g);
	gather_abort(NULL);
	assert_null(queue_take(&q));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_small_message_survives_every_cut),
	    cmocka_unit_test(chunks_are_cut_where_they_must_be),
	    cmocka_unit_test(a_long_header_is_measured_whole_and_kept_cut),
	    cmocka_unit_test(what_has_no_end_is_discarded_where_pieces_of_it_are),
	};

	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
