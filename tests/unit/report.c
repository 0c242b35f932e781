#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "report.h"

static const char well[] = "state: ready\n"
			   "server: Nice: \"one\"\n"
			   "tls: TLSv1.3 TLS_AES_256_GCM_SHA384\n"
			   "user: 1234\n"
			   "messages: 3\n"
			   "bytes: 1234567890123\n"
			   "pending deletions: 0\n"
			   "last listing: 2023-11-14T22:13:20Z\n"
			   "skipped lines: 0\n"
			   "last error: none\n";

static const char ill[] = "state: offline\n"
			  "server: unknown\n"
			  "tls: none\n"
			  "bytes: many\n"
			  "pending deletions: 2\n"
			  "last listing: never\n"
			  "skipped lines: 1\n"
			  "last error: the server said \\x1b\n";

static void people_see_what_matters(void **state)
{
	static const struct {
		const char *text;
		bool coloured;
		const char *want;
	} cases[] = {
	    {"", true, ""},
	    {"no key\nstate: closed\n", true, "no key\nstate: closed\n"},
	    {"state: ending\n", true, "state: \033[33mending\033[m\n"},
	    {well, false,
		"state:             ready\n"
		"server:            Nice: \"one\"\n"
		"tls:               TLSv1.3 TLS_AES_256_GCM_SHA384\n"
		"user:              1234\n"
		"messages:          3\n"
		"bytes:             1234.6 GB\n"
		"pending deletions: 0\n"
		"last listing:      2023-11-14T22:13:20Z\n"
		"skipped lines:     0\n"
		"last error:        none\n"},
	    {well, true,
		"state:             \033[32mready\033[m\n"
		"server:            Nice: \"one\"\n"
		"tls:               TLSv1.3 TLS_AES_256_GCM_SHA384\n"
		"user:              1234\n"
		"messages:          3\n"
		"bytes:             1234.6 GB\n"
		"pending deletions: 0\n"
		"last listing:      2023-11-14T22:13:20Z\n"
		"skipped lines:     0\n"
		"last error:        none\n"},
	    {ill, true,
		"state:             \033[31moffline\033[m\n"
		"server:            unknown\n"
		"tls:               none\n"
		"bytes:             many\n"
		"pending deletions: \033[33m2\033[m\n"
		"last listing:      never\n"
		"skipped lines:     \033[33m1\033[m\n"
		"last error:        \033[31mthe server said \\x1b\033[m\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got = {.len = 0};

		report_people(&got, slice_of(cases[i].text), cases[i].coloured);
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_finish(&got);
	}
}

static void programs_see_numbers_and_nulls(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {well, "\"state\":\"ready\",\"server\":\"Nice: \\\"one\\\"\","
		   "\"tls\":\"TLSv1.3 TLS_AES_256_GCM_SHA384\",\"user\":\"1234\",\"messages\":3,"
		   "\"bytes\":1234567890123,\"pending_deletions\":0,"
		   "\"last_listing\":\"2023-11-14T22:13:20Z\",\"skipped_lines\":0,"
		   "\"last_error\":null"},
	    {ill, "\"state\":\"offline\",\"server\":null,\"tls\":null,\"bytes\":\"many\","
		  "\"pending_deletions\":2,\"last_listing\":null,\"skipped_lines\":1,"
		  "\"last_error\":\"the server said \\\\x1b\""},
	    {"\"a\\ \033b\xff: \033\n", "\"\\\"a\\\\_\\u001bb\\udcff\":\"\\u001b\""},
	    {"messages: 007\n", "\"messages\":7"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got = {.len = 0};

		report_json(&got, slice_of(cases[i].text));
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_finish(&got);
	}
}

/* Anybody may serve a mount, and root lists those of all. */
static void a_mount_is_counted_in_a_line_whatever_it_says(void **state)
{
	static const struct {
		const char *text;
		bool coloured;
		const char *want;
	} cases[] = {
	    {well, true, "3 messages"},
	    {"messages: 1\npending deletions: 1\n", false, "1 message, 1 deletion waits"},
	    {"pending deletions: 2\nmessages: 0\n", true,
		"0 messages, \033[33m2 deletions wait\033[m"},
	    {"", true, " messages"},
	    {"messages: \033[2J\rroot\npending deletions: \xc2\x9b"
	     "31m\n",
		false, "\\x1b[2J\\x0droot messages, \\xc2\\x9b31m deletions wait"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got = {.len = 0};

		report_counts(&got, slice_of(cases[i].text), cases[i].coloured);
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_finish(&got);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(people_see_what_matters),
	    cmocka_unit_test(programs_see_numbers_and_nulls),
	    cmocka_unit_test(a_mount_is_counted_in_a_line_whatever_it_says),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
