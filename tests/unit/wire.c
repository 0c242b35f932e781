#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "buf.h"
#include "wire.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LIMIT       10

/* What a body came to: its text, a "!" for its end, and behind that what was left over. */
struct taken {
	struct buf text;
	bool ended;
};

/* Brings one piece, in memory of its own so that reading beyond it is seen. */
static void feed(struct wire *w, struct taken *t, struct slice piece)
{
	CLEANUP(freep) char *copy = xmemdup(piece.at, piece.len);
	struct slice text;
	enum wire_result result;

	if (t->ended) {
		buf_add_slice(&t->text, piece);
		return;
	}
	w->at = copy;
	w->end = copy + piece.len;
	while ((result = wire_body(w, &text)) == WIRE_TEXT) {
		assert_true(text.len > 0);
		buf_add_slice(&t->text, text);
	}
	if (result == WIRE_MORE) {
		assert_ptr_equal(w->at, w->end);
		return;
	}
	assert_int_equal(result, WIRE_END);
	t->ended = true;
	buf_add_text(&t->text, "!");
	buf_add(&t->text, w->at, (size_t)(w->end - w->at));
}

static void check_body(struct slice in, bool lf, struct slice want, size_t cut, size_t second)
{
	struct wire w = {.lf = lf};
	struct taken t = {0};

	wire_body_start(&w);
	feed(&w, &t, slice_make(in.at, cut));
	feed(&w, &t, slice_make(in.at + cut, second - cut));
	feed(&w, &t, slice_make(in.at + second, in.len - second));
	assert_int_equal(t.text.len, want.len);
	assert_memory_equal(buf_at(&t.text), want.at, want.len);
	buf_finish(&t.text);
}

static void check_octet_by_octet(struct slice in, bool lf, struct slice want)
{
	struct wire w = {.lf = lf};
	struct taken t = {0};

	wire_body_start(&w);
	for (size_t i = 0; i < in.len; i++)
		feed(&w, &t, slice_make(in.at + i, 1));
	assert_int_equal(t.text.len, want.len);
	assert_memory_equal(buf_at(&t.text), want.at, want.len);
	buf_finish(&t.text);
}

static void check_every_cut(struct slice in, bool lf, struct slice want)
{
	for (size_t cut = 0; cut <= in.len; cut++)
		for (size_t second = cut; second <= in.len; second++)
			check_body(in, lf, want, cut, second);
	check_octet_by_octet(in, lf, want);
}

