#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "quirks.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void a_server_is_known_by_what_it_says(void **state)
{
	static const struct {
		const char *greeting, *capa[4];
		unsigned quirks;
	} cases[] = {
	    {"Gpop ready for requests from 192.0.2.1 abc12", {NULL}, QUIRK_EATS_READ},
	    {"gpop READY for requests from 192.0.2.1", {NULL}, QUIRK_EATS_READ},
	    {"ready", {"USER", "EXPIRE 0", "X-GOOGLE-RICO"}, QUIRK_EATS_READ},
	    {"ready", {"x-google-rico"}, QUIRK_EATS_READ},
	    {"WDPop ready for requests from ::1", {"PIPELINING"}, QUIRK_NO_PIPELINING},
	    {"x", {"PIPELINING", "IMPLEMENTATION WildDuck-v1.2.3"}, QUIRK_NO_PIPELINING},
	    {"POP3 Server ready <1.2@node.ee>", {"IMPLEMENTATION N3 node.js POP3 server"},
		QUIRK_NO_PIPELINING},
	    {"POP3 Ready <1.2@localhost>", {"PIPELINING", "IMPLEMENTATION GNU Mailutils 3.15"},
		QUIRK_TOP_NEEDS_A_LINE},

	    {"", {NULL}, 0}, {"Dovecot ready.", {"PIPELINING", "UIDL", "TOP"}, 0},
	    {"not Gpop ready for requests", {NULL}, 0}, {"Gpop", {"X-GOOGLE"}, 0},
	    {"x", {"IMPLEMENTATION not WildDuck"}, 0}, {"x", {"X-GOOGLE-RICO-NOT"}, 0},
	    {"x", {"EXPIRE 0"}, 0}, /* that is no quirk: it says so */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct capabilities c = {0};

		for (size_t j = 0; j < COUNT(cases[i].capa) && cases[i].capa[j]; j++)
			capabilities_line(&c, slice_of(cases[i].capa[j]));
		assert_int_equal(quirks_of(slice_of(cases[i].greeting), &c), cases[i].quirks);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_is_known_by_what_it_says),
	};

	return cmocka_run_group_tests_name("quirks", tests, NULL, NULL);
}
