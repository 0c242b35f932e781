#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mechanism.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#ifdef POP3FS_GSASL
#define BUILT true
#else
#define BUILT false
#endif

static struct capabilities announcing(const char *sasl, bool user)
{
	struct capabilities c = {.known = sasl != NULL};

	if (sasl)
		capabilities_line(&c, slice_of(sasl));
	c.user = user;
	return c;
}

static void a_name_is_known_in_any_case(void **state)
{
	static const struct {
		const char *name;
		bool is;
		enum mechanism m;
	} cases[] = {
	    {"auto", true, MECHANISM_AUTO},
	    {"*", true, MECHANISM_AUTO},
	    {"scram-sha-256-plus", true, MECHANISM_SCRAM_SHA_256_PLUS},
	    {"PLAIN", true, MECHANISM_PLAIN},
	    {"+APOP", true, MECHANISM_APOP},
	    {"+apop", true, MECHANISM_APOP},
	    {"user", true, MECHANISM_USER},
	    {"", false, MECHANISM_AUTO},
	    {"+PLAIN", false, MECHANISM_AUTO},
	    {"DIGEST-MD5", false, MECHANISM_AUTO},
	    {"NTLM", false, MECHANISM_AUTO},
	    {"PLAIN ", false, MECHANISM_AUTO},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		enum mechanism m = MECHANISM_AUTO;

		assert_int_equal(mechanism_named(&m, slice_of(cases[i].name)), cases[i].is);
		assert_int_equal(m, cases[i].m);
	}
	for (enum mechanism m = 0; m < MECHANISMS; m++) {
		enum mechanism found;

		assert_true(mechanism_named(&found, slice_of(mechanism_name(m))));
		assert_int_equal(found, m);
	}
}

struct row {
	const char *sasl; /* a line of CAPA; NULL: no CAPA at all */
	struct mechanism_choice c;
	enum mechanism m; /* MECHANISM_AUTO: an error */
	enum error code;
	const char *words;
	bool user; /* USER is announced */
};

static void check(const struct row *r)
{
	struct capabilities announced = announcing(r->sasl, r->user);
	struct mechanism_choice c = r->c;
	enum mechanism m = MECHANISM_AUTO;
	struct failure why = {0};

	c.announced = &announced;
	assert_int_equal(mechanism_choose(&m, &c, &why), r->code);
	assert_int_equal(m, r->m);
	if (r->words)
		assert_string_equal(why.words, r->words);
	if (r->code)
		assert_non_null(strstr(why.words, "nothing secret was sent"));
}

#define ALL                                                                                        \
	"SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS"                     \
	" SCRAM-SHA-256-PLUS EXTERNAL XOAUTH2 OAUTHBEARER"

static void the_strongest_is_taken_that_both_sides_have(void **state)
{
	static const struct row rows[] = {
	    {ALL, {.binding = true}, MECHANISM_SCRAM_SHA_256_PLUS},
	    {ALL, {.binding = true, .certificate = true}, MECHANISM_EXTERNAL},
	    {ALL, {.binding = false}, MECHANISM_SCRAM_SHA_256},
	    {ALL, {.clear_text = true}, MECHANISM_SCRAM_SHA_256},
	    {ALL, {.is_token = true}, MECHANISM_OAUTHBEARER},
	    {"SASL PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS", {.binding = true},
		MECHANISM_SCRAM_SHA_1_PLUS},
	    {"SASL PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS", {.binding = false}, MECHANISM_SCRAM_SHA_1},
	    {"SASL LOGIN PLAIN", {.is_token = false}, MECHANISM_PLAIN},
	    {"SASL LOGIN", {.is_token = false}, MECHANISM_LOGIN},
	    {"SASL XOAUTH2 PLAIN", {.is_token = true}, MECHANISM_XOAUTH2},
	    {"SASL XOAUTH2 PLAIN", {.is_token = false}, MECHANISM_PLAIN},
	    {"SASL CRAM-MD5", {.is_token = false}, MECHANISM_USER, .user = true},
	    {"SASL", {.is_token = false}, MECHANISM_USER},
	    {NULL, {.is_token = false}, MECHANISM_USER},
	};

	for (size_t i = 0; BUILT && i < COUNT(rows); i++)
		check(&rows[i]);
}

