#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "editions.h"

#define MESSAGES 20
#define STEPS    20000

static void a_message_has_the_first_edition(void **state)
{
	struct editions e = {.count = 0};

	assert_int_equal(editions_of(&e, 7), 0);
	assert_true(editions_has_body(0));
	assert_false(editions_return(&e, 7, true));
	editions_finish(&e);
}

static void the_same_octets_are_the_same_edition(void **state)
{
	struct editions e = {.count = 0};

	assert_true(editions_leave(&e, 7));
	assert_false(editions_leave(&e, 7));
	assert_false(editions_has_body(editions_of(&e, 7)));
	assert_int_equal(editions_of(&e, 6), 0);
	assert_true(editions_return(&e, 7, true));
	assert_int_equal(editions_of(&e, 7), 0);
	editions_finish(&e);
}

static void one_that_was_shown_without_a_body_gets_one_that_nobody_has_seen(void **state)
{
	for (int same = 0; same < 2; same++) {
		struct editions e = {.count = 0};

		editions_begin_without(&e, 7);
		assert_false(editions_has_body(editions_of(&e, 7)));
		editions_begin_without(&e, 7); /* it has none still */
		assert_false(editions_has_body(editions_of(&e, 7)));
		assert_true(editions_return(&e, 7, same));
		assert_true(editions_has_body(editions_of(&e, 7)));
		assert_int_not_equal(editions_of(&e, 7), 0);
		editions_finish(&e);
	}
}

static void the_last_edition_has_no_body(void **state)
{
	struct editions e = {.count = 0};

	do
		editions_leave(&e, 7);
	while (editions_return(&e, 7, false));
	assert_int_equal(editions_of(&e, 7), EDITIONS_LAST);
	assert_false(editions_has_body(EDITIONS_LAST));
	assert_true(editions_return(&e, 7, true)); /* what was there before is known */
	editions_finish(&e);
}

/* Whatever happens in whatever order: an even edition never stands for two bodies. */
static void an_edition_stands_for_one_body_always(void **state)
{
	static int seen[MESSAGES][STEPS]; /* the body that an edition was seen with, and 1 */
	int body[MESSAGES] = {0};
	struct editions e = {.count = 0};

	srand(1);
	for (int step = 0; step < STEPS; step++) {
		int id = rand() % MESSAGES;
		bool same = rand() % 2;
		uint32_t number;

		if (rand() % 2)
			editions_leave(&e, id);
		else if (editions_return(&e, id, same) && !same)
			body[id]++;
		number = editions_of(&e, id);
		if (!editions_has_body(number))
			continue;
		if (seen[id][number])
			assert_int_equal(seen[id][number], body[id] + 1);
		seen[id][number] = body[id] + 1;
	}
	editions_finish(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_has_the_first_edition),
	    cmocka_unit_test(the_same_octets_are_the_same_edition),
	    cmocka_unit_test(one_that_was_shown_without_a_body_gets_one_that_nobody_has_seen),
	    cmocka_unit_test(the_last_edition_has_no_body),
	    cmocka_unit_test(an_edition_stands_for_one_body_always),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
