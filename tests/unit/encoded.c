#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "encoded.h"

#define MOST 4000
#define BAD  "\xEF\xBF\xBD" /* U+FFFD */

static const struct {
	const char *in, *want;
} cases[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"Gr\xC3\xBC\xC3\x9F"
     "e \xE2\x82\xAC \xF0\x9F\x98\x80",
	"Gr\xC3\xBC\xC3\x9F"
	"e \xE2\x82\xAC \xF0\x9F\x98\x80"},

    /* RFC 3629, 4: a character that breaks off, is overlong, a surrogate, beyond the last */
    {"\xE2\x82x", BAD BAD "x"},
    {"\xE0\x80\xAF", BAD BAD BAD},
    {"\xED\xA0\x80", BAD BAD BAD},
    {"\xF4\x90\x80\x80", BAD BAD BAD BAD},

    /* RFC 2047, 8 */
    {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
    {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
	"Keld J\xC3\xB8rn Simonsen <keld@dkuug.dk>"},
    {"=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>",
	"Andr\xC3\xA9 Pirard <PIRARD@vm1.ulg.ac.be>"},
    {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
     "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	"If you can read this you understand the example."},
    {"(=?ISO-8859-1?Q?a?=)", "(a)"},
    {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},

    /* RFC 2231, 5 */
    {"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
    {"=?iso-8859-1*fr-ca?q?=E9t=E9?=", "\xC3\xA9t\xC3\xA9"},

    /* folding */
    {"one\r\n two\r\n\tthree", "one two\tthree"},
    {"one\n two", "one two"},
    {"=?utf-8?q?one?=\r\n two", "one two"},

    /* charsets */
    {"=?utf-8?B?5pel5pys6Kqe?=", "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
    {"=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
    {"=?Shift_JIS?B?k/qWe4zq?=", "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
    {"=?koi8-r?B?8NLJ18XU?=", "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"},
    {"=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"},
    {"=?gb2312?B?xOO6ww==?=", "\xE4\xBD\xA0\xE5\xA5\xBD"},
    {"=?big5?B?p0Gmbg==?=", "\xE4\xBD\xA0\xE5\xA5\xBD"},
    {"=?euc-kr?B?vsiz58fPvLy/5A==?=",
	"\xEC\x95\x88\xEB\x85\x95\xED\x95\x98\xEC\x84\xB8\xEC\x9A\x94"},
    {"=?utf-7?Q?+AOk-t+AOk-?=", "\xC3\xA9t\xC3\xA9"},
    {"=?iso-8859-1?Q?=93a=94_=80?=", "\xE2\x80\x9C"
				     "a\xE2\x80\x9D \xE2\x82\xAC"}, /* windows-1252, in truth */
    {"=?windows-1255?Q?=F9=EC=E5=ED?=", "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D"},

    /* a character in two words */
    {"=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "\xC3\xA9"},
    {"=?utf-8?B?w6k=?= =?UTF-8?Q?=C3=A9?=", "\xC3\xA9\xC3\xA9"},

    /* what is sent all the same */
    {"=?utf-8?q?a b?=", "a b"},
    {"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
    {"x=?utf-8?Q?a?=y", "xay"},
    {"\"=?utf-8?Q?a?=\" <a@b>", "\"a\" <a@b>"},
    {"=?utf-8?B?YQ?=", "a"},
    {"=?utf-8?B?Y Q = =?=", "a"},
    {"=?utf-8?B?Y.Q==?=", "a"},
    {"=?utf-8?Q?=4?=", "=4"},
    {"=?utf-8?Q?=ZZ=41?=", "=ZZA"},
    {"=?utf-8?Q?\?=", ""},
    {"=??Q?a?=", "a"},

    /* what is none */
    {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
    {"=?utf-8?Q?a", "=?utf-8?Q?a"},
    {"=?utf-8?Q?a?", "=?utf-8?Q?a?"},
    {"=?utf-8?Q?a? =", "=?utf-8?Q?a? ="},
    {"=?utf 8?Q?a?=", "=?utf 8?Q?a?="},
    {"=?utf-8?=?Q?a?=", "=?utf-8?=?Q?a?="},
    {"a = b =", "a = b ="},
    {"=?utf-8?Q?a?= =?utf-8?Q?b", "a =?utf-8?Q?b"},

    /* what cannot be read */
    {"=?utf-8?Q?a=FFb?=", "a" BAD "b"},
    {"=?utf-8?Q?=C3?= b", BAD " b"},
    {"=?x-unknown?Q?a=E9b?=", "a" BAD "b"},
    {"=?x-unknown?Q?a=C3=A9b?=", "a\xC3\xA9"
				 "b"},
    {"=?us-ascii?Q?=E9?=", BAD},
    {"=?../../tmp/x?Q?a?=", "a"},
    {"=?iso-2022-jp?Q?=1B$B?=", ""},
    {"=?euc-jp?Q?a=FF=FFb?=", "a" BAD BAD "b"},
    {"=?euc-jp?Q?a=A4?=", "a" BAD},
    {"=?utf-16be?Q?=00a=D8?=", "a" BAD},
    {"caf\xE9", "caf" BAD},
    {"\xC0\xAF \xED\xA0\x80 \xF4\x90\x80\x80", BAD BAD " " BAD BAD BAD " " BAD BAD BAD BAD},

    /* controls */
    {"a\x1B[31mb\x7F", "a" BAD "[31mb" BAD},
    {"=?utf-8?Q?a=0D=0ABcc:_x=00?=", "a" BAD BAD "Bcc: x" BAD},
    {"=?utf-8?Q?=C2=9Bm?=", BAD "m"},
    {"tab\there", "tab\there"},
};

static void check(const char *in, size_t len, const char *want, size_t most)
{
	CLEANUP(buf_finish) struct buf got = {0};
	CLEANUP(freep) char *copy = xmemdup(in, len); /* so that a step too far is seen */

	buf_add_text(&got, "before:");
	encoded_decode(&got, slice_make(copy, len), most);
	buf_take(&got, strlen("before:"));
	if (want && strcmp(buf_text(&got), want) != 0)
		fail_msg("\"%s\" is \"%s\", not \"%s\"", in, buf_text(&got), want);
	assert_true(got.len <= most);
}

static void a_field_is_read_as_people_read_it(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].in, strlen(cases[i].in), cases[i].want, MOST);
}

/* The text of a field that is folded anywhere between its words is the same. */
static void a_fold_is_as_good_as_a_blank(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *in = cases[i].in;

		for (size_t at = 0; in[at]; at++) {
			CLEANUP(freep) char *folded = NULL;

			if (in[at] != ' ' || (at > 0 && in[at - 1] == '\n'))
				continue;
			folded = xasprintf("%.*s\r\n%s", (int)at, in, in + at);
			check(folded, strlen(folded), cases[i].want, MOST);
		}
	}
}

static void any_part_of_a_field_does_no_harm(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].in);

		for (size_t cut = 0; cut <= len; cut++) {
			check(cases[i].in, cut, NULL, MOST);
			check(cases[i].in + cut, len - cut, NULL, MOST);
		}
	}
}

static void what_comes_out_is_bounded_and_cut_between_characters(void **state)
{
	static const struct {
		const char *in, *want;
		size_t most;
	} rows[] = {
	    {"abcdef", "abc", 3},
	    {"\xC3\xA9\xC3\xA9", "\xC3\xA9", 3},
	    {"=?utf-8?Q?=C3=A9=C3=A9?=", "\xC3\xA9", 3},
	    {"=?koi8-r?B?8NLJ18XU?=", "\xD0\x9F", 3},
	    {"\xFF\xFF", BAD, 5},
	    {"\xC3\xA9"
	     "a",
		"", 1},
	    {"abc", "", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].in, strlen(rows[i].in), rows[i].want, rows[i].most);
}

/* Each would take minutes if its time were not linear. */
static void hostile_fields_take_no_time(void **state)
{
	static const char *const pieces[] = {
	    "=?", "=?a?Q?", "=?a?Q?b?= ", "=?a?Q?b?=\r\n ", "?", "=", "=?utf-8?B?", " ", "\xFF"};
	size_t size = 8u << 20;
	CLEANUP(freep) char *text = xmalloc(size);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = strlen(pieces[i]);

		for (size_t at = 0; at < size; at++)
			text[at] = pieces[i][at % len];
		check(text, size, NULL, 1000);
		check(text, size, NULL, 8 * size);
	}
}

static void dates_and_identifiers_have_no_encoded_words(void **state)
{
	CLEANUP(buf_finish) struct buf got = {0};

	encoded_plain(&got, slice_of("<=?utf-8?Q?a?=\r\n @b\xFF>"), MOST);
	assert_string_equal(buf_text(&got), "<=?utf-8?Q?a?= @b" BAD ">");
	buf_clear(&got);
	encoded_plain(&got, slice_of("abcdef"), 3);
	assert_string_equal(buf_text(&got), "abc");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_field_is_read_as_people_read_it),
	    cmocka_unit_test(a_fold_is_as_good_as_a_blank),
	    cmocka_unit_test(any_part_of_a_field_does_no_harm),
	    cmocka_unit_test(what_comes_out_is_bounded_and_cut_between_characters),
	    cmocka_unit_test(hostile_fields_take_no_time),
	    cmocka_unit_test(dates_and_identifiers_have_no_encoded_words),
	};

	return cmocka_run_group_tests_name("encoded", tests, NULL, NULL);
}
