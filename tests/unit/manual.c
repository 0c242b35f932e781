/* The manual's OPTIONS against the table: each names what the other has, no more and no less. */
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

/* A line of OPTIONS that heads an entry: *-f*, *--foreground* or *idle=*_TIME_ (default 30s). */
typedef void heading(void *with, const char *line);

static void each_heading(heading *found, void *with)
{
	CLEANUP(freep) char *line = NULL;
	FILE *page = fopen(MANUAL, "r");
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manual_has_every_option_and_no_other),
	    cmocka_unit_test(the_manual_has_every_default_as_it_is),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
