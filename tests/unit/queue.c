#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <cmocka.h>

#include "alloc.h"
#include "clock.h"
#include "queue.h"

#define MANY 20000

struct parcel {
	struct queue_item item; /* first */
	int number;
};

static struct parcel *number(int n)
{
	struct parcel *p = xnew(struct parcel);

	p->number = n;
	return p;
}

static void put_number(struct queue *q, int n)
{
	queue_put(q, &number(n)->item);
}

/* Takes one and frees it; -1: there was none. */
static int take_number(struct queue *q)
{
	struct parcel *p = (struct parcel *)queue_take(q);
	int number = p ? p->number : -1;

	free(p);
	return number;
}

static bool is_readable(struct queue *q)
{
	struct pollfd p = {.fd = queue_fd(q), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void items_come_out_in_the_order_they_went_in(void **state)
{
	struct queue q;

	assert_true(queue_init(&q));
	assert_int_equal(take_number(&q), -1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			put_number(&q, i);
		for (int i = 0; i < 3; i++)
			assert_int_equal(take_number(&q), i);
		assert_int_equal(take_number(&q), -1);
	}
	queue_finish(&q);
}

static void all_of_them_come_as_a_list(void **state)
{
	struct queue q;
	struct queue_item *item;

	assert_true(queue_init(&q));
	assert_null(queue_take_all(&q));
	for (int i = 0; i < 3; i++)
		put_number(&q, i);
	item = queue_take_all(&q);
	for (int i = 0; i < 3; i++) {
		struct queue_item *next = item->next;

		assert_int_equal(((struct parcel *)item)->number, i);
		free(item);
		item = next;
	}
	assert_null(item);
	assert_null(queue_take_all(&q));
	put_number(&q, 7);
	assert_int_equal(take_number(&q), 7);
	queue_finish(&q);
}

static void a_lot_is_put_behind_what_is_there(void **state)
{
	struct queue_lot lot = {.first = NULL};
	struct queue q;

	assert_true(queue_init(&q));
	queue_put_lot(&q, &lot); /* of none */
	assert_false(is_readable(&q));
	for (int put = 0; put < 4; put++) {
		put_number(&q, 0);
		for (int i = 1; i <= put; i++)
			queue_lot_add(&lot, &number(i)->item);
		queue_put_lot(&q, &lot);
		assert_null(lot.first);
		for (int i = 0; i <= put; i++) {
			assert_true(is_readable(&q));
			assert_int_equal(take_number(&q), i);
		}
		assert_false(is_readable(&q));
	}
	queue_finish(&q);
}

static void the_descriptor_is_readable_while_something_is_there(void **state)
{
	struct queue q;

	assert_true(queue_init(&q));
	assert_false(is_readable(&q));
	put_number(&q, 1);
	put_number(&q, 2);
	assert_true(is_readable(&q));
	take_number(&q);
	assert_true(is_readable(&q));
	take_number(&q);
	assert_false(is_readable(&q));
	put_number(&q, 3);
	assert_true(is_readable(&q));
	free(queue_take_all(&q));
	assert_false(is_readable(&q));
	assert_false(queue_wait(&q, clock_ms()));
	put_number(&q, 4);
	assert_true(queue_wait(&q, CLOCK_NEVER));
	assert_true(queue_wait(&q, 0));
	take_number(&q);
	queue_finish(&q);
}

static void *put_many(void *with)
{
	for (int i = 0; i < MANY; i++)
		put_number(with, i);
	return NULL;
}

static void threads_meet_and_lose_nothing(void **state)
{
	struct queue q;
	pthread_t putter;
	int next = 0;

	assert_true(queue_init(&q));
	assert_int_equal(pthread_create(&putter, NULL, put_many, &q), 0);
	while (next < MANY) {
		int number;

		assert_true(queue_wait(&q, CLOCK_NEVER));
		while ((number = take_number(&q)) >= 0)
			assert_int_equal(number, next++);
	}
	pthread_join(putter, NULL);
	assert_int_equal(take_number(&q), -1);
	assert_false(is_readable(&q));
	queue_finish(&q);
}

struct pair {
	struct queue down, up;
};

static void *echo(void *with)
{
	struct pair *pair = with;
	int number;

	do {
		queue_wait(&pair->down, CLOCK_NEVER);
		number = take_number(&pair->down);
		put_number(&pair->up, number);
	} while (number > 0);
	return NULL;
}

static void what_is_put_wakes_who_waits(void **state)
{
	struct pair pair;
	pthread_t other;

	assert_true(queue_init(&pair.down) && queue_init(&pair.up));
	assert_int_equal(pthread_create(&other, NULL, echo, &pair), 0);
	for (int i = 2000; i >= 0; i--) {
		put_number(&pair.down, i);
		assert_true(queue_wait(&pair.up, CLOCK_NEVER));
		assert_int_equal(take_number(&pair.up), i);
	}
	pthread_join(other, NULL);
	queue_finish(&pair.down);
	queue_finish(&pair.up);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items_come_out_in_the_order_they_went_in),
	    cmocka_unit_test(all_of_them_come_as_a_list),
	    cmocka_unit_test(a_lot_is_put_behind_what_is_there),
	    cmocka_unit_test(the_descriptor_is_readable_while_something_is_there),
	    cmocka_unit_test(threads_meet_and_lose_nothing),
	    cmocka_unit_test(what_is_put_wakes_who_waits),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
