#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "header.h"
#include "learn.h"

#define NOW   1800000000
#define DATED 1420070400

static void a_header_teaches_its_text_its_date_and_its_digest(void **state)
{
	static const struct {
		const char *text, *header;
		int64_t received;
	} cases[] = {
	    {"Date: Thu, 01 Jan 2015 00:00:00 +0000\r\n\r\nbody\r\n",
		"Date: Thu, 01 Jan 2015 00:00:00 +0000\r\n\r\n", DATED},
	    {"Date: Thu, 01 Jan 2015 00:00:00 +0000\n\nbody\n",
		"Date: Thu, 01 Jan 2015 00:00:00 +0000\n\n", DATED},
	    {"A: b\r\n\r\nDate: Thu, 01 Jan 2015 00:00:00 +0000\r\n", "A: b\r\n\r\n", INT64_MIN},
	    {"Date: Thu, 01 Jan 2099 00:00:00 +0000\r\n\r\n",
		"Date: Thu, 01 Jan 2099 00:00:00 +0000\r\n\r\n", INT64_MIN},
	    {"A: no end", "A: no end", INT64_MIN},
	    {"\r\nbody alone\r\n", "\r\n", INT64_MIN},
	    {"", "", INT64_MIN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep) struct learnt *l = learn_header(slice_of(cases[i].text), NOW);
		CLEANUP(freep) struct learnt *of_body = learn_of_body(slice_of(cases[i].text));
		unsigned char digest[HEADER_DIGEST_OCTETS];

		assert_int_equal(of_body->received, INT64_MIN);
		assert_int_equal(of_body->len, l->len);
		assert_memory_equal(of_body->digest, l->digest, sizeof(l->digest));
		header_digest(slice_of(cases[i].header), digest);
		assert_int_equal(l->len, strlen(cases[i].header));
		assert_int_equal(learn_length(l), l->len);
		assert_memory_equal(l->text, cases[i].header, l->len);
		assert_memory_equal(l->digest, digest, sizeof(digest));
		assert_int_equal(l->received, cases[i].received);
	}
}

static void no_text_may_have_no_place(void **state)
{
	CLEANUP(freep) struct learnt *l = learn_header((struct slice){0}, NOW);

	assert_int_equal(l->len, 0);
	assert_int_equal(learn_length(l), 0);
	assert_int_equal(l->received, INT64_MIN);
}

/* What TOP brought and what RETR brings must teach the same, however much came of either. */
static void a_long_header_is_cut_at_the_same_octet_always(void **state)
{
	static const size_t lengths[] = {
	    LEARN_LARGEST, LEARN_LARGEST + 1, 2 * (size_t)LEARN_LARGEST};
	CLEANUP(freep) char *text = xmalloc(2 * (size_t)LEARN_LARGEST);
	CLEANUP(freep) struct learnt *first = NULL;

	for (size_t i = 0; i < 2 * (size_t)LEARN_LARGEST; i++)
		text[i] = "A: b\r\n"[i % 6];
	first = learn_header(slice_make(text, LEARN_LARGEST), NOW);
	assert_int_equal(first->len, LEARN_LARGEST);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CLEANUP(freep)
		struct learnt *l = learn_header(slice_make(text, lengths[i]), NOW);

		assert_int_equal(l->len, LEARN_LARGEST);
		assert_int_equal(learn_length(l), 0);
		assert_memory_equal(l->text, text, LEARN_LARGEST);
		assert_memory_equal(l->digest, first->digest, sizeof(l->digest));
	}
}

static void what_begins_like_a_reply_is_no_header(void **state)
{
	static const struct {
		const char *text;
		bool reply;
	} cases[] = {
	    {"+OK top follows\r\nSubject: x\r\n\r\n", true},
	    {"-err late\r\n", true},
	    {"+OK", true},
	    {"+O", false},
	    {"", false},
	    {"Subject: +OK\r\n\r\n", false},
	    {"\r\n+OK\r\n", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep)
		struct learnt *l = learn_header(slice_of(cases[i].text), NOW);

		assert_int_equal(learn_is_reply(l), cases[i].reply);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_teaches_its_text_its_date_and_its_digest),
	    cmocka_unit_test(no_text_may_have_no_place),
	    cmocka_unit_test(what_begins_like_a_reply_is_no_header),
	    cmocka_unit_test(a_long_header_is_cut_at_the_same_octet_always),
	};

	return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
