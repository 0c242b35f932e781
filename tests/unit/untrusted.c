#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "certificates.h"
#include "untrusted.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void each_error_has_its_sentence(void **state)
{
	static const struct {
		const char *names;
		int error;
		const char *words;
	} cases[] = {
	    {"DNS:a.test,IP:127.0.0.1,IP:::1", X509_V_ERR_HOSTNAME_MISMATCH,
		"the certificate of mail.test is for other names (a.test, 127.0.0.1, ::1), not for "
		"mail.test"},
	    {"DNS:a.test,DNS:b.test,DNS:c.test,DNS:d.test", X509_V_ERR_IP_ADDRESS_MISMATCH,
		"the certificate of mail.test is for other names (a.test, b.test, c.test, ...), "
		"not for mail.test"},
	    {NULL, X509_V_ERR_HOSTNAME_MISMATCH,
		"the certificate of mail.test names no host (subjectAltName); a common name does "
		"not count"},
	    {"email:me@a.test", X509_V_ERR_HOSTNAME_MISMATCH,
		"the certificate of mail.test names no host (subjectAltName); a common name does "
		"not count"},
	    {"DNS:a.test", X509_V_ERR_CERT_HAS_EXPIRED,
		"the certificate of mail.test expired on 20"},
	    {"DNS:a.test", X509_V_ERR_CERT_NOT_YET_VALID,
		"the certificate of mail.test is not valid before 20"},
	    {"DNS:a.test", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
		"the certificate of mail.test is not trusted: it is signed by itself (pin= with "
		"its digest trusts it, or ca= with a copy of it)"},
	    {"DNS:a.test", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		"the certificate of mail.test is not trusted: unable to get local issuer "
		"certificate (ca= names a file with the right authority)"},
	    {"DNS:a.test", X509_V_ERR_INVALID_PURPOSE,
		"the certificate of mail.test is not valid: "},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct certificate c =
		    certificate_make(&(struct certificate_plan){"mail.test", cases[i].names});
		struct failure why = {0};

		assert_int_equal(untrusted(&why, "mail.test", cases[i].error, c.x509), E_TLS);
		assert_memory_equal(why.words, cases[i].words, strlen(cases[i].words));
		certificate_finish(&c);
	}
}

/* "mail.test\0.evil.test" would read as "mail.test". */
static void a_nul_in_a_name_is_shown(void **state)
{
	struct certificate c = certificate_make(&(struct certificate_plan){"nul", NULL});
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	struct failure why = {0};

	ASN1_STRING_set(text, "mail.test\0.evil.test", 20);
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, name);
	assert_int_equal(X509_add1_ext_i2d(c.x509, NID_subject_alt_name, names, 0, 0), 1);
	GENERAL_NAMES_free(names);
	untrusted(&why, "mail.test", X509_V_ERR_HOSTNAME_MISMATCH, c.x509);
	assert_string_equal(why.words,
	    "the certificate of mail.test is for other names (mail.test\\x00.evil.test), not for "
	    "mail.test");
	certificate_finish(&c);
}

static void a_name_without_end_is_left_out(void **state)
{
	char names[300] = "DNS:";
	struct certificate c;
	struct failure why = {0};

	memset(names + 4, 'a', sizeof(names) - 5);
	c = certificate_make(&(struct certificate_plan){"long", names});
	untrusted(&why, "mail.test", X509_V_ERR_HOSTNAME_MISMATCH, c.x509);
	assert_true(strlen(why.words) < sizeof(why.words) - 1);
	certificate_finish(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_error_has_its_sentence),
	    cmocka_unit_test(a_nul_in_a_name_is_shown),
	    cmocka_unit_test(a_name_without_end_is_left_out),
	};

	return cmocka_run_group_tests_name("untrusted", tests, NULL, NULL);
}
