#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static void every_row_is_shown_and_no_line_is_too_long(void **state)
{
	char *text = NULL;
	size_t len = 0, lines = 0, column = 0;
	FILE *file = open_memstream(&text, &len);

	options_help(file);
	fclose(file);
	for (size_t i = 0; option_at(i); i++)
		assert_non_null(strstr(text, option_name(option_at(i))));
	for (size_t i = 0; i < len; i++) {
		column = text[i] == '\n' ? 0 : column + 1;
		lines += text[i] == '\n';
		assert_true(column <= 80);
	}
	assert_true(lines <= OPTIONS_MOST + 24);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_shown_and_no_line_is_too_long),
	};

	return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
