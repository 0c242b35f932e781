#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "recall.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct capabilities announced(const char *line)
{
	struct capabilities c = {.known = true};

	capabilities_line(&c, slice_of(line));
	return c;
}

/* What a first login behind USER leaves, on such a line. */
static int64_t first_login(enum remembered_line line)
{
	struct capabilities before = announced("USER"), behind = announced("TOP");
	struct recall r;

	recall_init(&r, line, 0);
	assert_int_equal(r.left, 0);
	assert_false(recall_begin(&r, &before));
	recall_choose(&r, &before);
	assert_int_equal(r.left, 0);
	recall_compare(&r, &behind, true);
	return r.left;
}

static void what_one_login_leaves_the_next_one_goes_by(void **state)
{
	struct capabilities c = {0};
	struct recall r;

	recall_init(&r, REMEMBERED_TLS, first_login(REMEMBERED_TLS));
	assert_true(r.left != 0); /* until the login goes on */
	assert_true(recall_begin(&r, &c));
	assert_true(c.known && c.user && c.top && !c.uidl);
	assert_int_equal(r.left, 0);
}

static void of_another_line_nothing_is_recalled(void **state)
{
	struct capabilities c = {0};
	struct recall r;

	recall_init(&r, REMEMBERED_STLS, first_login(REMEMBERED_TLS));
	assert_false(recall_begin(&r, &c));
	assert_false(c.known);
	assert_int_equal(r.left, 0);
}

static void what_the_server_says_behind_the_login_confirms_it_or_not(void **state)
{
	static const struct {
		const char *behind; /* NULL: "-ERR" */
		bool dropped;       /* CAPA was asked before the login */
		bool kept, other;   /* the same number is left, or another one */
	} cases[] = {
	    {"TOP", false, .kept = true},
	    {"UIDL", false},
	    {"SASL PLAIN", false},
	    {NULL, false},
	    {"TOP", true, .kept = true},
	    {"UIDL", true, .other = true},
	    {NULL, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t given = first_login(REMEMBERED_CLEAR);
		struct capabilities c = {0};
		struct recall r;

		recall_init(&r, REMEMBERED_CLEAR, given);
		recall_begin(&r, &c);
		if (cases[i].dropped)
			recall_drop(&r);
		recall_choose(&r, &c);
		if (cases[i].behind)
			c = announced(cases[i].behind);
		recall_compare(&r, &c, cases[i].behind != NULL);
		assert_int_equal(r.left == given, cases[i].kept);
		assert_int_equal(r.left != 0, cases[i].kept || cases[i].other);
		assert_int_equal(c.expire, !cases[i].behind && !cases[i].dropped);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_one_login_leaves_the_next_one_goes_by),
	    cmocka_unit_test(of_another_line_nothing_is_recalled),
	    cmocka_unit_test(what_the_server_says_behind_the_login_confirms_it_or_not),
	};

	return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
