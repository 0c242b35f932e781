#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "name.h"

#define LONGEST_UIDL 400
#define ROUNDS       20000

static void a_uidl_has_this_name(void **state)
{
	static const struct {
		const char *uidl;
		size_t len;
		unsigned ordinal;
		const char *want;
	} cases[] = {
	    {"000000016b03ffaa", 16, 1, "000000016b03ffaa"},
	    {"UID1-1795424226", 15, 1, "UID1-1795424226"},
	    {"1700000000.M0P1.host", 20, 1, "1700000000.M0P1.host"},
	    {"a+b=c,<d>", 9, 1, "a+b=c,<d>"},
	    {"a/b", 3, 1, "a%2Fb"},
	    {"100%", 4, 1, "100%25"},
	    {"a~2", 3, 1, "a%7E2"},
	    {"a", 1, 2, "a~2"},
	    {"a", 1, 4294967295u, "a~4294967295"},
	    {"a:2,S", 5, 1, "a%3A2,S"},
	    {"a b\t", 4, 1, "a%20b%09"},
	    {".hidden", 7, 1, "%2Ehidden"},
	    {"..", 2, 1, "%2E."},
	    {"-rf", 3, 1, "%2Drf"},
	    {"a.-", 3, 1, "a.-"},
	    {"\0\x7F\x80\xFF", 4, 1, "%00%7F%80%FF"},
	    {"", 0, 1, "%"},
	    {"", 0, 2, "%~2"},
	    {"%", 1, 1, "%25"},
	    /* a header's hash in a UIDL's place, and what only looks like one */
	    {"\n0123456789abcdef0123456789abcdef", 33, 1,
		"header~0123456789abcdef0123456789abcdef"},
	    {"\n0123456789abcdef0123456789abcdef", 33, 2,
		"header~0123456789abcdef0123456789abcdef~2"},
	    {"\n0123456789ABCDEF0123456789abcdef", 33, 1, "%0A0123456789ABCDEF0123456789abcdef"},
	    {"\n0123456789abcdef0123456789abcde", 32, 1, "%0A0123456789abcdef0123456789abcde"},
	    {"header~0123456789abcdef0123456789abcdef", 39, 1,
		"header%7E0123456789abcdef0123456789abcdef"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice uidl = slice_make(cases[i].uidl, cases[i].len);
		CLEANUP(buf_finish) struct buf back = {0};
		char name[NAME_LONGEST + 1];
		unsigned ordinal;

		assert_int_equal(name_encode(name, uidl, cases[i].ordinal), strlen(cases[i].want));
		assert_string_equal(name, cases[i].want);
		assert_false(name_is_short(slice_of(name)));
		assert_true(name_decode(slice_of(name), &back, &ordinal));
		assert_true(slice_equal(buf_slice(&back), uidl));
		assert_int_equal(ordinal, cases[i].ordinal);
	}
}

static void a_name_that_is_none_of_ours_is_refused(void **state)
{
	static const char *const cases[] = {
	    "",
	    "%4",
	    "a%",
	    "%zz",
	    "%41",  /* an escape that was not needed */
	    "%2fb", /* small digits */
	    "a%2E", /* only in front */
	    "%%",
	    ".pop3fs",
	    "-n",
	    "a b",
	    "a:2,S",
	    "a/b",
	    "a\x80",
	    "a\n",
	    "a~",
	    "a~0",
	    "a~1",
	    "a~02",
	    "a~+2",
	    "a~4294967296",
	    "a~2~3",
	    "~2",
	    "a~b",
	    "a~e3b0c44298fc1c149afbf4c8996fb924", /* short, but not long enough to have to be */
	    "header~0123456789ABCDEF0123456789abcdef",
	    "header~0123456789abcdef0123456789abcde",
	    "header~0123456789abcdef0123456789abcdef~1",
	    "header~2~2",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(buf_finish) struct buf uidl = {0};
		unsigned ordinal = 99;

		assert_false(name_decode(slice_of(cases[i]), &uidl, &ordinal));
		assert_int_equal(uidl.len, 0);
		assert_int_equal(ordinal, 99);
		assert_false(name_is_short(slice_of(cases[i])));
	}
}

static void a_header_stands_in_for_a_uidl(void **state)
{
	static const unsigned char digest[32] = {0x00, 0x1F, 0xA0, 0xFF, 1, 2, 3};
	static const char want[] = "\n001fa0ff010203000000000000000000";
	char made[NAME_STAND_IN];

	name_stand_in(made, digest);
	assert_memory_equal(made, want, sizeof(made));
	assert_true(name_is_stand_in(slice_make(made, sizeof(made))));
	assert_false(name_is_stand_in(slice_make(made + 1, sizeof(made) - 1)));
	assert_false(name_is_stand_in(slice_of("")));
}

static void a_bare_small_number_is_a_counter(void **state)
{
	static const struct {
		const char *name;
		bool counter;
	} cases[] = {{"1", true}, {"123456789", true}, {"0001", true}, {"1~2", true}, {"", false},
	    {"~2", false}, {"1234567890", false}, {"1a", false}, {"a1", false}, {"1.2", false},
	    {"UID1-5", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(name_is_counter(slice_of(cases[i].name)), cases[i].counter);
}

static void a_long_uidl_is_shortened_and_only_where_it_must(void **state)
{
	char octets[LONGEST_UIDL], name[NAME_LONGEST + 1];
	CLEANUP(buf_finish) struct buf back = {0};
	unsigned ordinal;

	memset(octets, 'a', sizeof(octets));
	for (size_t len = NAME_LONGEST - 2; len <= NAME_LONGEST; len++) {
		assert_int_equal(name_encode(name, slice_make(octets, len), 1), len);
		assert_false(name_is_short(slice_of(name)));
		buf_clear(&back);
		assert_true(name_decode(slice_of(name), &back, &ordinal));
		assert_int_equal(back.len, len);
	}
	assert_int_equal(name_encode(name, slice_make(octets, NAME_LONGEST + 1), 1), NAME_LONGEST);
	assert_true(name_is_short(slice_of(name)));
	/* A mark may be what makes it too long. */
	assert_int_equal(name_encode(name, slice_make(octets, NAME_LONGEST - 1), 2), NAME_LONGEST);
	assert_string_equal(name + NAME_LONGEST - 2, "~2");
	assert_true(name_is_short(slice_of(name)));
	name[NAME_LONGEST - 1] = '1';
	assert_false(name_is_short(slice_of(name)));
	name[NAME_LONGEST - 1] = '2';
	memcpy(name, "%zz", 3);
	assert_false(name_is_short(slice_of(name)));
}

/* ---- whatever the UIDL is ---- */

struct entry {
	char name[NAME_LONGEST + 1];
	char uidl[LONGEST_UIDL];
	size_t len;
	unsigned ordinal;
};

/* Random ones, many of them alike: few octets to choose from, and long ones that begin alike. */
static void make_up(struct entry *e)
{
	static const char few[] = "a%~./-2:\xFF";
	static const char mark[] = "~2";
	bool any = random() % 4 == 0;

	e->len = random() % 3 == 0 ? 180 + (size_t)random() % (LONGEST_UIDL - 179)
				   : (size_t)random() % 6;
	for (size_t i = 0; i < e->len; i++)
		e->uidl[i] = (char)(any ? random() : few[(size_t)random() % (sizeof(few) - 1)]);
	if (random() % 2)
		memset(e->uidl, 'a', e->len > 3 ? e->len - 3 : 0);
	if (random() % 8 == 0) {
		static const unsigned char digest[32] = {7};

		e->len = NAME_STAND_IN;
		name_stand_in(e->uidl, digest);
		e->uidl[1] = "0f/"[random() % 3];
	}
	if (e->len > 2 && random() % 4 == 0)
		memcpy(e->uidl + e->len - 2, mark, 2);
	e->ordinal = random() % 2 ? 1 : 1 + (unsigned)random() % 12;
}

static void check_octets(struct slice name)
{
	assert_in_range(name.len, 1, NAME_LONGEST);
	assert_true(name.at[0] != '.' && name.at[0] != '-');
	for (size_t i = 0; i < name.len; i++) {
		assert_in_range((unsigned char)name.at[i], '!', '~');
		assert_true(name.at[i] != '/' && name.at[i] != ':');
	}
	assert_int_equal(strlen(name.at), name.len);
}

static void check_back(const struct entry *e, struct slice name)
{
	CLEANUP(buf_finish) struct buf back = {0};
	unsigned ordinal = 0;

	if (name_is_short(name)) {
		assert_true(e->len > (NAME_LONGEST - 3) / 3);
		assert_false(name_decode(name, &back, &ordinal));
		return;
	}
	assert_true(name_decode(name, &back, &ordinal));
	assert_true(slice_equal(buf_slice(&back), slice_make(e->uidl, e->len)));
	assert_int_equal(ordinal, e->ordinal);
}

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct entry *)left)->name, ((const struct entry *)right)->name);
}

