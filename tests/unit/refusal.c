#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "refusal.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void a_refusal_means_what_its_code_says(void **state)
{
	static const struct {
		const char *line;
		enum error code;
		const char *words;
	} cases[] = {
	    {"-ERR", E_LOGIN, "refused"},
	    {"-ERR full", E_LOGIN, "refused: full"},
	    {"-ERR [AUTH] wrong", E_LOGIN, "refused: wrong"},
	    {"-ERR [UTF8] no", E_LOGIN, "refused: no"},
	    {"-ERR [X-OURS] no", E_LOGIN, "refused: no"},
	    {"-ERR [SYS/PERM] gone", E_REFUSED, "refused: gone"},
	    {"-ERR [IN-USE] busy", E_LOCKED, "another session holds the maildrop: busy"},
	    {"-ERR [in-use]", E_LOCKED, "another session holds the maildrop"},
	    {"-ERR [SYS/TEMP] x", E_LATER, "the server asks to try again later: x"},
	    {"-ERR [LOGIN-DELAY] x", E_LATER, "the server asks to try again later: x"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_status status = reply_status(slice_of(cases[i].line));
		struct failure why = {0};

		refusal_tell(&status, E_LOGIN, "refused", &why);
		assert_int_equal(why.code, cases[i].code);
		assert_string_equal(why.words, cases[i].words);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refusal_means_what_its_code_says),
	};

	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
