#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "md5.h"

static void the_digests_are_those_of_the_rfc(void **state)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
	    /* RFC 1321, A.5 */
	    {"", "d41d8cd98f00b204e9800998ecf8427e"},
	    {"a", "0cc175b9c0f1b6a831c399e269772661"},
	    {"abc", "900150983cd24fb0d6963f7d28e17f72"},
	    {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
	    {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
	    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		"d174ab98d277d9f5a5611c2c9f419d9f"},
	    {"1234567890123456789012345678901234567890"
	     "1234567890123456789012345678901234567890",
		"57edf4a22be3c955ac49da2e2107b67a"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;

		for (size_t cut = 0; cut <= strlen(text); cut++) {
			unsigned char digest[MD5_OCTETS];
			char hex[2 * MD5_OCTETS + 1];

			md5(digest, slice_make(text, cut), slice_of(text + cut));
			for (size_t k = 0; k < MD5_OCTETS; k++)
				snprintf(hex + 2 * k, 3, "%02x", digest[k]);
			assert_string_equal(hex, cases[i].digest);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_digests_are_those_of_the_rfc),
	};

	return cmocka_run_group_tests_name("md5", tests, NULL, NULL);
}
