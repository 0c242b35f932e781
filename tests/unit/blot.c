#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "blot.h"
#include "buf.h"

static void check(const char *secret, const char *text, const char *want)
{
	struct secret *s = secret_create(slice_of(secret));
	CLEANUP(freep) char *copy = xstrdup(text);

	blot_secret(copy, strlen(copy), s);
	assert_string_equal(copy, want);
	secret_free(s);
}

static void what_a_server_quotes_is_blotted(void **state)
{
	static const struct {
		const char *secret, *text, *want;
	} cases[] = {
	    {"hunter2", "", ""},
	    {"hunter2", "no", "no"},
	    {"hunter2", "hunter2", "*******"},
	    {"hunter2", "unknown: PASS hunter2", "unknown: PASS *******"},
	    {"hunter2", "hunter2hunter2 hunter hunter2.", "************** hunter *******."},
	    {"aaaa", "aaaaaaaaaa", "**********"},
	    /* cut by whoever wrote the sentence down */
	    {"hunter2", "you said PASS hunte", "you said PASS *****"},
	    {"hunter2", "you said PASS hun", "you said PASS hun"},
	    {"hunter2-hunter3", "PASS hunter2-hu ...", "PASS ********** ..."},
	    {"hunter2-hunter3", "... er2-hunter3", "... ***********"},
	    {"hunter2-hunter3", "hunter2 -hunter", "hunter2 -******"},
	    {"abcdefghijklmnopqrstuvwxyz", "AUTH YWJjZGVmZ2hpamts and",
		"AUTH **************** and"},
	    {"abc", "abc", "abc"}, /* too short */
	    {"", "abc", "abc"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].secret, cases[i].text, cases[i].want);
}

/* NUL, user, NUL, password: AUTH PLAIN, with users of any length. */
static void base64_is_blotted_wherever_it_begins(void **state)
{
	for (size_t before = 0; before < 7; before++) {
		for (size_t behind = 0; behind < 4; behind++) {
			CLEANUP(buf_finish) struct buf octets = {.len = 0}, text = {.len = 0};
			struct secret *s = secret_create(slice_of("hunter2-hunter2"));
			CLEANUP(freep) char *copy = NULL;
			size_t stars = 0;

			buf_add(&octets, "abcdefg", before);
			buf_add_text(&octets, "hunter2-hunter2");
			buf_add(&octets, "hijk", behind);
			buf_add_text(&text, "you said ");
			base64_add(&text, buf_slice(&octets));
			copy = xstrdup(buf_text(&text));
			blot_secret(copy, strlen(copy), s);
			for (const char *c = copy; *c; c++)
				stars += *c == '*';
			/* 15 octets are 20 characters; two groups may be shared with neighbours */
			assert_in_range(stars, 16, 20);
			assert_memory_equal(copy, "you said ", 9);
			secret_free(s);
		}
	}
}

static void no_secret_is_nowhere(void **state)
{
	char text[] = "abc";

	blot_secret(text, 3, NULL);
	assert_string_equal(text, "abc");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_server_quotes_is_blotted),
	    cmocka_unit_test(base64_is_blotted_wherever_it_begins),
	    cmocka_unit_test(no_secret_is_nowhere),
	};

	return cmocka_run_group_tests_name("blot", tests, NULL, NULL);
}
