#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <iconv.h>

#include "charset.h"

static void iconv_knows_every_charset(void **state)
{
	for (size_t i = 0; charset_at(i); i++) {
		const char *as = charset_find(slice_of(charset_at(i)));
		iconv_t how;

		assert_non_null(as);
		how = iconv_open("UTF-8", as);
		if (how == (iconv_t)-1)
			fail_msg("%s as %s", charset_at(i), as);
		iconv_close(how);
	}
}

static void names_are_those_of_mail_in_any_case(void **state)
{
	static const struct {
		const char *name, *as;
	} cases[] = {
	    {"ISO-8859-1", "CP1252"},
	    {"iso-8859-15", "ISO-8859-15"},
	    {"Koi8-R", "KOI8-R"},
	    {"GB2312", "GB18030"},
	    {"utf-8", NULL}, /* needs no conversion */
	    {"us-ascii", NULL},
	    {"", NULL},
	    {"iso-8859-1//TRANSLIT", NULL},
	    {"../iso-8859-1", NULL},
	    {"iso-8859", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *as = charset_find(slice_of(cases[i].name));

		if (cases[i].as)
			assert_string_equal(as, cases[i].as);
		else
			assert_null(as);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(iconv_knows_every_charset),
	    cmocka_unit_test(names_are_those_of_mail_in_any_case),
	};

	return cmocka_run_group_tests_name("charset", tests, NULL, NULL);
}
