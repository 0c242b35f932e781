#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "snapshots.h"

static int64_t add(struct snapshots *all, const char *words)
{
	struct buf text = {0};
	int64_t serial;

	buf_add_text(&text, words);
	serial = snapshots_add(all, &text)->serial;
	assert_null(text.memory);
	return serial;
}

static void a_rendering_never_changes_and_goes_when_forgotten(void **state)
{
	struct snapshots all;
	int64_t one, two;

	snapshots_init(&all);
	one = add(&all, "first");
	two = add(&all, "second");
	assert_int_not_equal(one, two);
	assert_true(slice_is(buf_slice(&snapshots_find(&all, one)->text), "first"));
	assert_true(slice_is(buf_slice(&snapshots_find(&all, two)->text), "second"));
	snapshots_forget(&all, two, 0);
	assert_non_null(snapshots_find(&all, two));
	snapshots_forget(&all, two, 1);
	assert_null(snapshots_find(&all, two));
	snapshots_forget(&all, two, 1);
	assert_int_not_equal(add(&all, "third"), two);
	assert_non_null(snapshots_find(&all, one));
	snapshots_forget(&all, one, 5);
	assert_null(snapshots_find(&all, one));
	assert_int_equal(all.count, 1);
	snapshots_finish(&all);
}

static void the_oldest_go_when_nothing_is_forgotten(void **state)
{
	struct snapshots all;
	int64_t first, last = 0;

	snapshots_init(&all);
	first = add(&all, "x");
	for (int i = 0; i < SNAPSHOTS_MOST; i++)
		last = add(&all, i % 2 ? "x" : "y");
	assert_int_equal(all.count, SNAPSHOTS_MOST);
	assert_null(snapshots_find(&all, first));
	assert_non_null(snapshots_find(&all, first + 1));
	assert_non_null(snapshots_find(&all, last));
	snapshots_finish(&all);
}

static void the_same_text_again_is_the_same_file(void **state)
{
	struct snapshots all;
	int64_t one;

	snapshots_init(&all);
	one = add(&all, "same");
	assert_int_equal(add(&all, "same"), one);
	snapshots_forget(&all, one, 1);
	assert_non_null(snapshots_find(&all, one));
	assert_int_not_equal(add(&all, "other"), one);
	assert_int_not_equal(add(&all, "same"), one); /* what was between has been seen */
	snapshots_finish(&all);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rendering_never_changes_and_goes_when_forgotten),
	    cmocka_unit_test(the_same_text_again_is_the_same_file),
	    cmocka_unit_test(the_oldest_go_when_nothing_is_forgotten),
	};

	return cmocka_run_group_tests_name("snapshots", tests, NULL, NULL);
}
