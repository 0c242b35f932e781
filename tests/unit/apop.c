#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "apop.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void the_digest_is_that_of_the_rfc(void **state)
{
	CLEANUP(buf_finish) struct buf out = {0};

	apop_add(&out, slice_of("mrose"), slice_of("<1896.697170952@dbc.mtview.ca.us>"),
	    slice_of("tanstaaf"));
	assert_string_equal(buf_text(&out), "mrose c4c9334bac560ecc979e58001b3e22fb");
}

static void a_timestamp_is_a_msg_id(void **state)
{
	static const struct {
		const char *greeting, *timestamp;
	} cases[] = {
	    {"POP3 server ready <1896.697170952@dbc.mtview.ca.us>",
		"<1896.697170952@dbc.mtview.ca.us>"},
	    {"<1@a>", "<1@a>"},
	    {"ready <1.2.3@[192.0.2.1]> go on", "<1.2.3@[192.0.2.1]>"},
	    {"<a!#$%&'*+-/=?^_`{|}~b@host-1.test>", "<a!#$%&'*+-/=?^_`{|}~b@host-1.test>"},
	    {"", ""},
	    {"ready", ""},
	    {"<>", ""},
	    {"<@>", ""},
	    {"<a@>", ""},
	    {"<@b>", ""},
	    {"<ab>", ""},
	    {"<a@b@c>", ""},
	    {"<a@b", ""},
	    {"a@b>", ""},
	    {"> <a@b", ""},
	    {"<.a@b>", ""},
	    {"<a.@b>", ""},
	    {"<a..c@b>", ""},
	    {"<a@b.>", ""},
	    {"<a@.b>", ""},
	    {"<a b@c>", ""},
	    {"<a\x01@c>", ""},
	    {"<a\xe4@c>", ""},
	    {"<a@c\xff>", ""},
	    {"<<a@c>", ""},
	    {"<a@[]>", ""},
	    {"<a@[1>", ""},
	    {"<a@[1]x>", ""},
	    {"<\"a b\"@c>", ""},
	    {"<a(b)@c>", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice s = apop_timestamp(slice_of(cases[i].greeting));

		assert_true(slice_is(s, cases[i].timestamp));
	}
}

/* In memory of its own length, so that a sanitizer sees what is read behind it. */
static void no_cut_is_read_beyond_its_end(void **state)
{
	static const char whole[] = "+OK <1896.6971@[192.0.2.1]>";

	for (size_t cut = 1; cut < strlen(whole); cut++) {
		CLEANUP(freep) char *part = xmemdup(whole, cut);

		assert_int_equal(apop_timestamp(slice_make(part, cut)).len, 0);
	}
}

static void one_that_is_too_long_is_none(void **state)
{
	char greeting[300];

	memset(greeting, 'a', sizeof(greeting));
	greeting[0] = '<';
	greeting[5] = '@';
	greeting[299] = '>';
	assert_int_equal(apop_timestamp(slice_make(greeting, sizeof(greeting))).len, 0);
	greeting[249] = '>';
	assert_int_equal(apop_timestamp(slice_make(greeting, sizeof(greeting))).len, 250);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_digest_is_that_of_the_rfc),
	    cmocka_unit_test(a_timestamp_is_a_msg_id),
	    cmocka_unit_test(no_cut_is_read_beyond_its_end),
	    cmocka_unit_test(one_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests_name("apop", tests, NULL, NULL);
}
