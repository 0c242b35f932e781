/* The manual's OPTIONS, and the KEYS of the configuration file's, against the table: each names
 * what the other has, no more and no less. And its STATUS, which leaves out no key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "options.h"
#include "status.h"

/* A line of OPTIONS that heads an entry: *-f*, *--foreground* or *idle=*_TIME_ (default 30s). */
typedef void heading(void *with, const char *line);

static void each_heading(heading *found, void *with)
{
	CLEANUP(freep) char *line = NULL;
	FILE *page = fopen(MANUALS "pop3fs.1.scd", "r");
	size_t room = 0;
	bool inside = false;

	assert_non_null(page);
	while (getline(&line, &room, page) > 0) {
		if (strncmp(line, "# ", 2) == 0)
			inside = strcmp(line, "# OPTIONS\n") == 0;
		else if (inside && line[0] == '*')
			found(with, line);
	}
	fclose(page);
}

/* Takes the next bold word off a heading: its name, less dashes and "=". Empty at the end. */
static struct slice next_name(const char **line)
{
	const char *from = strchr(*line, '*');
	const char *to = from ? strchr(from + 1, '*') : NULL;
	struct slice name;

	if (!to)
		return slice_make("", 0);
	*line = to + 1;
	for (from++; *from == '-'; from++)
		;
	name = slice_make(from, (size_t)(to - from));
	if (name.len > 0 && name.at[name.len - 1] == '=')
		name.len--;
	return name;
}

static void take_names(void *with, const char *line)
{
	bool *seen = with;
	struct slice name;

	while ((name = next_name(&line)).len > 0) {
		const struct option *row =
		    name.len == 1 ? option_by_letter(name.at[0]) : option_find(name);
		size_t index = 0;

		if (!row)
			print_error(
			    "%.*s is in the manual and not in the table\n", SLICE_ARGS(name));
		assert_non_null(row);
		while (option_at(index) != row)
			index++;
		seen[index] |= name.len > 1;
	}
}

static void the_manual_has_every_option_and_no_other(void **state)
{
	bool seen[OPTIONS_MOST] = {false};

	each_heading(take_names, seen);
	for (size_t i = 0; option_at(i); i++) {
		if (!seen[i])
			print_error("%s is not in the manual\n", option_name(option_at(i)));
		assert_true(seen[i]);
	}
}

static void take_default(void *with, const char *line)
{
	static const char before[] = "(default ";
	const char *written = strstr(line, before);
	const struct option *row = option_find(next_name(&line));
	const char *fallback = row ? option_fallback(row) : NULL;
	size_t len = fallback ? strlen(fallback) : 0;

	assert_int_equal(written != NULL, fallback != NULL);
	if (!written)
		return;
	written += sizeof(before) - 1;
	assert_memory_equal(written, fallback, len);
	assert_int_equal(written[len], ')');
}

static void the_manual_has_every_default_as_it_is(void **state)
{
	each_heading(take_default, NULL);
}

/* The section of the page as one line; the caller's. */
static char *section(const char *path, const char *title)
{
	CLEANUP(freep) char *line = NULL;
	struct buf text = {.len = 0};
	FILE *page = fopen(path, "r");
	bool inside = false;
	size_t room = 0;

	assert_non_null(page);
	while (getline(&line, &room, page) > 0) {
		if (strncmp(line, "# ", 2) == 0)
			inside = strcmp(line + 2, title) == 0;
		else if (inside)
			buf_add_text(&text, line);
	}
	fclose(page);
	buf_text(&text);
	return text.memory;
}

/* What is not named there is a key. */
static void the_configuration_has_every_option_but_those_it_names(void **state)
{
	CLEANUP(freep) char *text = section(MANUALS "pop3fs.conf.5.scd", "KEYS\n");
	bool named[OPTIONS_MOST] = {false};
	const char *at = text;
	struct slice name;

	while ((name = next_name(&at)).len > 0) {
		for (size_t i = 0; option_at(i); i++)
			named[i] |= option_find(name) == option_at(i);
		if (!option_find(name))
			assert_true(slice_is(name, "source") || slice_is(name, "pop3fs"));
	}
	for (size_t i = 0; option_at(i); i++) {
		if (named[i] == option_is_for_files(option_at(i)))
			print_error("%s: is it a key?\n", option_name(option_at(i)));
		assert_int_equal(named[i], !option_is_for_files(option_at(i)));
	}
}

static void the_manual_has_every_key_of_the_status(void **state)
{
	CLEANUP(freep) char *text = section(MANUALS "pop3fs.1.scd", "STATUS\n");
	CLEANUP(buf_finish) struct buf lines = {.len = 0};
	const struct status s = {.account = "me@example.org", .mirror = "off", .sandbox = "none"};
	struct slice rest, line;

	status_render(&lines, &s);
	rest = buf_slice(&lines);
	while ((line = slice_token(&rest, "\n")).len > 0) {
		struct slice key = slice_token(&line, ":");
		CLEANUP(freep) char *bold = xasprintf("*%.*s*", SLICE_ARGS(key));

		if (!strstr(text, bold))
			print_error("%s is not in the manual\n", bold);
		assert_non_null(strstr(text, bold));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manual_has_every_option_and_no_other),
	    cmocka_unit_test(the_manual_has_every_default_as_it_is),
	    cmocka_unit_test(the_configuration_has_every_option_but_those_it_names),
	    cmocka_unit_test(the_manual_has_every_key_of_the_status),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
