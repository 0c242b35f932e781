#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "sasl.h"

#ifdef POP3FS_GSASL
#include <gsasl.h>
#endif

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void sasl_freep(struct sasl **s)
{
	sasl_free(*s);
}

/* ---- chance, taken away: the published vectors have nonces of their own ---- */

#ifdef POP3FS_GSASL
#define NONCE_OCTETS 18

static const char *nonce; /* as it is written */
static char drawn[NONCE_OCTETS];

/* These two stand before the library's own, also for the library itself. */
int gsasl_nonce(char *data, size_t len)
{
	assert_int_equal(len, NONCE_OCTETS);
	memset(drawn, '\xa5', sizeof(drawn));
	memcpy(data, drawn, len);
	return GSASL_OK;
}

int gsasl_base64_to(const char *in, size_t inlen, char **out, size_t *outlen)
{
	CLEANUP(buf_finish) struct buf text = {0};

	if (nonce && inlen == NONCE_OCTETS && memcmp(in, drawn, inlen) == 0)
		buf_add_text(&text, nonce);
	else
		base64_add(&text, slice_make(in, inlen));
	*out = xstrdup(buf_text(&text));
	if (outlen)
		*outlen = text.len;
	return GSASL_OK;
}
#endif

#ifdef POP3FS_GSASL
/* GNU SASL 2.2 loses some octets of a challenge that it cannot parse: that is not ours. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libgsasl";
}
#endif

/* ---- conversations ---- */

struct turn {
	const char *challenge, *response; /* not in base64; no challenge: the client speaks first */
};

struct row {
	enum mechanism mechanism;
	const char *user, *secret, *nonce;
	struct turn turns[4];
	enum error code; /* of the last turn */
	const char *words;
	const char *refusal;
	bool done;
};

static struct slice encoded(struct buf *to, const char *octets)
{
	base64_add(to, slice_of(octets));
	return buf_slice(to);
}

static void check_turn(struct sasl *s, const struct turn *t, enum error code, struct failure *why)
{
	CLEANUP(buf_finish) struct buf challenge = {0}, response = {0}, want = {0};
	enum error e =
	    sasl_step(s, encoded(&challenge, t->challenge ? t->challenge : ""), &response, why);

	assert_int_equal(e, code);
	if (code == OK) {
		encoded(&want, t->response);
		assert_string_equal(buf_text(&response), buf_text(&want));
	} else {
		assert_int_equal(response.len, 0);
	}
}

static void check(const struct row *r)
{
	static char binding[] = "0123456789abcdef0123456789abcdef";
	const struct sasl_plan plan = {
	    r->mechanism, r->user, slice_of(r->secret), "mail.test", "995", slice_of(binding)};
	CLEANUP(sasl_freep) struct sasl *s = NULL;
	struct failure why = {0};
	size_t count = 0;

#ifdef POP3FS_GSASL
	nonce = r->nonce;
#endif
	assert_int_equal(sasl_create(&s, &plan, &why), OK);
	assert_int_equal(sasl_speaks_first(s), r->turns[0].challenge == NULL);
	while (count < COUNT(r->turns) && (r->turns[count].response || r->turns[count].challenge))
		count++;
	for (size_t i = 0; i < count; i++)
		check_turn(s, &r->turns[i], i + 1 == count ? r->code : OK, &why);
	assert_int_equal(sasl_is_done(s), r->done);
	if (r->words)
		assert_string_equal(why.words, r->words);
	assert_true(slice_is(sasl_refusal(s), r->refusal ? r->refusal : ""));
}

#define BEARER "n,a=me,\1host=mail.test\1port=995\1auth=Bearer t\1\1"
#define X_AUTH "user=me\1auth=Bearer t\1\1"
#define NO     "{\"status\":\"invalid_token\"}"