#define S(text)                                                                                    \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void a_body_loses_its_stuffed_dots_and_nothing_else(void **state)
{
	static const struct {
		bool lf;
		struct slice in, want;
	} cases[] = {
	    {false, S("one\r\ntwo\r\n.\r\n+OK\r\n"), S("one\r\ntwo\r\n!+OK\r\n")},
	    {false, S(".\r\n"), S("!")},
	    {false, S(".\r\n.\r\n"), S("!.\r\n")},
	    {false, S("\r\n.\r\n"), S("\r\n!")},
	    {false, S("..stuffed\r\n.\r\n"), S(".stuffed\r\n!")},
	    {false, S("..\r\n...\r\n.\r\n"), S(".\r\n..\r\n!")},
	    {false, S(".not stuffed\r\n.\r\n"), S("not stuffed\r\n!")},
	    {false, S("a.b\r\nc.\r\n.\r\n"), S("a.b\r\nc.\r\n!")},
	    {false, S("bare\n.\nlf\r\n.\r\n"), S("bare\n.\nlf\r\n!")},
	    {false, S("bare\n.\r\nlf\r\n.\r\n"), S("bare\n.\r\nlf\r\n!")},
	    {false, S("bare\r.\r\ncr\r\n.\r\n"), S("bare\r.\r\ncr\r\n!")},
	    {false, S(".\nlf behind a dot\r\n.\r\n"), S("\nlf behind a dot\r\n!")},
	    {false, S(".\rx\r\n.\r\n"), S("\rx\r\n!")},
	    {false, S(".\r\r\n.\r\n"), S("\r\r\n!")},
	    {false, S(".\r.\r\n.\r\n"), S("\r.\r\n!")},
	    {false, S("\r\r\n.\r\n"), S("\r\r\n!")},
	    {false, S("\n\r.\r\n.\r\n"), S("\n\r.\r\n!")},
	    {false, S("nul\0\r\n.\0\r\n.\r\n"), S("nul\0\r\n\0\r\n!")},
	    {false, S("8-bit \xff\xfe\r\n.\r\n"), S("8-bit \xff\xfe\r\n!")},
	    {false, S("never ended\r\n."), S("never ended\r\n")},
	    {false, S("never ended\r\n.\r"), S("never ended\r\n")},
	    {false, S("never ended\n.\n"), S("never ended\n.\n")},
	    {true, S("one\ntwo\n.\n+OK\n"), S("one\ntwo\n!+OK\n")},
	    {true, S(".\n"), S("!")},
	    {true, S("..stuffed\n...\n.\n"), S(".stuffed\n..\n!")},
	    {true, S("mixed\r\n.\n"), S("mixed\r\n!")},
	    {true, S("mixed\n.\r\n"), S("mixed\n!")},
	    {true, S("mixed\n.\rx\n.\n"), S("mixed\n\rx\n!")},
	    {true, S(".\r\r\n.\n"), S("\r\r\n!")},
	    {true, S("cr\r.\n.\n"), S("cr\r.\n!")},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_every_cut(cases[i].in, cases[i].lf, cases[i].want);
}

/* The same said another way, line by line with all of it at hand. */
static void undo(struct slice in, bool lf, struct buf *out)
{
	bool line_start = true;

	for (size_t i = 0; i < in.len; i++) {
		const char *rest = in.at + i;
		size_t left = in.len - i;

		if (line_start && rest[0] == '.') {
			size_t end = lf && left >= 2 && rest[1] == '\n'           ? 2
				     : left >= 3 && memcmp(rest, ".\r\n", 3) == 0 ? 3
										  : 0;

			if (end) {
				buf_add_text(out, "!");
				buf_add(out, rest + end, left - end);
				return;
			}
			if (left == 2 && rest[1] == '\r')
				return; /* not known yet */
			line_start = false;
			continue;
		}
		buf_add(out, rest, 1);
		line_start = rest[0] == '\n' && (lf || (i > 0 && rest[-1] == '\r'));
	}
}

static void every_short_body_is_read_the_same_however_it_is_cut(void **state)
{
	static const char alphabet[] = ".\r\na";
	char in[7];

	for (size_t len = 0; len <= sizeof(in); len++) {
		for (unsigned which = 0; which < 1u << 2 * len; which++) {
			for (size_t i = 0; i < len; i++)
				in[i] = alphabet[which >> 2 * i & 3];
			for (int lf = 0; lf <= 1; lf++) {
				struct buf want = {0};

				undo(slice_make(in, len), lf, &want);
				for (size_t cut = 0; cut <= len; cut++)
					check_body(
					    slice_make(in, len), lf, buf_slice(&want), cut, len);
				check_octet_by_octet(slice_make(in, len), lf, buf_slice(&want));
				buf_finish(&want);
			}
		}
	}
}

static void a_piece_of_a_body_is_as_large_as_can_be(void **state)
{
	static const char in[] = "one\r\na.b\n.\nc\r\n..two\r\nthree\r\n.\r\n";
	static const char *const want[] = {"one\r\na.b\n.\nc\r\n", ".two\r\nthree\r\n"};
	struct wire w = {.at = in, .end = in + sizeof(in) - 1};
	struct slice text;

	wire_body_start(&w);
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_int_equal(wire_body(&w, &text), WIRE_TEXT);
		assert_true(slice_is(text, want[i]));
		assert_true(text.at >= in && text.at < in + sizeof(in));
	}
	assert_int_equal(wire_body(&w, &text), WIRE_END);
	assert_int_equal(wire_body(&w, &text), WIRE_MORE);
}

static void a_line_ends_in_crlf_or_lf(void **state)
{
	static const struct {
		const char *in;
		enum wire_result want;
		const char *line;
		bool lf;
		const char *rest;
	} cases[] = {
	    {"+OK\r\nnext", WIRE_LINE, "+OK", false, "next"},
	    {"+OK\nnext", WIRE_LINE, "+OK", true, "next"},
	    {"\r\n", WIRE_LINE, "", false, ""},
	    {"\n", WIRE_LINE, "", true, ""},
	    {"a\rb\r\r\n", WIRE_LINE, "a\rb\r", false, ""},
	    {"0123456789\r\n", WIRE_LINE, "0123456789", false, ""},
	    {"0123456789\n", WIRE_LINE, "0123456789", true, ""},
	    {"0123456789\rx\n", WIRE_TOO_LONG},
	    {"01234567890\r\n", WIRE_TOO_LONG},
	    {"01234567890", WIRE_TOO_LONG},
	    {"0123456789\r\r", WIRE_TOO_LONG},
	    {"0123456789\r", WIRE_MORE},
	    {"0123456789", WIRE_MORE},
	    {"+OK\r", WIRE_MORE},
	    {"", WIRE_MORE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = strlen(cases[i].in);

		for (size_t cut = 0; cut <= len; cut++) {
			struct wire w = {.at = cases[i].in, .end = cases[i].in + cut};
			struct slice line = slice_of("untouched");
			enum wire_result result = wire_line(&w, LIMIT, &line);

			if (result == WIRE_MORE) {
				assert_ptr_equal(w.at, cases[i].in);
				w.end = cases[i].in + len;
				result = wire_line(&w, LIMIT, &line);
			}
			assert_int_equal(result, cases[i].want);
			if (result != WIRE_LINE) {
				assert_true(slice_is(line, "untouched"));
				assert_ptr_equal(w.at, cases[i].in);
				continue;
			}
			assert_true(slice_is(line, cases[i].line));
			assert_int_equal(w.lf, cases[i].lf);
			w.end = cases[i].in + len;
			assert_string_equal(w.at, cases[i].rest);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_body_loses_its_stuffed_dots_and_nothing_else),
	    cmocka_unit_test(every_short_body_is_read_the_same_however_it_is_cut),
	    cmocka_unit_test(a_piece_of_a_body_is_as_large_as_can_be),
	    cmocka_unit_test(a_line_ends_in_crlf_or_lf),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
