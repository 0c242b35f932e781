#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "listing.h"
#include "slice.h"
#include "twins.h"

#define MOST   8
#define DIGEST 32

/* Twins in words: a letter for the header ("-": unknown), the listed size, "v" for vanished. */
struct side {
	struct twin twins[MOST];
	unsigned char digests[MOST][DIGEST];
	size_t count;
};

static void read_side(struct side *s, const char *words)
{
	struct slice rest = slice_of(words), word;

	memset(s, 0, sizeof(*s));
	while ((word = slice_token(&rest, " ")).len) {
		struct twin *t = &s->twins[s->count];

		memset(s->digests[s->count], word.at[0], DIGEST);
		t->digest = word.at[0] == '-' ? NULL : s->digests[s->count];
		t->listed = strtoull(word.at + 1, NULL, 10);
		t->vanished = word.at[word.len - 1] == 'v';
		t->mate = 77; /* whatever stood there */
		s->count++;
	}
}

/* The mates: a digit each, "." for one that is alone. */
static void write_mates(const struct side *s, char *to)
{
	for (size_t i = 0; i < s->count; i++)
		*to++ = s->twins[i].mate == TWIN_ALONE ? '.' : (char)('0' + s->twins[i].mate);
	*to = '\0';
}

static void check_mutual(const struct side *a, const struct side *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->twins[i].mate != TWIN_ALONE)
			assert_int_equal(b->twins[a->twins[i].mate].mate, i);
}

static void rows_find_their_mates(void **state)
{
	static const struct {
		const char *rows, *stored, *mates;
	} cases[] = {
	    {"", "", ""},
	    {"A1 B1", "", ".."},
	    {"", "A1", ""},
	    /* by their headers, in whatever order and of whatever size */
	    {"A1 B1", "A1 B1", "01"},
	    {"B1 A1", "A1 B1", "10"},
	    {"A9 B9", "A1 B1", "01"},
	    {"C1 A1", "A1 B1", ".0"},
	    /* equal headers: in order, and those listed just before come first */
	    {"A1 A1", "A1 A1 A1", "01"},
	    {"A1 A1", "A1v A1 A1", "12"},
	    {"A1 A1", "A1v A1", "10"},
	    {"A1", "A1v", "0"},
	    /* a stored one without a hash: by size, then in order, but never one that vanished */
	    {"A2 B1", "-1 -2", "10"},
	    {"A3 B3", "-1 -2", "01"},
	    {"A3 B2", "-1 -2", "01"},
	    {"A1", "-1v", "."},
	    {"A1 B1", "A1 -9", "01"},
	    /* a row without one keeps the name of what was there */
	    {"-1 -2", "A2 B1", "10"},
	    {"-7", "A2v B1", "1"},
	    {"-7", "A2v", "."},
	    {"A1 -1", "A1 B1", "01"},
	    {"-5 -6", "A2 B1", "01"},
	    /* what has a hash is served first */
	    {"-1 A1", "A1", ".0"},
	    {"-1 A1", "-1 A1", "01"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct side rows, stored;
		char mates[MOST + 1];

		read_side(&rows, cases[i].rows);
		read_side(&stored, cases[i].stored);
		twins_pair(rows.twins, rows.count, stored.twins, stored.count);
		write_mates(&rows, mates);
		if (strcmp(mates, cases[i].mates) != 0)
			fail_msg("%s | %s: %s", cases[i].rows, cases[i].stored, mates);
		check_mutual(&rows, &stored);
		check_mutual(&stored, &rows);
	}
}

static void what_nothing_tells_apart_is_fixed(void **state)
{
	static const struct {
		const char *words;
		const char *flags; /* " " none, "t" a twin, "!" a twin that is fixed */
	} cases[] = {
	    {"", ""},
	    {"A", " "},
	    {"-", " "},
	    {"A B", "tt"},
	    {"A A", "!!"},
	    {"A B A", "!t!"},
	    {"A B -", "tt!"},
	    {"- -", "!!"},
	    {"- A -", "!t!"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned char *digests[MOST];
		unsigned flags[MOST];
		char got[MOST + 1] = "";
		struct side side;

		read_side(&side, cases[i].words);
		for (size_t k = 0; k < side.count; k++)
			digests[k] = side.twins[k].digest;
		twins_flag(digests, side.count, flags);
		for (size_t k = 0; k < side.count; k++)
			got[k] = flags[k] == 0              ? ' '
				 : flags[k] == MESSAGE_TWIN ? 't'
				 : flags[k] & MESSAGE_FIXED ? '!'
							    : '?';
		assert_string_equal(got, cases[i].flags);
	}
}

/* A server that gives all messages one UIDL (facts.md). Quadratic, this would take minutes. */
static void a_hundred_thousand_of_one_uidl_are_paired(void **state)
{
	const size_t count = 100000;
	CLEANUP(freep) struct twin *rows = xzalloc(count * sizeof(*rows));
	CLEANUP(freep) struct twin *stored = xzalloc(count * sizeof(*stored));
	CLEANUP(freep) unsigned char *digests = xzalloc(count * DIGEST);
	CLEANUP(freep) unsigned *flags = xzalloc(count * sizeof(*flags));
	CLEANUP(freep) const unsigned char **list = xzalloc(count * sizeof(*list));

	for (size_t i = 0; i < count; i++) {
		memcpy(digests + i * DIGEST, &i, sizeof(i));
		list[i] = rows[i].digest = stored[count - 1 - i].digest = digests + i * DIGEST;
	}
	twins_pair(rows, count, stored, count);
	twins_flag(list, count, flags);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(rows[i].mate, count - 1 - i);
		assert_int_equal(flags[i], MESSAGE_TWIN);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_find_their_mates),
	    cmocka_unit_test(what_nothing_tells_apart_is_fixed),
	    cmocka_unit_test(a_hundred_thousand_of_one_uidl_are_paired),
	};

	return cmocka_run_group_tests_name("twins", tests, NULL, NULL);
}
