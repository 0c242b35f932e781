#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "header.h"

#define NOW     1000000000 /* Sun, 9 Sep 2001 01:46:40 +0000 */
#define NO_DATE (-1)

#define EIGHT_SEP 999907200 /* Sat, 8 Sep 2001 00:00:00 +0000 */

/* The header's length, found in two pieces. */
static size_t scan_cut(const char *text, size_t cut)
{
	struct header_scan scan = {.ended = false};
	size_t len = header_scan(&scan, slice_make(text, cut));

	assert_true(scan.ended || len == cut);
	return len + header_scan(&scan, slice_of(text + cut));
}

static void the_header_ends_with_the_blank_line(void **state)
{
	static const struct {
		const char *text;
		size_t want;
	} cases[] = {
	    {"", 0},
	    {"\r\n", 2},
	    {"\r\nbody", 2},
	    {"\nbody", 1},
	    {"A: b\r\n\r\nbody", 8},
	    {"A: b\n\nbody\n\n", 6},
	    {"A: b\r\nC: d\r\n\r\n", 14},
	    {"A: b\r\n c\r\n \r\n\r\nbody", 15},
	    {"A: b\r\n\nC: d\r\n\r\nbody", 15}, /* a bare LF ends no line where lines are CRLF */
	    {"A: b\n\r\nbody", 7},
	    {"A: b\r\r\nC: d\r\r\n\r\r\nbody", 17},
	    {"A: b", 4},
	    {"A: b\r\nC: d\r\n", 12},
	    {"A: b\r\n\r", 7},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(header_length(slice_of(cases[i].text)), cases[i].want);
	assert_int_equal(header_length(slice_make("a\0b\n\0\n\nc", 8)), 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].text); cut++)
			assert_int_equal(scan_cut(cases[i].text, cut), cases[i].want);
}

