#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "inside.h"

static struct buf said;

static void notice(void *with, const char *words)
{
	buf_printf(&said, "%s\n", words);
}

/* A mount that an earlier one has left so many messages and deletions to, and whose first listing
 * has failed with this (OK: has come). */
static struct fs make(size_t messages, size_t deletions, enum error code)
{
	struct fs f = {.maildrop = maildrop_create(), .listed = code == OK};
	struct listing *l = listing_create(messages, messages + 1);
	struct intentions *all = xzalloc(sizeof(*all) + deletions * sizeof(struct intention));

	f.plan.mountpoint = "/home/me/mail";
	f.plan.notice = f.plan.progress = notice;
	f.list_failure.code = code;
	snprintf(f.list_failure.words, sizeof(f.list_failure.words), "no way to pop.example.org");
	for (size_t i = 0; i < messages; i++)
		l->messages[i].id = (int64_t)i + 1;
	listing_sort_names(l);
	all->count = deletions;
	for (size_t i = 0; i < deletions; i++)
		all->all[i].id = (int64_t)i + 1;
	maildrop_intend(f.maildrop, all);
	maildrop_swap(f.maildrop, l, NULL, NULL, NULL);
	return f;
}

static void offline_needs_a_server_that_is_away_and_something_stored(void **state)
{
	static const struct {
		enum error code;
		bool offline;
		size_t messages;
		bool begins;
	} cases[] = {
	    {E_NOROUTE, true, 1, true},
	    {E_NONAME, true, 1, true},
	    {E_CONNECT, true, 1, true},
	    {E_TIMEOUT, true, 1, true},
	    {E_CLOSED, true, 1, true},
	    {E_OFFLINE, true, 1, true},
	    {E_CONNECT, false, 1, false},
	    {E_CONNECT, true, 0, false},
	    {E_LOGIN, true, 1, false},
	    {E_TLS, true, 1, false},
	    {E_LOCKED, true, 1, false},
	    {E_LATER, true, 1, false},
	    {E_REFUSED, true, 1, false},
	    {E_PROTOCOL, true, 1, false},
	    {E_STORE, true, 1, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fs f = make(cases[i].messages, 0, cases[i].code);

		f.plan.offline = cases[i].offline;
		assert_int_equal(first_from_store(&f), cases[i].begins);
		maildrop_free(f.maildrop);
	}
}

static void what_is_not_as_usual_is_said(void **state)
{
	static const struct {
		size_t deletions;
		enum error code;
		bool read_only;
		const char *want;
	} cases[] = {
	    {0, OK, false, ""},
	    {0, OK, true, ""},
	    {1, OK, false,
		"1 deletion waits in the journal and will be committed, unless taken back: "
		"pop3fs undelete /home/me/mail\n"},
	    {2, OK, true,
		"2 deletions wait in the journal, and will go on waiting: this mount is "
		"read-only\n"},
	    {0, E_CONNECT, false,
		"no way to pop.example.org; offline: 0 of 3 messages are in the cache\n"},
	    {1, E_CONNECT, true,
		"no way to pop.example.org; offline: 0 of 2 messages are in the cache\n"
		"1 deletion waits in the journal, and will go on waiting: this mount is "
		"read-only\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fs f = make(3, cases[i].deletions, cases[i].code);

		f.plan.read_only = cases[i].read_only;
		first_tell(&f);
		assert_string_equal(buf_text(&said), cases[i].want);
		buf_finish(&said);
		maildrop_free(f.maildrop);
	}
}

static void how_far_the_first_listing_has_come_is_told(void **state)
{
	static const struct {
		struct session_state state;
		enum error code;
		const char *want;
	} cases[] = {
	    {{.phase = PHASE_CONNECTING}, E_CLOSED, ""},
	    {{.counted = 12, .expected = 50}, E_CLOSED, ""}, /* it has failed */
	    {{.counted = 12, .expected = 50}, OK, ""},       /* it has come */
	};
	static const struct {
		uint64_t counted, expected, headers;
		const char *want;
	} on_its_way[] = {
	    {0, 0, 0, ""},
	    {0, 50, 0, ""},
	    {12, 50, 0, "12 of 50 messages\n"},
	    {12, 0, 0, "12 messages\n"}, /* STAT was no use */
	    {50, 50, 0, "50 messages\n"},
	    {50, 50, 7, "50 messages, 7 headers\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session_state s = cases[i].state;
		struct fs f = make(3, 0, cases[i].code);

		f.state = &s;
		first_progress(&f);
		assert_string_equal(buf_text(&said), cases[i].want);
		maildrop_free(f.maildrop);
	}
	for (size_t i = 0; i < sizeof(on_its_way) / sizeof(on_its_way[0]); i++) {
		struct session_state s = {.counted = on_its_way[i].counted,
		    .expected = on_its_way[i].expected,
		    .headers = on_its_way[i].headers};
		struct fs f = make(3, 0, OK);

		f.listed = false;
		f.state = &s;
		first_progress(&f);
		assert_string_equal(buf_text(&said), on_its_way[i].want);
		buf_finish(&said);
		maildrop_free(f.maildrop);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(offline_needs_a_server_that_is_away_and_something_stored),
	    cmocka_unit_test(what_is_not_as_usual_is_said),
	    cmocka_unit_test(how_far_the_first_listing_has_come_is_told),
	};

	return cmocka_run_group_tests_name("first", tests, NULL, NULL);
}
