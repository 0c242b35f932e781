#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mechanism.h"
#include "remembered.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* "SASL PLAIN;TOP": lines of CAPA. */
static struct capabilities announced(const char *lines)
{
	struct capabilities c = {.known = true};
	struct slice rest = slice_of(lines);

	while (rest.len > 0)
		capabilities_line(&c, slice_token(&rest, ";"));
	return c;
}

static int64_t make(enum remembered_line line, const char *before, const char *behind)
{
	const struct capabilities b = announced(before), a = announced(behind);

	return remembered_make(line, remembered_before(&b), remembered_behind(&a));
}

static void what_a_login_goes_by_is_remembered(void **state)
{
	static const struct {
		const char *before, *behind;
		const char *sasl;
		bool user, utf8, pipelining, top, uidl;
	} cases[] = {
	    {"USER", "", "", .user = true},
	    {"TOP;UIDL;PIPELINING", "", "", .user = true}, /* nobody need announce USER */
	    {"SASL PLAIN", "TOP", " PLAIN ", .top = true},
	    {"USER;SASL PLAIN LOGIN", "UIDL", " PLAIN LOGIN ", .user = true, .uidl = true},
	    {"SASL SCRAM-SHA-256-PLUS X-OURS", "PIPELINING", " SCRAM-SHA-256-PLUS ",
		.pipelining = true},
	    {"UTF8;SASL XOAUTH2;STLS;EXPIRE 0;LOGIN-DELAY 9;IMPLEMENTATION x", "STLS", " XOAUTH2 ",
		.utf8 = true},
	    {"SASL PLAIN", "SASL PLAIN;UTF8;TOP;UIDL;PIPELINING", " PLAIN ", .top = true,
		.uidl = true, .pipelining = true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t number = make(REMEMBERED_TLS, cases[i].before, cases[i].behind);
		struct capabilities c;

		assert_true(number > 0);
		assert_true(remembered_take(&c, REMEMBERED_TLS, number));
		assert_true(c.known);
		assert_string_equal(c.sasl, cases[i].sasl);
		assert_int_equal(c.user, cases[i].user);
		assert_int_equal(c.utf8, cases[i].utf8);
		assert_int_equal(c.pipelining, cases[i].pipelining);
		assert_int_equal(c.top, cases[i].top);
		assert_int_equal(c.uidl, cases[i].uidl);
		assert_false(c.stls || c.expire || c.login_delay);
		assert_string_equal(c.implementation, "");
	}
}

/* Numbers stand in databases: they must not come to mean something else. */
static void the_numbers_are_what_they_were(void **state)
{
	assert_int_equal(make(REMEMBERED_TLS, "USER;SASL PLAIN", "TOP;UIDL"),
	    (INT64_C(1) << 40) + (INT64_C(3) << 34) + 2 + 8);
	assert_int_equal(make(REMEMBERED_CLEAR, "UTF8;SASL XOAUTH2", "PIPELINING"),
	    (INT64_C(3) << 40) + (INT64_C(3) << 32) + 4096);
}

static void it_counts_on_the_same_kind_of_line_only(void **state)
{
	const enum remembered_line lines[] = {REMEMBERED_TLS, REMEMBERED_STLS, REMEMBERED_CLEAR};

	for (size_t i = 0; i < COUNT(lines); i++) {
		for (size_t j = 0; j < COUNT(lines); j++) {
			struct capabilities c = {.others = "as it was"};
			bool taken =
			    remembered_take(&c, lines[j], make(lines[i], "SASL PLAIN", "TOP"));

			assert_int_equal(taken, i == j);
			assert_int_equal(strcmp(c.others, "as it was") != 0, taken);
		}
	}
}

static void what_nobody_could_log_in_by_is_nothing(void **state)
{
	static const int64_t numbers[] = {0, -1, 1, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
	struct capabilities c;

	assert_int_equal(make(REMEMBERED_TLS, "SASL X-OURS", "TOP"), 0);
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_false(remembered_take(&c, REMEMBERED_TLS, numbers[i]));
}

/* Each login by memory would be contradicted. */
static void a_server_with_more_ways_in_behind_a_login_is_not_remembered(void **state)
{
	assert_int_equal(make(REMEMBERED_TLS, "SASL PLAIN", "SASL PLAIN SCRAM-SHA-256"), 0);
	assert_true(make(REMEMBERED_TLS, "SASL PLAIN SCRAM-SHA-256", "SASL PLAIN") > 0);
}

static void what_is_said_behind_a_login_agrees_or_does_not(void **state)
{
	static const struct {
		const char *behind;
		bool agrees;
	} cases[] = {
	    {"TOP;PIPELINING", true},
	    {"TOP;PIPELINING;SASL PLAIN;EXPIRE 3;X-OURS", true},
	    {"TOP", false},
	    {"PIPELINING", false},
	    {"TOP;PIPELINING;UIDL", false},
	    {"TOP;PIPELINING;SASL PLAIN SCRAM-SHA-1", false},
	    {"", false},
	};
	int64_t number = make(REMEMBERED_STLS, "SASL PLAIN", "TOP;PIPELINING");

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct capabilities c = announced(cases[i].behind);

		assert_int_equal(remembered_agrees(number, &c), cases[i].agrees);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_login_goes_by_is_remembered),
	    cmocka_unit_test(the_numbers_are_what_they_were),
	    cmocka_unit_test(it_counts_on_the_same_kind_of_line_only),
	    cmocka_unit_test(what_nobody_could_log_in_by_is_nothing),
	    cmocka_unit_test(a_server_with_more_ways_in_behind_a_login_is_not_remembered),
	    cmocka_unit_test(what_is_said_behind_a_login_agrees_or_does_not),
	};

	return cmocka_run_group_tests_name("remembered", tests, NULL, NULL);
}
