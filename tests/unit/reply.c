#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "reply.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define S(text)                                                                                    \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void a_status_line_is_a_sign_a_code_and_text(void **state)
{
	static const struct {
		const char *line;
		enum reply_sign sign;
		enum reply_code code;
		const char *text;
	} cases[] = {
	    {"+OK", REPLY_OK, CODE_NONE, ""},
	    {"+OK ", REPLY_OK, CODE_NONE, ""},
	    {"+ok\tready", REPLY_OK, CODE_NONE, "ready"},
	    {"+OK  a  b ", REPLY_OK, CODE_NONE, "a  b"},
	    {"+OKAY", REPLY_NEITHER, CODE_NONE, "+OKAY"},
	    {"-ERR", REPLY_ERR, CODE_NONE, ""},
	    {"-err no", REPLY_ERR, CODE_NONE, "no"},
	    {"-ERROR", REPLY_NEITHER, CODE_NONE, "-ERROR"},
	    {"-ERR[IN-USE] x", REPLY_NEITHER, CODE_NONE, "-ERR[IN-USE] x"},
	    {" +OK", REPLY_NEITHER, CODE_NONE, "+OK"},
	    {"", REPLY_NEITHER, CODE_NONE, ""},
	    {"421 closing", REPLY_NEITHER, CODE_NONE, "421 closing"},
	    {"+", REPLY_CONTINUE, CODE_NONE, ""},
	    {"+ ", REPLY_CONTINUE, CODE_NONE, ""},
	    {"+ AQ==", REPLY_CONTINUE, CODE_NONE, "AQ=="},
	    {"+ [AUTH] x", REPLY_CONTINUE, CODE_NONE, "[AUTH] x"},
	    {"+AQ==", REPLY_NEITHER, CODE_NONE, "+AQ=="},
	    {"-ERR [IN-USE] locked", REPLY_ERR, CODE_IN_USE, "locked"},
	    {"-ERR [in-use]locked", REPLY_ERR, CODE_IN_USE, "locked"},
	    {"-ERR \t[IN-USE]", REPLY_ERR, CODE_IN_USE, ""},
	    {"-ERR [ SYS/TEMP ] later", REPLY_ERR, CODE_SYS_TEMP, "later"},
	    {"-ERR [Sys/Temp/Disk] later", REPLY_ERR, CODE_SYS_TEMP, "later"},
	    {"-ERR [SYS/TEMPORAL] x", REPLY_ERR, CODE_OTHER, "x"},
	    {"-ERR [SYS/PERM] never", REPLY_ERR, CODE_SYS_PERM, "never"},
	    {"-ERR [SYS] x", REPLY_ERR, CODE_OTHER, "x"},
	    {"-ERR [LOGIN-DELAY 30] wait", REPLY_ERR, CODE_LOGIN_DELAY, "wait"},
	    {"-ERR [AUTH] wrong", REPLY_ERR, CODE_AUTH, "wrong"},
	    {"-ERR [AUTHOR] wrong", REPLY_ERR, CODE_OTHER, "wrong"},
	    {"-ERR [UTF8] no", REPLY_ERR, CODE_UTF8, "no"},
	    {"-ERR [X-WHAT] no", REPLY_ERR, CODE_OTHER, "no"},
	    {"-ERR [AUTH wrong", REPLY_ERR, CODE_NONE, "[AUTH wrong"},
	    {"-ERR [] wrong", REPLY_ERR, CODE_NONE, "[] wrong"},
	    {"-ERR wrong [AUTH]", REPLY_ERR, CODE_NONE, "wrong [AUTH]"},
	    {"+OK [UTF8] hello", REPLY_OK, CODE_UTF8, "hello"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_status s = reply_status(slice_of(cases[i].line));

		assert_int_equal(s.sign, cases[i].sign);
		assert_int_equal(s.code, cases[i].code);
		assert_true(slice_is(s.text, cases[i].text));
	}
}

static void a_line_of_list_is_a_number_and_octets(void **state)
{
	static const struct {
		const char *line;
		bool good;
		uint32_t number;
		uint64_t octets;
	} cases[] = {
	    {"1 120", true, 1, 120},
	    {"1\t120", true, 1, 120},
	    {"  1   \t 120  ", true, 1, 120},
	    {"1 120 and more", true, 1, 120},
	    {"+OK 1 120", true, 1, 120},
	    {"+ok\t1 120", true, 1, 120},
	    {"007 0", true, 7, 0},
	    {"4294967295 281474976710656", true, UINT32_MAX, REPLY_LARGEST_SIZE},
	    {"4294967296 1"},
	    {"1 281474976710657"},
	    {"99999999999999999999999999 1"},
	    {"1 99999999999999999999999999"},
	    {"0 120"},
	    {"-1 120"},
	    {"1 -120"},
	    {"1 +120"},
	    {"1 12x"},
	    {"1x 12"},
	    {"1"},
	    {""},
	    {"+OK"},
	    {"+OK +OK 1 120"},
	    {"+OK1 120"},
	    {"-ERR no"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t number = 99;
		uint64_t octets = 99;

		assert_int_equal(
		    reply_list(slice_of(cases[i].line), &number, &octets), cases[i].good);
		assert_int_equal(number, cases[i].good ? cases[i].number : 99);
		assert_int_equal(octets, cases[i].good ? cases[i].octets : 99);
	}
}

static void a_line_of_uidl_is_a_number_and_whatever_follows(void **state)
{
	static const struct {
		struct slice line;
		bool good;
		uint32_t number;
		struct slice uidl;
	} cases[] = {
	    {S("1 abc"), true, 1, S("abc")},
	    {S("1\t \tabc \t"), true, 1, S("abc")},
	    {S("1 a b  c"), true, 1, S("a b  c")},
	    {S("+OK 12 abc"), true, 12, S("abc")},
	    {S("1 +OK"), true, 1, S("+OK")},
	    {S("1"), true, 1, S("")},
	    {S("1 "), true, 1, S("")},
	    {S("1 \xff\0\x01/%"), true, 1, S("\xff\0\x01/%")},
	    {S("1 \rabc\r"), true, 1, S("\rabc")},
	    {S("1\0 abc"), false, 0, S("")},
	    {S("0 abc"), false, 0, S("")},
	    {S("4294967296 abc"), false, 0, S("")},
	    {S("-1 abc"), false, 0, S("")},
	    {S("abc"), false, 0, S("")},
	    {S(""), false, 0, S("")},
	    {S("+OK"), false, 0, S("")},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t number = 99;
		struct slice uidl = slice_of("untouched");

		assert_int_equal(reply_uidl(cases[i].line, &number, &uidl), cases[i].good);
		if (cases[i].good) {
			assert_int_equal(number, cases[i].number);
			assert_true(slice_equal(uidl, cases[i].uidl));
		} else {
			assert_int_equal(number, 99);
			assert_true(slice_is(uidl, "untouched"));
		}
	}
}

static void stat_tells_a_count(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t count;
	} cases[] = {
	    {"0 0", true, 0},
	    {"2 \t320 more", true, 2},
	    {"2", true, 2},
	    {"2 -320", true, 2},
	    {"2 99999999999999999999999999", true, 2},
	    {"-2 320", false, 0},
	    {"4294967296 1", false, 0},
	    {"", false, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t count = 99;

		assert_int_equal(reply_stat(slice_of(cases[i].text), &count), cases[i].good);
		assert_int_equal(count, cases[i].good ? cases[i].count : 99);
	}
}

static void capa_says_what_the_server_can_do(void **state)
{
	static const char *const lines[] = {"TOP", "uidl", "USER", "Stls", "RESP-CODES",
	    "AUTH-RESP-CODE", "PIPELINING", "UTF8 USER", "APOP", "", "X-GOOGLE-RICO", "TOPLESS",
	    "SASL PLAIN scram-sha-256 PLAIN", "SASL LOGIN", "IMPLEMENTATION  a \x01 server "};
	struct capabilities c = {0};

	for (size_t i = 0; i < COUNT(lines); i++)
		capabilities_line(&c, slice_of(lines[i]));
	assert_true(c.top && c.uidl && c.user && c.stls && c.resp_codes && c.auth_resp_code);
	assert_true(c.pipelining && c.utf8 && c.utf8_user && c.apop);
	assert_false(c.known || c.expire || c.login_delay);
	assert_string_equal(c.sasl, " PLAIN SCRAM-SHA-256 LOGIN ");
	assert_string_equal(c.implementation, "a \\x01 server");
	assert_true(capabilities_sasl(&c, "LOGIN"));
	assert_false(capabilities_sasl(&c, "LOG"));
	assert_false(capabilities_sasl(&c, "SCRAM-SHA-1"));
	assert_string_equal(c.others, " X-GOOGLE-RICO TOPLESS ");
	assert_true(capabilities_other(&c, "X-GOOGLE-RICO"));
	assert_false(capabilities_other(&c, "X-GOOGLE"));
}

static void lines_of_capa_that_make_no_sense_are_passed_over(void **state)
{
	static const char *const lines[] = {"EXPIRENEVER", "EXPIRE", "EXPIRE soon", "EXPIRE -1",
	    "EXPIRE 99999999999999999999", "LOGIN-DELAY", "LOGIN-DELAY x", "SASL", "SASL \x01 a,b",
	    "\xff\xff", "TOP\x01"};
	static const struct capabilities none;
	struct capabilities c;

	memset(&c, 0, sizeof(c));
	for (size_t i = 0; i < COUNT(lines); i++)
		capabilities_line(&c, slice_of(lines[i]));
	assert_string_equal(c.others, " EXPIRENEVER ");
	memset(c.others, 0, sizeof(c.others));
	assert_memory_equal(&c, &none, sizeof(c));
}

static void of_two_numbers_the_more_careful_one_counts(void **state)
{
	static const struct {
		const char *first, *second;
		int64_t expire_days, login_delay_s;
	} cases[] = {
	    {"EXPIRE 30 USER", "LOGIN-DELAY 300", 30, 300},
	    {"EXPIRE 30", "EXPIRE 0", 0, 0},
	    {"EXPIRE 0", "EXPIRE 30", 0, 0},
	    {"EXPIRE NEVER", "EXPIRE 30", 30, 0},
	    {"EXPIRE 30", "expire never", 30, 0},
	    {"EXPIRE NEVER", "EXPIRE NEVER", -1, 0},
	    {"LOGIN-DELAY 60 USER", "LOGIN-DELAY 300", 0, 300},
	    {"LOGIN-DELAY 300", "LOGIN-DELAY 60", 0, 300},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct capabilities c = {0};

		capabilities_line(&c, slice_of(cases[i].first));
		capabilities_line(&c, slice_of(cases[i].second));
		assert_int_equal(c.expire_days, cases[i].expire_days);
		assert_int_equal(c.login_delay_s, cases[i].login_delay_s);
		assert_int_equal(c.expire, cases[i].first[0] == 'E');
		assert_int_equal(c.login_delay, cases[i].login_delay_s != 0);
	}
}

static void more_than_capabilities_can_hold_is_left_out(void **state)
{
	struct capabilities c = {0};
	char line[] = "SASL MECHANISM-000";

	for (unsigned i = 0; i < 1000; i++) {
		size_t end = sizeof(line) - 1;

		line[end - 1] = (char)('0' + i % 10);
		line[end - 2] = (char)('0' + i / 10 % 10);
		line[end - 3] = (char)('0' + i / 100);
		capabilities_line(&c, slice_of(line));
		capabilities_line(&c, slice_of(line + strlen("SASL ")));
	}
	assert_true(strlen(c.sasl) < sizeof(c.sasl));
	assert_true(strlen(c.others) < sizeof(c.others));
	assert_true(capabilities_other(&c, "MECHANISM-000"));
	assert_true(capabilities_sasl(&c, "MECHANISM-000"));
	assert_int_equal(c.sasl[strlen(c.sasl) - 1], ' ');
	capabilities_line(
	    &c, slice_of("SASL AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	capabilities_line(&c, slice_of("IMPLEMENTATION \x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
				       "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
				       "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"));
	assert_int_equal(strlen(c.implementation), 124);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_status_line_is_a_sign_a_code_and_text),
	    cmocka_unit_test(a_line_of_list_is_a_number_and_octets),
	    cmocka_unit_test(a_line_of_uidl_is_a_number_and_whatever_follows),
	    cmocka_unit_test(stat_tells_a_count),
	    cmocka_unit_test(capa_says_what_the_server_can_do),
	    cmocka_unit_test(lines_of_capa_that_make_no_sense_are_passed_over),
	    cmocka_unit_test(of_two_numbers_the_more_careful_one_counts),
	    cmocka_unit_test(more_than_capabilities_can_hold_is_left_out),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
