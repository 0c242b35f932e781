#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "certificates.h"
#include "pin.h"

#define HEX    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BASE64 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

/* Of nothing at all. */
static const unsigned char digest[PIN_OCTETS] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
    0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

static void a_pin_is_written_in_hexadecimal_or_base64(void **state)
{
	static const char *const good[] = {"sha256:" HEX, "SHA256:" HEX, "sha256:" BASE64 "=",
	    "sha256:E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:"
	    "99:1B:78:52:B8:55"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CLEANUP(freep) struct pin *p = NULL;

		assert_int_equal(pin_parse(&p, good[i], NULL), OK);
		assert_memory_equal(p->digest, digest, PIN_OCTETS);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {"", "sha256", "sha256:", HEX, "sha1:" HEX, "md5:" HEX,
	    "sha256:" HEX "00", "sha256:" HEX "0", "sha256: " HEX,
	    "sha256:" BASE64 "==", "sha256:=" BASE64, "sha256:" BASE64, "sha256:x" BASE64,
	    "sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "sha256:47DEQpj8HBSa*/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pin *p = NULL;
		struct failure why = {0};

		assert_int_equal(pin_parse(&p, bad[i], &why), E_USAGE);
		assert_memory_equal(why.words, "pin ", 4);
		assert_null(p);
	}
}

static void every_cut_is_refused(void **state)
{
	static const char *const whole[] = {"sha256:" HEX, "sha256:" BASE64 "="};

	for (size_t i = 0; i < 2; i++) {
		for (size_t cut = 0; cut < strlen(whole[i]); cut++) {
			CLEANUP(freep) char *part = xstrndup(whole[i], cut);
			struct pin *p = NULL;

			assert_int_equal(pin_parse(&p, part, NULL), E_USAGE);
		}
	}
}

static void it_fits_the_certificate_or_its_key_and_no_other(void **state)
{
	struct certificate one = certificate_make(&(struct certificate_plan){"one", "DNS:a.test"});
	struct certificate two = certificate_make(&(struct certificate_plan){"two", "DNS:a.test"});
	CLEANUP(freep) struct pin *key = NULL;
	char text[PIN_TEXT];
	struct pin whole;

	pin_write(text, one.x509);
	assert_int_equal(pin_parse(&key, text, NULL), OK);
	assert_true(pin_fits(key, one.x509));
	assert_false(pin_fits(key, two.x509));
	assert_int_equal(X509_digest(one.x509, EVP_sha256(), whole.digest, NULL), 1);
	assert_true(pin_fits(&whole, one.x509));
	assert_false(pin_fits(&whole, two.x509));
	assert_memory_not_equal(whole.digest, key->digest, PIN_OCTETS);
	certificate_finish(&one);
	certificate_finish(&two);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pin_is_written_in_hexadecimal_or_base64),
	    cmocka_unit_test(anything_else_is_refused),
	    cmocka_unit_test(every_cut_is_refused),
	    cmocka_unit_test(it_fits_the_certificate_or_its_key_and_no_other),
	};

	return cmocka_run_group_tests_name("pin", tests, NULL, NULL);
}