static void a_field_is_the_first_of_its_name(void **state)
{
	static const struct {
		const char *header, *name, *want;
	} cases[] = {
	    {"Subject: one\r\nSubject: two\r\n\r\n", "Subject", "one"},
	    {"subject:one\r\n\r\n", "Subject", "one"},
	    {"SUBJECT \t: one \r\n\r\n", "Subject", "one"},
	    {"Subject: one\r\n\ttwo \r\n three\r\nTo: x\r\n\r\n", "Subject",
		"one\r\n\ttwo \r\n three"},
	    {"Subject: one\n two\nTo: x\n\n", "Subject", "one\n two"},
	    {"Subject:\r\n one\r\n\r\n", "Subject", "one"},
	    {"Subject:\r\n\r\n", "Subject", ""},
	    {"Subject:", "Subject", ""},
	    {"From me Sat Sep  8\r\nSubject: one\r\n\r\n", "Subject", "one"},
	    {" folded: x\r\nSubject: one\r\n\r\n", "Subject", "one"},
	    {"X: y\r\n Subject: folded\r\n\r\n", "Subject", NULL},
	    {"Subject", "Subject", NULL},
	    {"Subjects: one\r\n\r\n", "Subject", NULL},
	    {"Sub ject: one\r\n\r\n", "Subject", NULL},
	    {"X: y\r\n\r\nSubject: body\r\n", "Subject", NULL},
	    {"\r\nSubject: body\r\n", "Subject", NULL},
	    {"", "Subject", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice got = slice_of("untouched");
		bool found = header_field(slice_of(cases[i].header), cases[i].name, &got);
		const char *want = cases[i].want ? cases[i].want : "untouched";

		assert_int_equal(found, cases[i].want != NULL);
		if (!slice_is(got, want))
			fail_msg("\"%.*s\", not \"%s\"", SLICE_ARGS(got), want);
	}
}

#define GOOD    "Sat, 8 Sep 2001 00:00:00 +0000"
#define LATER   "Sat, 8 Sep 2001 00:00:09 +0000"
#define FUTURE  "Tue, 11 Sep 2001 00:00:00 +0000"
#define ANCIENT "Wed, 31 Dec 1969 00:00:00 +0000"

static const struct {
	const char *header;
	int64_t want;
} received[] = {
    {"Received: from a by b; " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: from a by b; " LATER "\r\nReceived: from c by d; " GOOD "\r\nDate: " FUTURE
     "\r\n\r\n",
	EIGHT_SEP + 9},
    {"Date: " GOOD "\r\nReceived: from a by b; " LATER "\r\n\r\n", EIGHT_SEP + 9},
    {"Received: from a\r\n\tby b (c; d)\r\n\tfor <e@f>;\r\n\tSat, 8 Sep 2001\r\n\t00:00:00 +0000"
     "\r\nDate: " LATER "\r\n\r\n",
	EIGHT_SEP},
    {"Received: from a by b;\n " GOOD "\n\n", EIGHT_SEP},
    {"Received: (qmail 1 invoked by uid 2); 8 Sep 2001 00:00:00 -0000\r\n\r\n", EIGHT_SEP},
    {"Received: from a (TLS1.3; x); " GOOD " (sent; y)\r\n\r\n", EIGHT_SEP},
    {"Received: from a (b (c;) \\); d); " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: by b for \"x;y\\\"z;\"@f; " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: from a (never closed by b; " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: from \"a by b; " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: a; b; " GOOD "\r\n\r\n", EIGHT_SEP},

    /* the next one, where one says nothing or nothing to be believed */
    {"Received: by a\r\nReceived: by b; " GOOD "\r\nDate: " LATER "\r\n\r\n", EIGHT_SEP},
    {"Received: by a; \r\nReceived: by b; " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: by a; " FUTURE "\r\nReceived: by b; " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: by a; " ANCIENT "\r\nDate: " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Received: " GOOD "\r\nDate: " LATER "\r\n\r\n", EIGHT_SEP + 9},
    {"Received:\r\nDate: " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Date: " GOOD "\r\n\r\n", EIGHT_SEP},
    {"Date: Mon, 10 Sep 2001 01:46:40 +0000\r\n\r\n", NOW + 86400},
    {"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n", 0},

    {"Date: Mon, 10 Sep 2001 01:46:41 +0000\r\n\r\n", NO_DATE},
    {"Date: " ANCIENT "\r\n\r\n", NO_DATE},
    {"Date: yesterday\r\n\r\n", NO_DATE},
    {"Subject: x\r\n\r\nDate: " GOOD "\r\n", NO_DATE},
    {"X-Received: by a; " GOOD "\r\n\r\n", NO_DATE},
    {"", NO_DATE},
};

static void when_it_was_received(void **state)
{
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		int64_t got = NO_DATE;
		bool good = header_received(slice_of(received[i].header), NOW, &got);

		if (good != (received[i].want != NO_DATE) || got != received[i].want)
			fail_msg("\"%s\": %lld, not %lld", received[i].header, (long long)got,
			    (long long)received[i].want);
	}
}

static void digest_text(struct slice header, char text[2 * HEADER_DIGEST_OCTETS + 1])
{
	unsigned char octets[HEADER_DIGEST_OCTETS];

	header_digest(header, octets);
	for (size_t i = 0; i < HEADER_DIGEST_OCTETS; i++)
		snprintf(text + 2 * i, 3, "%02x", octets[i]);
}

static void a_digest_is_sha256_of_the_lines(void **state)
{
	static const struct {
		const char *header, *want;
	} cases[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"A: b\r\nC: d\r\n\r\n",
		"6368cf387b89ec8b1b49406934eb1d68f9e0646b9cd80541782884e40ed639f6"},
	};
	char got[2 * HEADER_DIGEST_OCTETS + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		digest_text(slice_of(cases[i].header), got);
		assert_string_equal(got, cases[i].want);
	}
}

/* What each of these headers says is "A: b", " c" and "D: e". */
static const char *const alike[] = {
    "A: b\r\n c\r\nD: e\r\n\r\n",
    "A: b\n c\nD: e\n\n",
    "A: b\r\r\n c\r\r\nD: e\r\r\n\r\r\n",
    "A: b\r\n c\r\nD: e\r\n\r\nbody\r\n",
    "A: b\r\n c\r\nD: e\r\n",
    "A: b\r\n c\r\nD: e",
    "Status: RO\r\nA: b\r\n c\r\nD: e\r\n\r\n",
    "A: b\r\n c\r\nX-UID: 5\r\nX-Keywords:\r\nD: e\r\nstatus : O\r\n\r\n",
    "A: b\r\n c\r\nD: e\r\nX-IMAPbase: 1 2\r\n\t3\r\n 4\r\nX-UIDL: x\r\nX-Status: A\r\n\r\n",
};

/* And these say something else. */
static const char *const others[] = {
    "A: b\r\n c\r\nD: f\r\n\r\n",
    "A: b\r\n c\r\n\r\nD: e\r\n",
    "A: b c\r\nD: e\r\n\r\n",
    "D: e\r\nA: b\r\n c\r\n\r\n",
    "A: b\r\n c\r\nD: e\r\nStatuses: O\r\n\r\n",
    "A: b\r\nStatus: O\r\n c\r\nD: e\r\n\r\n",
    "\r\n",
};

static void a_servers_notes_make_no_other_message(void **state)
{
	char want[2 * HEADER_DIGEST_OCTETS + 1], got[2 * HEADER_DIGEST_OCTETS + 1];
	struct slice first = slice_of(alike[0]);

	digest_text(first, want);
	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		digest_text(slice_of(alike[i]), got);
		assert_string_equal(got, want);
		assert_true(header_same(first, slice_of(alike[i])));
		assert_true(header_same(slice_of(alike[i]), first));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		digest_text(slice_of(others[i]), got);
		assert_string_not_equal(got, want);
		assert_false(header_same(first, slice_of(others[i])));
		assert_false(header_same(slice_of(others[i]), first));
	}
}

/* A server's copy, cut at any octet, with the CRLF that the server puts behind. */
static void a_header_cut_anywhere_is_the_same_as_far_as_it_goes(void **state)
{
	static const char whole[] = "A: b\r\nX-UID: 7\r\n 8\r\nC: d\r\n e\r\nStatus: O\r\n\r\n";
	static const char other[] = "A: b\r\nC: d\r\n e\r\n\r\n";
	static const char wrong[] = "A: x\r\nC: d\r\n e\r\n\r\n";

	for (size_t cut = 0; cut < sizeof(whole) - 2; cut++)
		for (int ended = 0; ended < 2; ended++) {
			char *part = xasprintf("%.*s%s", (int)cut, whole, ended ? "\r\n" : "");
			struct slice s = slice_of(part);
			bool want = cut >= 4; /* one line at least */

			/* a cut at a line's end with a CRLF behind looks like the whole header */
			if (cut == 0 || !ended || part[cut - 1] != '\n') {
				assert_int_equal(header_same(s, slice_of(whole)), want);
				assert_int_equal(header_same(slice_of(whole), s), want);
				assert_int_equal(header_same(s, slice_of(other)), want);
				assert_int_equal(header_same(slice_of(other), s), want);
			}
			if (want)
				assert_false(header_same(s, slice_of(wrong)));
			free(part);
		}
}

static void with_nothing_to_compare_headers_are_not_the_same(void **state)
{
	static const char *const empty[] = {"", "\r\n", "\n", "Status: O\r\n\r\n"};

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		for (size_t j = 0; j < sizeof(empty) / sizeof(empty[0]); j++) {
			assert_false(header_same(slice_of(empty[i]), slice_of(empty[j])));
			assert_false(header_same(slice_of(empty[i]), slice_of(alike[0])));
		}
}

/* In memory of just that size, so that the address sanitizer sees a step too far. */
static void a_header_cut_anywhere_is_read_within_its_octets(void **state)
{
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++)
		for (size_t cut = 0; cut <= strlen(received[i].header); cut++) {
			char *part = xmemdup(received[i].header, cut);
			struct slice s = slice_make(part, cut), value;
			unsigned char digest[HEADER_DIGEST_OCTETS];
			int64_t when;

			assert_true(header_length(s) <= cut);
			header_field(s, "Date", &value);
			header_received(s, NOW, &when);
			header_digest(s, digest);
			header_same(s, slice_of(received[i].header));
			free(part);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_header_ends_with_the_blank_line),
	    cmocka_unit_test(a_field_is_the_first_of_its_name),
	    cmocka_unit_test(when_it_was_received),
	    cmocka_unit_test(a_digest_is_sha256_of_the_lines),
	    cmocka_unit_test(a_servers_notes_make_no_other_message),
	    cmocka_unit_test(a_header_cut_anywhere_is_the_same_as_far_as_it_goes),
	    cmocka_unit_test(with_nothing_to_compare_headers_are_not_the_same),
	    cmocka_unit_test(a_header_cut_anywhere_is_read_within_its_octets),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