static void a_server_with_nothing_fit_gets_nothing(void **state)
{
	static const struct row rows[] = {
	    {"SASL CRAM-MD5", {.is_token = false}, 0, E_LOGIN,
		"the server offers no login that is taken unasked, only: CRAM-MD5; nothing secret "
		"was sent (auth= asks for one)"},
	    {"SASL XOAUTH2 EXTERNAL", {.is_token = false}, 0, E_LOGIN, NULL},
	    {"SASL PLAIN", {.is_token = true}, 0, E_LOGIN,
		"the server takes no OAuth token (OAUTHBEARER, XOAUTH2), only: PLAIN; nothing "
		"secret was sent"},
	    {NULL, {.is_token = true}, 0, E_LOGIN, NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void what_is_asked_for_is_taken_or_nothing(void **state)
{
	static const struct row rows[] = {
	    {ALL, {.asked = MECHANISM_PLAIN}, MECHANISM_PLAIN},
	    {ALL, {.asked = MECHANISM_CRAM_MD5}, MECHANISM_CRAM_MD5},
	    {ALL, {.asked = MECHANISM_USER}, MECHANISM_USER},
	    {ALL, {.asked = MECHANISM_APOP, .timestamp = true}, MECHANISM_APOP},
	    {ALL, {.asked = MECHANISM_XOAUTH2}, MECHANISM_XOAUTH2},
	    {NULL, {.asked = MECHANISM_SCRAM_SHA_256}, MECHANISM_SCRAM_SHA_256},
	    {"SASL PLAIN", {.asked = MECHANISM_SCRAM_SHA_256}, 0, E_LOGIN,
		"the server does not offer SCRAM-SHA-256, but: PLAIN; nothing secret was sent"},
	    {ALL, {.asked = MECHANISM_APOP}, 0, E_LOGIN,
		"the greeting has no timestamp that auth=APOP could answer; nothing secret was "
		"sent"},
	    {ALL, {.asked = MECHANISM_EXTERNAL}, 0, E_CONFIG,
		"auth=EXTERNAL is the login by a client certificate: cert= names it; nothing "
		"secret was sent"},
	    {ALL, {.asked = MECHANISM_PLAIN, .is_token = true}, 0, E_CONFIG,
		"auth=PLAIN takes a password, and the secret is an OAuth token; nothing secret was "
		"sent"},
	    {ALL, {.asked = MECHANISM_SCRAM_SHA_1_PLUS}, 0, E_TLS,
		"auth=SCRAM-SHA-1-PLUS needs TLS 1.3, or 1.2 with an extended master secret, and "
		"the server has neither; nothing secret was sent"},
	    {ALL, {.asked = MECHANISM_SCRAM_SHA_1_PLUS, .clear_text = true}, 0, E_CONFIG,
		"auth=SCRAM-SHA-1-PLUS is bound to TLS, and tls=off leaves none; nothing secret "
		"was sent"},
	};

	for (size_t i = 0; BUILT && i < COUNT(rows); i++)
		check(&rows[i]);
}

static void apop_is_announced_by_no_capability(void **state)
{
	const struct capabilities nothing = {.known = true};

	assert_true(mechanism_is_announced(&nothing, MECHANISM_APOP));
	assert_false(mechanism_is_announced(&nothing, MECHANISM_PLAIN));
}

#define USED(m) .used = MECHANISM_BIT(MECHANISM_##m)

static void nothing_weaker_is_taken_than_before(void **state)
{
	static const struct row rows[] = {
	    {"SASL PLAIN", {USED(SCRAM_SHA_256)}, 0, E_LOGIN,
		"the server took SCRAM-SHA-256 before and now offers nothing better than PLAIN: "
		"somebody may be in between; nothing secret was sent (auth=PLAIN logs in all the "
		"same)"},
	    {NULL, {USED(SCRAM_SHA_1)}, 0, E_LOGIN, NULL},
	    {"SASL SCRAM-SHA-256", {USED(SCRAM_SHA_256_PLUS)}, 0, E_LOGIN, NULL},
	    {ALL, {USED(SCRAM_SHA_256_PLUS), .binding = false}, 0, E_LOGIN, NULL},
	    {"SASL PLAIN SCRAM-SHA-1", {USED(EXTERNAL), .certificate = true}, 0, E_LOGIN, NULL},
	    /* what we could not do any more ourselves is no fault of the server */
	    {"SASL PLAIN SCRAM-SHA-1", {USED(EXTERNAL)}, MECHANISM_SCRAM_SHA_1},
	    {"SASL PLAIN", {.used = 1 << MECHANISM_EXTERNAL | 1 << MECHANISM_SCRAM_SHA_1}, 0,
		E_LOGIN, NULL},
	    {"SASL SCRAM-SHA-1", {USED(SCRAM_SHA_1_PLUS), .clear_text = true},
		MECHANISM_SCRAM_SHA_1},
	    {"SASL XOAUTH2", {USED(SCRAM_SHA_256), .is_token = true}, MECHANISM_XOAUTH2},
	    {"SASL XOAUTH2", {USED(OAUTHBEARER), .is_token = true}, MECHANISM_XOAUTH2},
	    {"SASL LOGIN", {USED(PLAIN)}, MECHANISM_LOGIN},
	    {"SASL PLAIN", {USED(CRAM_MD5)}, MECHANISM_PLAIN},
	    {"SASL PLAIN SCRAM-SHA-256", {USED(PLAIN)}, MECHANISM_SCRAM_SHA_256},
	    {"SASL PLAIN", {USED(SCRAM_SHA_256), .asked = MECHANISM_PLAIN}, MECHANISM_PLAIN},
	};

	for (size_t i = 0; BUILT && i < COUNT(rows); i++)
		check(&rows[i]);
}

static void without_gnu_sasl_the_rest_is_there(void **state)
{
	static const struct row rows[] = {
	    {ALL, {.binding = true, .certificate = true}, MECHANISM_PLAIN},
	    {ALL, {.is_token = true}, MECHANISM_OAUTHBEARER},
	    {ALL, {.asked = MECHANISM_SCRAM_SHA_1}, 0, E_CONFIG,
		"auth=SCRAM-SHA-1 cannot be had: this pop3fs was built without GNU SASL; nothing "
		"secret was sent"},
	    {"SASL PLAIN", {USED(SCRAM_SHA_256)}, MECHANISM_PLAIN},
	};

	for (size_t i = 0; !BUILT && i < COUNT(rows); i++)
		check(&rows[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_known_in_any_case),
	    cmocka_unit_test(the_strongest_is_taken_that_both_sides_have),
	    cmocka_unit_test(a_server_with_nothing_fit_gets_nothing),
	    cmocka_unit_test(what_is_asked_for_is_taken_or_nothing),
	    cmocka_unit_test(apop_is_announced_by_no_capability),
	    cmocka_unit_test(nothing_weaker_is_taken_than_before),
	    cmocka_unit_test(without_gnu_sasl_the_rest_is_there),
	};

	return cmocka_run_group_tests_name("mechanism", tests, NULL, NULL);
}
