#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "happenings.h"

#define ROOM 8192

/* What is read from `from` on, as text; the caller's. */
static char *text_from(
    const struct happenings *h, uint64_t from, size_t room, uint64_t *next, uint64_t *lost)
{
	char text[ROOM];
	size_t len = happenings_read(h, from, text, room, next, lost);

	return xstrndup(text, len);
}

static void what_is_added_is_read_from_a_number_on(void **state)
{
	static const struct {
		uint64_t from;
		size_t room;
		const char *text;
		uint64_t next;
	} cases[] = {
	    {0, ROOM, "new a 10\ngone b\ncommitted 3\n", 3},
	    {1, ROOM, "gone b\ncommitted 3\n", 3},
	    {3, ROOM, "", 3},
	    {99, ROOM, "", 3},
	    {0, 0, "", 0},
	    {0, 9, "new a 10\n", 1},
	    {0, 15, "new a 10\n", 1}, /* whole lines only */
	    {0, 16, "new a 10\ngone b\n", 2},
	};
	struct happenings *h = xnew(struct happenings);

	happenings_add(h, "new %s %d", "a", 10);
	happenings_add(h, "gone %s", "b");
	happenings_add(h, "committed %d", 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t next, lost;
		CLEANUP(freep)
		char *text = text_from(h, cases[i].from, cases[i].room, &next, &lost);

		assert_string_equal(text, cases[i].text);
		assert_int_equal(next, cases[i].next);
		assert_int_equal(lost, 0);
	}
	happenings_finish(h);
	free(h);
}

static void who_is_slow_hears_how_many_were_lost(void **state)
{
	struct happenings *h = xnew(struct happenings);
	uint64_t from = 5, lost, all = 0, lines = 0;

	for (int i = 0; i < 3 * HAPPENINGS_MOST; i++)
		happenings_add(h, "gone m%d", i);
	while (from < h->next) {
		CLEANUP(freep) char *text = text_from(h, from, 100, &from, &lost);

		all += lost;
		for (char *at = text; (at = strchr(at, '\n')); at++)
			lines++;
	}
	assert_int_equal(lines, HAPPENINGS_MOST);
	assert_int_equal(all, 2 * HAPPENINGS_MOST - 5);
	happenings_finish(h);
	free(h);
}

static void a_state_is_news_once(void **state)
{
	static const bool states[] = {false, true, true, false, false, true};
	struct happenings *h = xnew(struct happenings);
	uint64_t next, lost;
	CLEANUP(freep) char *text = NULL;

	for (size_t i = 0; i < sizeof(states); i++)
		happenings_offline(h, states[i]);
	text = text_from(h, 0, ROOM, &next, &lost);
	assert_string_equal(text, "offline\nonline\noffline\n");
	happenings_finish(h);
	free(h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_added_is_read_from_a_number_on),
	    cmocka_unit_test(who_is_slow_hears_how_many_were_lost),
	    cmocka_unit_test(a_state_is_news_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