static void our_own_say_what_the_rfcs_say(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_OAUTHBEARER, "me", "t", NULL, {{NULL, BEARER}}, .done = true},
	    {MECHANISM_OAUTHBEARER, "me", "t", NULL, {{NULL, BEARER}, {NO, "\1"}},
		.refusal = "status invalid_token"},
	    {MECHANISM_OAUTHBEARER, "me", "t", NULL, {{NULL, BEARER}, {NO, "\1"}, {"more", ""}},
		E_PROTOCOL,
		"the server does not follow SASL OAUTHBEARER: bW9yZQ==", "status invalid_token"},
	    {MECHANISM_XOAUTH2, "me", "t", NULL, {{NULL, X_AUTH}}, .done = true},
	    {MECHANISM_XOAUTH2, "me", "t", NULL, {{NULL, X_AUTH}, {NO, ""}},
		.refusal = "status invalid_token"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

/* With the NULs that a row's strings cannot have. */
static void plain_is_user_and_password_between_nuls(void **state)
{
	const struct sasl_plan plan = {.mechanism = MECHANISM_PLAIN, "me", slice_of("secret")};
	CLEANUP(sasl_freep) struct sasl *s = NULL;
	CLEANUP(buf_finish) struct buf response = {0};
	struct failure why = {0};

	assert_int_equal(sasl_create(&s, &plan, &why), OK);
	assert_true(sasl_may_go_with_auth(s));
	assert_false(sasl_is_done(s));
	assert_int_equal(sasl_step(s, slice_of(""), &response, &why), OK);
	assert_string_equal(buf_text(&response), "AG1lAHNlY3JldA==");
	assert_true(sasl_is_done(s));
	assert_int_equal(sasl_step(s, slice_of("bW9yZQ=="), &response, &why), E_PROTOCOL);
}

static void xoauth2_waits_for_a_line_of_its_own(void **state)
{
	const struct sasl_plan plan = {.mechanism = MECHANISM_XOAUTH2, "me", slice_of("t")};
	CLEANUP(sasl_freep) struct sasl *s = NULL;

	assert_int_equal(sasl_create(&s, &plan, NULL), OK);
	assert_true(sasl_speaks_first(s));
	assert_false(sasl_may_go_with_auth(s));
}

static void what_is_no_token_is_not_sent_as_one(void **state)
{
	const struct sasl_plan plan = {
	    .mechanism = MECHANISM_OAUTHBEARER, "me", slice_of("a secret")};
	struct sasl *s = NULL;

	assert_int_equal(sasl_create(&s, &plan, NULL), E_CONFIG);
	assert_null(s);
	sasl_free(NULL);
}

#ifdef POP3FS_GSASL

#define N1      "fyko+d2lbbFgONRv9qkxdawL"
#define N1_BOTH "r=" N1 "3rfcNHYJY1ZVvWVs7j"
#define N2      "rOprNGfwEbeRWgbNEkqO"
#define N2_BOTH "r=" N2 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

#define SHA_1_PROOF                                                                                \
	{                                                                                          \
		N1_BOTH ",s=QSXCR+Q6sek8bf92,i=4096",                                              \
		    "c=biws," N1_BOTH ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="                            \
	}
#define SHA_256_PROOF                                                                              \
	{                                                                                          \
		N2_BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",                                      \
		    "c=biws," N2_BOTH ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="            \
	}

static void gnu_sasl_says_what_the_rfcs_say(void **state)
{
	static const struct row rows[] = {
	    /* RFC 5802, 5 */
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1,
		{{NULL, "n,,n=user,r=" N1}, SHA_1_PROOF, {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", ""}},
		.done = true},
	    /* RFC 7677, 3 */
	    {MECHANISM_SCRAM_SHA_256, "user", "pencil", N2,
		{{NULL, "n,,n=user,r=" N2}, SHA_256_PROOF,
		    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", ""}},
		.done = true},
	    /* RFC 2195, 2 */
	    {MECHANISM_CRAM_MD5, "tim", "tanstaaftanstaaf", NULL,
		{{"<1896.697170952@postoffice.reston.mci.net>",
		    "tim b913a602c7eda7a495b4e6e7334d3890"}},
		.done = true},
	    {MECHANISM_LOGIN, "me", "secret", NULL, {{"Username:", "me"}, {"Password:", "secret"}},
		.done = true},
	    {MECHANISM_EXTERNAL, "me", "", NULL, {{NULL, "me"}}, .done = true},
	    /* a comma and an equals sign in the name: RFC 5802, 5.1 */
	    {MECHANISM_SCRAM_SHA_1, "a,b=c", "x", N1, {{NULL, "n,,n=a=2Cb=3Dc,r=" N1}}},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void a_server_that_cannot_prove_itself_is_not_believed(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1,
		{{NULL, "n,,n=user,r=" N1}, SHA_1_PROOF, {"v=smF9pqV8S7suAoZWja4dJRkFsKQ=", ""}},
		E_LOGIN,
		"the server could not prove that it knows the password (SCRAM-SHA-1): it may be "
		"another one that only says yes"},
	    {MECHANISM_SCRAM_SHA_256, "user", "pencil", N2,
		{{NULL, "n,,n=user,r=" N2}, SHA_256_PROOF, {"e=invalid-proof", ""}}, E_LOGIN,
		"the server refused the login by SCRAM-SHA-256: invalid-proof"},
	    {MECHANISM_SCRAM_SHA_256, "user", "pencil", N2,
		{{NULL, "n,,n=user,r=" N2}, SHA_256_PROOF, {"", ""}}, E_PROTOCOL, NULL},
	    /* the nonce is not ours: somebody else's conversation */
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1,
		{{NULL, "n,,n=user,r=" N1}, {"r=x3rfc,s=QSXCR+Q6sek8bf92,i=4096", ""}}, E_LOGIN,
		NULL},
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1,
		{{NULL, "n,,n=user,r=" N1}, {N1_BOTH ",s=QSXCR+Q6sek8bf92,i=4294967295", ""}},
		E_PROTOCOL,
		"the server wants 4294967295 rounds of key derivation, and no more than 2000000 "
		"are done for it"},
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1,
		{{NULL, "n,,n=user,r=" N1}, {"nonsense", ""}}, E_PROTOCOL, NULL},
	    {MECHANISM_LOGIN, "me", "secret", NULL,
		{{"Username:", "me"}, {"Password:", "secret"}, {"Again:", ""}}, E_PROTOCOL,
		"the server does not follow SASL LOGIN: QWdhaW46", .done = true},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void nothing_is_done_before_the_server_s_signature(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1, {{NULL, "n,,n=user,r=" N1}}},
	    {MECHANISM_SCRAM_SHA_1, "user", "pencil", N1, {{NULL, "n,,n=user,r=" N1}, SHA_1_PROOF}},
	    {MECHANISM_LOGIN, "me", "secret", NULL, {{"Username:", "me"}}},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

/* RFC 5802, 7 and RFC 9266, 2: "p=tls-exporter,," and the binding itself, in base64. */
static void what_is_bound_carries_the_binding(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_SCRAM_SHA_1_PLUS, "user", "pencil", N1,
		{{NULL, "p=tls-exporter,,n=user,r=" N1},
		    {N1_BOTH ",s=QSXCR+Q6sek8bf92,i=4096",
			"c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"
			"," N1_BOTH ",p=O/iGIpD3k2i0DiBIoA/wAULDbCo="}}},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void a_password_that_scram_cannot_write_is_said(void **state)
{
	static const struct row rows[] = {
	    {MECHANISM_SCRAM_SHA_1, "user", "\xff\xfe", N1,
		{{NULL, "n,,n=user,r=" N1}, {N1_BOTH ",s=QSXCR+Q6sek8bf92,i=4096", ""}}, E_CONFIG,
		"user name or password is not UTF-8, or has characters that SCRAM-SHA-1 forbids"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

/* Each server's word, cut anywhere, is an error or a step: never a crash, never done too early. */
static void every_cut_of_a_challenge_is_survived(void **state)
{
	static const char first[] = N1_BOTH ",s=QSXCR+Q6sek8bf92,i=4096";
	static const char last[] = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";

	for (size_t cut = 0; cut < strlen(first) + strlen(last); cut++) {
		const struct sasl_plan plan = {
		    .mechanism = MECHANISM_SCRAM_SHA_1, "user", slice_of("pencil")};
		CLEANUP(sasl_freep) struct sasl *s = NULL;
		CLEANUP(buf_finish) struct buf one = {0}, two = {0}, response = {0};
		struct failure why = {0};
		size_t len = cut < strlen(first) ? cut : strlen(first);

		nonce = N1;
		base64_add(&one, slice_make(first, len));
		base64_add(&two, slice_make(last, cut - len));
		assert_int_equal(sasl_create(&s, &plan, &why), OK);
		assert_int_equal(sasl_step(s, slice_of(""), &response, &why), OK);
		if (sasl_step(s, buf_slice(&one), &response, &why) == OK)
			assert_int_not_equal(sasl_step(s, buf_slice(&two), &response, &why), OK);
		assert_false(sasl_is_done(s));
	}
}
#endif

static void what_is_no_base64_is_no_challenge(void **state)
{
	const struct sasl_plan plan = {.mechanism = MECHANISM_XOAUTH2, "me", slice_of("t")};
	CLEANUP(sasl_freep) struct sasl *s = NULL;
	CLEANUP(buf_finish) struct buf response = {0};
	struct failure why = {0};

	assert_int_equal(sasl_create(&s, &plan, NULL), OK);
	assert_int_equal(sasl_step(s, slice_of("go on!"), &response, &why), E_PROTOCOL);
	assert_string_equal(why.words, "the server does not follow SASL XOAUTH2: go on!");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(our_own_say_what_the_rfcs_say),
	    cmocka_unit_test(plain_is_user_and_password_between_nuls),
	    cmocka_unit_test(xoauth2_waits_for_a_line_of_its_own),
	    cmocka_unit_test(what_is_no_token_is_not_sent_as_one),
	    cmocka_unit_test(what_is_no_base64_is_no_challenge),
#ifdef POP3FS_GSASL
	    cmocka_unit_test(gnu_sasl_says_what_the_rfcs_say),
	    cmocka_unit_test(a_server_that_cannot_prove_itself_is_not_believed),
	    cmocka_unit_test(nothing_is_done_before_the_server_s_signature),
	    cmocka_unit_test(what_is_bound_carries_the_binding),
	    cmocka_unit_test(a_password_that_scram_cannot_write_is_said),
	    cmocka_unit_test(every_cut_of_a_challenge_is_survived),
#endif
	};

	return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
