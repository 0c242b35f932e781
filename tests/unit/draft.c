#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "alloc.h"
#include "draft.h"

#define MANY 1000

struct line {
	char kind; /* U: UIDL, L: LIST; 0: no more */
	uint32_t number;
	const char *uidl;
	uint64_t octets;
};

static void add(struct draft *d, const struct line *line)
{
	if (line->kind == 'U')
		draft_uidl(d, line->number, slice_of(line->uidl));
	else
		draft_listed(d, line->number, line->octets);
}

/* The rows as "number:uidl:listed ", "?" where there is no UIDL. */
static void check_rows(const struct draft *d, const char *want)
{
	CLEANUP(buf_finish) struct buf got = {0};

	for (size_t i = 0; i < d->count; i++) {
		const struct row *r = &d->rows[i];

		assert_true(r->kind == ROW_NEW || (r->kind == ROW_NAMELESS && r->len == 0));
		buf_printf(&got, "%u:%.*s%s:%llu ", r->number, SLICE_ARGS(row_uidl(d, r)),
		    r->kind == ROW_NAMELESS ? "?" : "", (unsigned long long)r->listed);
		assert_int_equal(r->id, 0);
		assert_null(r->learnt);
	}
	assert_string_equal(buf_text(&got), want);
}

static void lines_in_any_order_become_rows_in_order(void **state)
{
	static const struct {
		struct line lines[8];
		const char *want;
		size_t nameless, sizeless, bad;
	} cases[] = {
	    {{{0}}, "", 0, 0, 0},
	    {{{'U', 1, "a", 0}, {'U', 2, "b", 0}, {'L', 1, NULL, 10}, {'L', 2, NULL, 20}},
		"1:a:10 2:b:20 ", 0, 0, 0},
	    {{{'L', 2, NULL, 20}, {'L', 1, NULL, 10}, {'U', 2, "b", 0}, {'U', 1, "a", 0}},
		"1:a:10 2:b:20 ", 0, 0, 0},
	    {{{'U', 16777216, "z", 0}, {'L', 7, NULL, 70}, {'U', 7, "g", 0},
		 {'L', 16777216, NULL, 1}},
		"7:g:70 16777216:z:1 ", 0, 0, 0},
	    /* no LIST line: a row without a size; no UIDL: one without a name */
	    {{{'U', 1, "a", 0}, {'U', 3, "c", 0}, {'L', 2, NULL, 20}, {'L', 3, NULL, 30}},
		"1:a:0 2:?:20 3:c:30 ", 1, 1, 0},
	    {{{'L', 9, NULL, 90}, {'L', 1, NULL, 10}, {'L', 2, NULL, 20}}, "1:?:10 2:?:20 9:?:90 ",
		3, 0, 0},
	    {{{'U', 2, "b", 0}, {'U', 1, "a", 0}}, "1:a:0 2:b:0 ", 0, 2, 0},
	    {{{'U', 1, "a", 0}, {'L', 1, NULL, 0}, {'L', 2, NULL, 0}}, "1:a:0 2:?:0 ", 1, 0, 0},
	    /* twice: the first counts, and an empty UIDL is one */
	    {{{'U', 1, "a", 0}, {'U', 1, "b", 0}, {'L', 1, NULL, 10}, {'L', 1, NULL, 11}},
		"1:a:10 ", 0, 0, 2},
	    {{{'U', 5, "", 0}, {'U', 2, "b", 0}, {'U', 5, "x", 0}, {'L', 5, NULL, 50},
		 {'L', 2, NULL, 20}, {'L', 5, NULL, 51}},
		"2:b:20 5::50 ", 0, 0, 2},
	    {{{'L', 1, NULL, 0}, {'L', 1, NULL, 10}, {'L', 1, NULL, 20}, {'U', 1, "a", 0}},
		"1:a:10 ", 0, 0, 2},
	    /* no number of a message */
	    {{{'U', 0, "a", 0}, {'L', 0, NULL, 10}, {'U', 1, "b", 0}}, "1:b:0 ", 0, 1, 2},
	    {{{'U', 4294967295, "a", 0}, {'L', 16777217, NULL, 10}, {'L', 1, NULL, 1},
		 {'U', 1, "b", 0}},
		"1:b:1 ", 0, 0, 2},
	    /* a UIDL twice is two rows */
	    {{{'U', 1, "a", 0}, {'U', 2, "a", 0}}, "1:a:0 2:a:0 ", 0, 2, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(draft_freep) struct draft *d = draft_create();

		for (size_t k = 0; cases[i].lines[k].kind; k++)
			add(d, &cases[i].lines[k]);
		draft_close(d);
		assert_int_equal(d->nameless, cases[i].nameless);
		assert_int_equal(d->sizeless, cases[i].sizeless);
		assert_int_equal(d->bad_lines, cases[i].bad);
		check_rows(d, cases[i].want);
	}
}

static void many_lines_backwards_keep_their_own(void **state)
{
	CLEANUP(draft_freep) struct draft *d = draft_create();
	char uidl[16];

	for (uint32_t n = MANY; n > 0; n--) {
		snprintf(uidl, sizeof(uidl), "u%u", n);
		draft_uidl(d, n * 3, slice_of(uidl));
	}
	for (uint32_t n = MANY; n > 0; n--)
		draft_listed(d, n * 3, n);
	draft_close(d);
	assert_int_equal(d->nameless, 0);
	assert_int_equal(d->count, MANY);
	for (uint32_t n = 1; n <= MANY; n++) {
		const struct row *r = &d->rows[n - 1];

		snprintf(uidl, sizeof(uidl), "u%u", n);
		assert_int_equal(r->number, n * 3);
		assert_int_equal(r->listed, n);
		assert_true(slice_is(row_uidl(d, r), uidl));
	}
}

static void a_row_without_a_uidl_is_named_later(void **state)
{
	CLEANUP(draft_freep) struct draft *d = draft_create();

	draft_uidl(d, 1, slice_of("a"));
	draft_listed(d, 2, 20);
	draft_close(d);
	draft_name(d, &d->rows[1], slice_of("stand-in"));
	assert_true(slice_is(row_uidl(d, &d->rows[0]), "a"));
	assert_true(slice_is(row_uidl(d, &d->rows[1]), "stand-in"));
	assert_int_equal(d->rows[1].kind, ROW_NAMELESS);
}

static void what_top_brought_goes_with_its_draft(void **state)
{
	struct draft *d = draft_create();

	draft_uidl(d, 1, slice_of("a"));
	draft_close(d);
	d->rows[0].learnt = xzalloc(sizeof(struct learnt) + 10);
	draft_free(d); /* AddressSanitizer looks */
	draft_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_in_any_order_become_rows_in_order),
	    cmocka_unit_test(many_lines_backwards_keep_their_own),
	    cmocka_unit_test(a_row_without_a_uidl_is_named_later),
	    cmocka_unit_test(what_top_brought_goes_with_its_draft),
	};

	return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}
