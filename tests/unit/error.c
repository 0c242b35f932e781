#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "error.h"

static void a_failure_is_a_code_and_a_sentence(void **state)
{
	struct failure why = {0};

	assert_int_equal(failed(&why, E_LOGIN, "%s said %d", "server", 7), E_LOGIN);
	assert_int_equal(why.code, E_LOGIN);
	assert_string_equal(why.words, "server said 7");
	assert_int_equal(failed(&why, E_CLOSED, "again: %s", why.words), E_CLOSED);
	assert_string_equal(why.words, "again: server said 7");
	assert_int_equal(failed(NULL, E_STORE, "nobody asked"), E_STORE);
}

static void a_long_sentence_is_cut(void **state)
{
	struct failure why;
	char text[2000];

	memset(text, 'x', sizeof(text));
	failed(&why, E_PROTOCOL, "%.*s", (int)sizeof(text), text);
	assert_int_equal(strlen(why.words), sizeof(why.words) - 1);
}

static void every_code_has_a_number_a_name_and_words(void **state)
{
	static const struct {
		enum error code;
		const char *name;
		int number;
	} all[] = {{OK, "OK", 0},
#define ROW(code, number, words) {code, #code, number},
	    ERRORS(ROW)
#undef ROW
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_string_equal(error_name(all[i].code), all[i].name);
		assert_int_equal(error_errno(all[i].code), all[i].number);
		assert_true(strlen(error_words(all[i].code)) > 0);
	}
	assert_int_equal(error_errno(E_LOCKED), EBUSY);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_failure_is_a_code_and_a_sentence),
	    cmocka_unit_test(a_long_sentence_is_cut),
	    cmocka_unit_test(every_code_has_a_number_a_name_and_words),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
