#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "oauth.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void the_strings_are_those_of_the_rfc_and_of_google(void **state)
{
	const struct oauth rfc = {slice_of("user@example.com"),
	    slice_of("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="), slice_of("server.example.com"),
	    slice_of("143")};
	const struct oauth odd = {slice_of("a,b=c"), slice_of("t"), slice_of("h"), slice_of("995")};
	const struct oauth google = {
	    slice_of("someuser@example.com"), slice_of("ya29.vF9dft4q"), {"", 0}, {"", 0}};
	CLEANUP(buf_finish) struct buf out = {0};

	oauth_add_bearer(&out, &rfc);
	assert_string_equal(buf_text(&out),
	    "n,a=user@example.com,\1host=server.example.com\1port=143\1"
	    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1");
	buf_clear(&out);
	oauth_add_bearer(&out, &odd);
	assert_string_equal(buf_text(&out), "n,a=a=2Cb=3Dc,\1host=h\1port=995\1"
					    "auth=Bearer t\1\1");
	buf_clear(&out);
	oauth_add_xoauth2(&out, &google);
	assert_string_equal(buf_text(&out), "user=someuser@example.com\1"
					    "auth=Bearer ya29.vF9dft4q\1\1");
}

static void a_token_is_printable_ascii_without_a_blank(void **state)
{
	static const struct {
		const char *token;
		bool is;
	} cases[] = {{"ya29.a0-_~+/=", true}, {"", false}, {"a b", false}, {"a\xe4", false},
	    {"a\n", false}, {"\x7f", false}};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(oauth_is_token(slice_of(cases[i].token)), cases[i].is);
}

static const struct {
	const char *json, *words;
} refusals[] = {
    {"{\"status\":\"invalid_token\",\"scope\":\"example_scope\"}",
	"status invalid_token, scope example_scope"},
    {" { \"status\" : \"401\" , \"schemes\":\"bearer\",\r\n\"scope\":\"https:\\/\\/mail.test\\/\" "
     "} ",
	"status 401, schemes bearer, scope https://mail.test/"},
    {"{\"status\":400}", "status 400"},
    {"{\"a\":\"\\\"\\\\\"}", "a \"\\"},
    {"{\"a\":\"\\u00e4\"}", "a \\u00e4"},
};

static void a_refusal_is_put_into_words(void **state)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		CLEANUP(buf_finish) struct buf out = {0};

		oauth_add_refusal(&out, slice_of(refusals[i].json));
		assert_string_equal(buf_text(&out), refusals[i].words);
	}
}

static void what_is_no_json_is_shown_as_it_came(void **state)
{
	static const char *const odd[] = {"", "no", "{}", "{\"a\"}", "{\"a\":}", "{\"a\":\"b\",}",
	    "{\"a\":\"b\"} x", "[1]", "{\"a\":[1]}", "{\"a\":{\"b\":1}}", "{\"a\":\"b\\"};

	for (size_t i = 0; i < COUNT(odd); i++) {
		CLEANUP(buf_finish) struct buf out = {0};

		oauth_add_refusal(&out, slice_of(odd[i]));
		assert_string_equal(buf_text(&out), odd[i]);
	}
}

static void every_cut_of_a_refusal_is_shown_as_it_came(void **state)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		size_t whole = slice_trim(slice_of(refusals[i].json)).len;

		for (size_t cut = 0; cut < whole; cut++) {
			CLEANUP(freep) char *part = xmemdup(refusals[i].json, cut + 1);
			CLEANUP(buf_finish) struct buf out = {0};

			oauth_add_refusal(&out, slice_make(part, cut));
			assert_true(slice_equal(buf_slice(&out), slice_make(part, cut)));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_strings_are_those_of_the_rfc_and_of_google),
	    cmocka_unit_test(a_token_is_printable_ascii_without_a_blank),
	    cmocka_unit_test(a_refusal_is_put_into_words),
	    cmocka_unit_test(what_is_no_json_is_shown_as_it_came),
	    cmocka_unit_test(every_cut_of_a_refusal_is_shown_as_it_came),
	};

	return cmocka_run_group_tests_name("oauth", tests, NULL, NULL);
}
