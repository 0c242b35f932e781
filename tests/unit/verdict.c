#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "verdict.h"

static void a_commit_that_left_nothing_undone_is_fine(void **state)
{
	struct failure why = {0};

	assert_int_equal(verdict(&(struct verb_commit){0}, &why), OK);
	assert_int_equal(verdict(&(struct verb_commit){.deleted = 3}, &why), OK);
}

static void what_is_not_done_is_counted_and_has_a_reason(void **state)
{
	static const struct {
		uint64_t waiting, dropped;
		int number;
		const char *words, *want;
	} cases[] = {
	    {1, 0, 0, "", "1 deletion waits in the journal: the server did not do them"},
	    {2, 0, 5, "mail.test is away", "2 deletions wait in the journal: mail.test is away"},
	    {2, 7, 5, "mail.test is away", "2 deletions wait in the journal: mail.test is away"},
	    {0, 1, 0, "", "1 deletion was given up, the message is shown again"},
	    {0, 2, 0, "", "2 deletions were given up, the messages are shown again"},
	    {0, 0, 5, "mail.test is away", "mail.test is away"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verb_commit answer = {
		    .deleted = 1, .waiting = cases[i].waiting, .dropped = cases[i].dropped};
		struct failure why = {0};

		answer.failure.number = cases[i].number;
		snprintf(answer.failure.words, sizeof(answer.failure.words), "%s", cases[i].words);
		assert_int_equal(verdict(&answer, &why), E_REFUSED);
		assert_string_equal(why.words, cases[i].want);
	}
}

/* They come from another process. */
static void words_without_an_end_are_cut(void **state)
{
	struct verb_commit answer = {.failure.number = 5};
	struct failure why = {0};

	memset(answer.failure.words, 'w', sizeof(answer.failure.words));
	assert_int_equal(verdict(&answer, &why), E_REFUSED);
	assert_true(strlen(why.words) <= sizeof(answer.failure.words));
	assert_int_equal(why.words[0], 'w');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_commit_that_left_nothing_undone_is_fine),
	    cmocka_unit_test(what_is_not_done_is_counted_and_has_a_reason),
	    cmocka_unit_test(words_without_an_end_are_cut),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