static void two_uidls_never_share_a_name(void **state)
{
	struct entry *all = xreallocarray(NULL, ROUNDS, sizeof(*all));

	srandom(1);
	for (size_t i = 0; i < ROUNDS; i++) {
		struct entry *e = &all[i];
		size_t len;

		make_up(e);
		len = name_encode(e->name, slice_make(e->uidl, e->len), e->ordinal);
		check_octets(slice_make(e->name, len));
		check_back(e, slice_make(e->name, len));
	}
	qsort(all, ROUNDS, sizeof(*all), by_name);
	for (size_t i = 1; i < ROUNDS; i++) {
		const struct entry *a = &all[i - 1], *b = &all[i];

		if (strcmp(a->name, b->name) != 0)
			continue;
		assert_int_equal(a->ordinal, b->ordinal);
		assert_true(slice_equal(slice_make(a->uidl, a->len), slice_make(b->uidl, b->len)));
	}
	free(all);
}

static void what_decodes_encodes_to_itself(void **state)
{
	srandom(2);
	for (size_t i = 0; i < ROUNDS; i++) {
		static const char few[] = "a%~.-2F5E03A ";
		char name[12], again[NAME_LONGEST + 1];
		CLEANUP(buf_finish) struct buf uidl = {0};
		size_t len = (size_t)random() % sizeof(name);
		unsigned ordinal;

		for (size_t k = 0; k < len; k++)
			name[k] = few[(size_t)random() % (sizeof(few) - 1)];
		if (!name_decode(slice_make(name, len), &uidl, &ordinal))
			continue;
		assert_int_equal(name_encode(again, buf_slice(&uidl), ordinal), len);
		assert_memory_equal(again, name, len);
	}
}

