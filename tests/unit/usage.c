#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"
#include "usage.h"

static struct listing *listing_of(size_t count)
{
	struct listing *l = listing_create(count, 1);

	for (size_t i = 0; i < count; i++)
		l->messages[i].id = (int64_t)i + 10;
	return l;
}

/* How many messages the store is told of, in all tasks. */
static size_t told(struct queue *q)
{
	struct task *t;
	size_t count = 0;

	while ((t = (struct task *)queue_take(q))) {
		assert_int_equal(t->kind, TASK_USED);
		count += t->count;
		task_free(t);
	}
	return count;
}

static void each_message_is_told_of_once(void **state)
{
	struct usage u = {.count = 0};
	struct listing *l = listing_of(100);
	struct queue q;

	assert_true(queue_init(&q));
	for (size_t i = 0; i < 1000; i++)
		usage_opened(&u, l, &l->messages[i % 100], &q);
	assert_int_equal(told(&q), 0); /* not yet: a hot read writes nothing */
	usage_tell(&u, &q);
	assert_int_equal(told(&q), 100);
	usage_opened(&u, l, &l->messages[3], &q);
	usage_tell(&u, &q);
	assert_int_equal(told(&q), 0);
	usage_finish(&u);
	listing_drop(l);
	queue_finish(&q);
}

static void many_are_told_of_at_a_time(void **state)
{
	struct usage u = {.count = 0};
	struct listing *l = listing_of(2 * USAGE_MOST + 1);
	struct queue q;

	assert_true(queue_init(&q));
	for (size_t i = 0; i < l->count; i++)
		usage_opened(&u, l, &l->messages[i], &q);
	assert_int_equal(told(&q), 2 * USAGE_MOST);
	usage_tell(&u, &q);
	assert_int_equal(told(&q), 1);
	usage_finish(&u);
	listing_drop(l);
	queue_finish(&q);
}

static void a_new_listing_has_places_of_its_own(void **state)
{
	struct usage u = {.count = 0};
	struct listing *small = listing_of(1), *large = listing_of(100000);
	struct queue q;

	assert_true(queue_init(&q));
	usage_opened(&u, small, &small->messages[0], &q);
	usage_opened(&u, large, &large->messages[99999], &q);
	usage_opened(&u, small, &small->messages[0], &q);
	usage_tell(&u, &q);
	assert_int_equal(told(&q), 3);
	usage_finish(&u);
	listing_drop(small);
	listing_drop(large);
	queue_finish(&q);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_message_is_told_of_once),
	    cmocka_unit_test(many_are_told_of_at_a_time),
	    cmocka_unit_test(a_new_listing_has_places_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
