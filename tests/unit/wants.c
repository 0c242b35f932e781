#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "jobs.h"
#include "wants.h"

#define MANY 50000

/* Takes all out, checking the order. */
static void check_row(struct wants *w, enum want_row row, const int64_t *ids, size_t count)
{
	const struct want *at = w->first[row];

	for (size_t i = 0; i < count; i++, at = at->next) {
		assert_non_null(at);
		assert_int_equal(at->id, ids[i]);
		assert_int_equal(at->row, row);
		assert_ptr_equal(wants_find(w, ids[i]), at);
	}
	assert_null(at);
	assert_int_equal(w->last[row] ? w->last[row]->id : 0, count ? ids[count - 1] : 0);
}

static void empty(struct wants *w)
{
	for (enum want_row row = 0; row < WANT_ROWS; row++)
		while (w->first[row])
			wants_remove(w, w->first[row]);
	for (enum want_row row = 0; row < WANT_ROWS; row++)
		assert_int_equal(w->count[row], 0);
	assert_null(w->by_id);
}

static void they_move_between_rows_and_keep_their_order(void **state)
{
	struct wants w = {0};

	for (int64_t id = 1; id <= 5; id++)
		wants_add(&w, id, WANT_BULK);
	check_row(&w, WANT_BULK, (int64_t[]){1, 2, 3, 4, 5}, 5);
	wants_move(&w, wants_find(&w, 3), WANT_URGENT);
	wants_move(&w, wants_find(&w, 5), WANT_URGENT);
	wants_move_first(&w, wants_find(&w, 1), WANT_URGENT);
	check_row(&w, WANT_URGENT, (int64_t[]){1, 3, 5}, 3);
	check_row(&w, WANT_BULK, (int64_t[]){2, 4}, 2);
	wants_move(&w, wants_find(&w, 1), WANT_URGENT);
	check_row(&w, WANT_URGENT, (int64_t[]){3, 5, 1}, 3);
	wants_move_first(&w, wants_find(&w, 1), WANT_URGENT);
	check_row(&w, WANT_URGENT, (int64_t[]){1, 3, 5}, 3);
	wants_remove(&w, wants_find(&w, 3));
	check_row(&w, WANT_URGENT, (int64_t[]){1, 5}, 2);
	assert_null(wants_find(&w, 3));
	assert_int_equal(w.count[WANT_URGENT], 2);
	empty(&w);
}

static void the_body_that_is_held_goes_with_its_want(void **state)
{
	struct wants w = {0};
	struct want *want = wants_add(&w, 7, WANT_HELD);

	want->body = task_create(TASK_BODY);
	want->body->body = calloc(1, sizeof(*want->body->body));
	empty(&w); /* the address sanitizer sees what stays behind */
}

static void tens_of_thousands_are_no_burden(void **state)
{
	struct wants w = {0};

	for (int64_t id = MANY; id > 0; id--)
		wants_add(&w, id, WANT_BULK);
	for (int64_t id = 1; id <= MANY; id += 2)
		wants_move(&w, wants_find(&w, id), WANT_URGENT);
	assert_int_equal(w.first[WANT_URGENT]->id, 1);
	assert_int_equal(w.first[WANT_BULK]->id, MANY);
	assert_int_equal(w.count[WANT_URGENT], MANY / 2);
	assert_int_equal(w.count[WANT_BULK], MANY / 2);
	empty(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_move_between_rows_and_keep_their_order),
	    cmocka_unit_test(the_body_that_is_held_goes_with_its_want),
	    cmocka_unit_test(tens_of_thousands_are_no_burden),
	};

	return cmocka_run_group_tests_name("wants", tests, NULL, NULL);
}