/* "a%2Fb" is the name of a/b, and would be taken for that of a UIDL which reads a%2Fb. */
static void only_a_name_without_escapes_is_itself(void **state)
{
	static const struct {
		const char *named, *uidl;
		unsigned ordinal;
		bool want;
	} cases[] = {
	    {"0001a2b3", "0001a2b3", 1, true},
	    {"a.b-c", "a.b-c", 1, true},
	    {"0001a2b3", "0001a2b4", 1, false},
	    {"0001a2b3", "0001a2b", 1, false},
	    {"a/b", "a/b", 1, false},
	    {"a/b", "a%2Fb", 1, false},
	    {".a", ".a", 1, false},
	    {"", "", 1, false},
	    {"", "%", 1, false},
	    {"a", "a", 2, false},
	    {"a", "a~2", 2, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[NAME_LONGEST + 1];
		struct slice named =
		    slice_make(name, name_encode(name, slice_of(cases[i].named), cases[i].ordinal));

		if (name_is_itself(named, slice_of(cases[i].uidl)) != cases[i].want)
			fail_msg("%s and %s", name, cases[i].uidl);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_a_name_without_escapes_is_itself),
	    cmocka_unit_test(a_uidl_has_this_name),
	    cmocka_unit_test(a_name_that_is_none_of_ours_is_refused),
	    cmocka_unit_test(a_header_stands_in_for_a_uidl),
	    cmocka_unit_test(a_bare_small_number_is_a_counter),
	    cmocka_unit_test(a_long_uidl_is_shortened_and_only_where_it_must),
	    cmocka_unit_test(two_uidls_never_share_a_name),
	    cmocka_unit_test(what_decodes_encodes_to_itself),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
