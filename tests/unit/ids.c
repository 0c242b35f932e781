#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ids.h"

#define MOST 9

struct element {
	int64_t id;
	char what;
};

static void it_is_found_where_it_stands_and_nowhere_else(void **state)
{
	struct element all[MOST];

	for (size_t count = 0; count <= MOST; count++) {
		for (size_t i = 0; i < count; i++)
			all[i] = (struct element){10 * (int64_t)i - 20, (char)('a' + i)};
		for (int64_t id = -21; id <= 10 * MOST; id++) {
			size_t before = 0;
			struct element *e = ids_find(all, count, sizeof(*all), id);

			while (before < count && all[before].id < id)
				before++;
			assert_int_equal(ids_from(all, count, sizeof(*all), id), before);
			if (before < count && all[before].id == id)
				assert_ptr_equal(e, &all[before]);
			else
				assert_null(e);
		}
	}
}

static void the_largest_and_the_smallest_id_have_their_places(void **state)
{
	struct element all[] = {{INT64_MIN, 'a'}, {0, 'b'}, {INT64_MAX, 'c'}};

	assert_int_equal(ids_from(all, 3, sizeof(*all), INT64_MIN), 0);
	assert_int_equal(ids_from(all, 3, sizeof(*all), INT64_MIN + 1), 1);
	assert_int_equal(ids_from(all, 3, sizeof(*all), INT64_MAX), 2);
	assert_int_equal(ids_from(all, 2, sizeof(*all), INT64_MAX), 2);
	assert_int_equal(ids_from(NULL, 0, sizeof(*all), 1), 0);
	assert_null(ids_find(NULL, 0, sizeof(*all), 1));
}

static void they_are_put_in_order_and_keep_what_they_hold(void **state)
{
	static const int64_t orders[][4] = {
	    {1, 2, 3, 4}, {4, 3, 2, 1}, {1, 2, 4, 3}, {INT64_MAX, 0, INT64_MIN, 1}};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct element all[4];

		for (size_t k = 0; k < 4; k++)
			all[k] = (struct element){orders[i][k], (char)orders[i][k]};
		ids_sort(all, 4, sizeof(*all));
		for (size_t k = 0; k < 4; k++) {
			assert_true(k == 0 || all[k - 1].id < all[k].id);
			assert_int_equal(all[k].what, (char)all[k].id);
		}
	}
	ids_sort(NULL, 0, sizeof(struct element));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_found_where_it_stands_and_nowhere_else),
	    cmocka_unit_test(the_largest_and_the_smallest_id_have_their_places),
	    cmocka_unit_test(they_are_put_in_order_and_keep_what_they_hold),
	};

	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
