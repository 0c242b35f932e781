#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "base64.h"

static const struct {
	const char *octets, *text;
} vectors[] = {
    /* RFC 4648, 10 */
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void octets_become_text_and_come_back(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		CLEANUP(buf_finish) struct buf text = {0}, octets = {0};

		base64_add(&text, slice_of(vectors[i].octets));
		assert_string_equal(buf_text(&text), vectors[i].text);
		assert_true(base64_undo(&octets, slice_of(vectors[i].text)));
		assert_true(slice_is(buf_slice(&octets), vectors[i].octets));
	}
}

static void a_nul_is_an_octet_as_any(void **state)
{
	CLEANUP(buf_finish) struct buf text = {0}, octets = {0};

	base64_add(&text, slice_make("\0me\0secret", 10));
	assert_string_equal(buf_text(&text), "AG1lAHNlY3JldA==");
	assert_true(base64_undo(&octets, buf_slice(&text)));
	assert_memory_equal(buf_at(&octets), "\0me\0secret", 10);
}

static void what_is_no_base64_is_refused_and_adds_nothing(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "=",
	    "Zh==", "Zm9=", "Zm9v Zm9v", "Zm-v", "Zm9v\n", "Zm9vZ", "Zm=v", " Zm9v", "Zm9\xe4"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(buf_finish) struct buf octets = {0};

		assert_false(base64_undo(&octets, slice_of(bad[i])));
		assert_int_equal(octets.len, 0);
	}
}

static void every_cut_is_whole_groups_or_nothing(void **state)
{
	static const char text[] = "Zm9vYmFyZm9vYmE=";

	for (size_t cut = 0; cut <= strlen(text); cut++) {
		CLEANUP(buf_finish) struct buf octets = {0};

		assert_int_equal(base64_undo(&octets, slice_make(text, cut)), cut % 4 == 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(octets_become_text_and_come_back),
	    cmocka_unit_test(a_nul_is_an_octet_as_any),
	    cmocka_unit_test(what_is_no_base64_is_refused_and_adds_nothing),
	    cmocka_unit_test(every_cut_is_whole_groups_or_nothing),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
