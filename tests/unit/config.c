#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "config.h"

/* Reads the text in two pieces. */
static enum error read_cut(struct config *c, const char *text, size_t cut, struct failure *why)
{
	enum error e;

	config_init(c, "FILE");
	e = config_feed(c, slice_make(text, cut), why);
	if (!e)
		e = config_feed(c, slice_of(text + cut), why);
	return e ? e : config_end(c, why);
}

/* "section|key|value@line" for each row, "-" for what is not there. */
static void tell(struct buf *to, const struct config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct config_row *r = &c->rows[i];

		buf_printf(to, "%s|%s|%s@%u ", r->section ? r->section : "-", r->key,
		    r->value ? r->value : "-", r->line);
	}
}

static void rows_come_out_at_every_cut(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"\n \n\t\n", ""},
	    {"# ro\n; ro\n  # ro = [\n", ""},
	    {"ro", "-|ro|-@1 "},
	    {"ro\n", "-|ro|-@1 "},
	    {"ro\r\nrw\r\n", "-|ro|-@1 -|rw|-@2 "},
	    {"timeout=30s\n\nidle = 5s\n", "-|timeout|30s@1 -|idle|5s@3 "},
	    {"\t timeout \t=\t 30s \t\n", "-|timeout|30s@1 "},
	    {"password_command = a 'b c' \"d\" # e", "-|password_command|a 'b c' \"d\" # e@1 "},
	    {"a = b = c\nd =\n", "-|a|b = c@1 -|d|@2 "},
	    {"a = \" x \"\n", "-|a|\" x \"@1 "},
	    {"a = 1\n[one]\nb = 2\n[ two ]\nc\n[*]\nd = 4\n[three]",
		"-|a|1@1 one|b|2@3 two|c|-@5 -|d|4@7 "},
	    {"[m\xc3\xbcller]\nro", "m\xc3\xbcller|ro|-@2 "},
	    {"[a b]\nsource = me;x@[::1]:995", "a b|source|me;x@[::1]:995@2 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
			CLEANUP(buf_finish) struct buf got = {.len = 0};
			CLEANUP(config_finish) struct config c;
			struct failure why = {.code = OK};

			if (read_cut(&c, cases[i].text, cut, &why))
				fail_msg("%s", why.words);
			tell(&got, &c);
			assert_string_equal(buf_text(&got), cases[i].want);
		}
	}
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
	    {"ro\n[work\n", "FILE:2: a section is written [NAME]"},
	    {"[", "FILE:1: a section is written [NAME]"},
	    {"[work] # mine\n", "FILE:1: a section is written [NAME]"},
	    {"[]\n", "FILE:1: a section has a name without any of @ / [ ]"},
	    {"[ ]\n", "FILE:1: a section has a name without any of @ / [ ]"},
	    {"[me@host]\n", "FILE:1: a section has a name without any of @ / [ ]"},
	    {"[a]b]\n", "FILE:1: a section has a name without any of @ / [ ]"},
	    {"\n\n[a]\n[b]\n[a]\n", "FILE:5: a section of this name has been before"},
	    {" = 5\n", "FILE:1: there is no name before the ="},
	    {"a\n=", "FILE:2: there is no name before the ="},
	    {"a = \x01\n", "FILE:1: there is a control character"},
	    {"# \x1b[2J\n", "FILE:1: there is a control character"},
	    {"a = b\rc\n", "FILE:1: there is a control character"},
	    {"\na = b\x7f", "FILE:2: there is a control character"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
			CLEANUP(config_finish) struct config c;
			struct failure why = {.code = OK};

			assert_int_equal(read_cut(&c, cases[i].text, cut, &why), E_CONFIG);
			assert_string_equal(why.words, cases[i].sentence);
		}
	}
}

static void a_nul_and_a_line_without_an_end_are_refused(void **state)
{
	struct config c;
	struct failure why;
	enum error e = OK;

	config_init(&c, "FILE");
	assert_int_equal(config_feed(&c, slice_make("ro\nr\0o\n", 7), &why), E_CONFIG);
	assert_string_equal(why.words, "FILE:2: there is a control character");
	config_finish(&c);
	config_init(&c, "FILE");
	for (int i = 0; i < 100000 && !e; i++)
		e = config_feed(&c, slice_of("x"), &why);
	assert_int_equal(e, E_CONFIG);
	assert_string_equal(why.words, "FILE:1: the line is too long");
	config_finish(&c);
}

static void sections_are_found_by_their_name(void **state)
{
	CLEANUP(config_finish) struct config c;

	assert_int_equal(read_cut(&c, "ro\n[one]\n[*]\n[two]\n", 3, NULL), OK);
	assert_int_equal(config_find(&c, "one")->line, 2);
	assert_int_equal(config_find(&c, "two")->line, 4);
	assert_null(config_find(&c, "three"));
	assert_null(config_find(&c, "*"));
	assert_null(config_find(&c, ""));
}

static void quotes_are_taken_off_and_put_on(void **state)
{
	static const struct {
		const char *written, *value; /* NULL: it cannot be */
		bool again;                  /* and the value is written so */
	} cases[] = {
	    {"", "", false},
	    {"\"\"", "", true},
	    {"plain", "plain", true},
	    {"a \"b\" c", "a \"b\" c", true},
	    {"a\\b", "a\\b", true},
	    {"\"plain\"", "plain", false},
	    {"\" x \"", " x ", true},
	    {"\"a \"", "a ", true},
	    {"\"\\\"a\"", "\"a", true},
	    {"\" \\\\\"", " \\", true},
	    {"\"a\\n\"", "a\\n", false},
	    {"\"", NULL, false},
	    {"\"a", NULL, false},
	    {"\"a\" b", NULL, false},
	    {"\"a\"b\"", NULL, false},
	    {"\"a\\\"", NULL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep) char *value = config_unquote(cases[i].written);
		CLEANUP(freep) char *written = NULL;

		if (!cases[i].value) {
			assert_null(value);
			continue;
		}
		assert_string_equal(value, cases[i].value);
		written = config_quote(value);
		if (cases[i].again)
			assert_string_equal(written, cases[i].written);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_come_out_at_every_cut),
	    cmocka_unit_test(what_is_wrong_is_named_with_its_line),
	    cmocka_unit_test(a_nul_and_a_line_without_an_end_are_refused),
	    cmocka_unit_test(sections_are_found_by_their_name),
	    cmocka_unit_test(quotes_are_taken_off_and_put_on),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
