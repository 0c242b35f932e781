#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "pins.h"

#define TURNS 20000

static void what_is_held_does_not_leave(void **state)
{
	struct pins *p = pins_create();

	assert_false(pins_are_held(p, 1));
	assert_true(pins_hold(p, 1));
	assert_true(pins_hold(p, 1));
	assert_false(pins_leave(p, 1));
	assert_false(pins_let_go(p, 1));
	assert_true(pins_are_held(p, 1));
	assert_false(pins_are_held(p, 2));
	assert_false(pins_leave(p, 1));
	assert_false(pins_let_go(p, 1));
	assert_false(pins_are_held(p, 1));
	assert_true(pins_leave(p, 1));
	pins_free(p);
}

static void what_leaves_is_not_held_until_all_is_heard(void **state)
{
	struct pins *p = pins_create();

	assert_true(pins_leave(p, 7));
	assert_true(pins_leave(p, 7)); /* it came again and left again meanwhile */
	assert_false(pins_hold(p, 7));
	assert_true(pins_hold(p, 8));
	pins_left(p, 7);
	assert_false(pins_hold(p, 7));
	pins_left(p, 7);
	assert_true(pins_hold(p, 7));
	pins_free(p);
}

static void who_lets_go_is_told_when_that_is_waited_for(void **state)
{
	struct pins *p = pins_create();

	assert_true(pins_hold(p, 1));
	assert_true(pins_hold(p, 2));
	pins_wanted(p);
	assert_true(pins_hold(p, 1));
	assert_false(pins_let_go(p, 1));
	assert_true(pins_let_go(p, 1));
	assert_false(pins_let_go(p, 2)); /* once is enough: the store looks at all */
	pins_free(p);
}

static void when_all_is_held_only_what_is_spared_leaves(void **state)
{
	struct pins *p = pins_create();

	assert_true(pins_leave(p, 1));
	assert_false(pins_hold_all(p));
	assert_true(pins_leave(p, 2)); /* nothing has changed */
	pins_left(p, 2);
	pins_left(p, 1);
	assert_true(pins_hold_all(p));
	assert_true(pins_hold_all_now(p));
	assert_false(pins_leave(p, 1));
	pins_spare(p, 1);
	pins_spare(p, 2);
	pins_spare(p, 3);
	assert_true(pins_hold(p, 3));
	assert_false(pins_leave(p, 3)); /* somebody has it all the same */
	assert_true(pins_keep(p, 2));
	assert_false(pins_leave(p, 2));
	assert_true(pins_leave(p, 1));
	assert_false(pins_keep(p, 1)); /* too late */
	pins_left(p, 1);
	assert_false(pins_leave(p, 1)); /* spared once */
	assert_true(pins_keep(p, 1));
	pins_let_all_go(p);
	assert_true(pins_leave(p, 1));
	pins_free(p);
}

static void so_many_are_spared_and_the_rest_stays(void **state)
{
	struct pins *p = pins_create();

	assert_true(pins_hold_all(p));
	for (int64_t id = 1; id <= PINS_SPARED + 1; id++)
		pins_spare(p, id);
	assert_true(pins_leave(p, 1));
	assert_true(pins_leave(p, PINS_SPARED));
	assert_false(pins_leave(p, PINS_SPARED + 1));
	pins_spare(p, PINS_SPARED + 1); /* there is room again */
	assert_true(pins_leave(p, PINS_SPARED + 1));
	pins_free(p);
}

static void without_pins_all_goes(void **state)
{
	assert_true(pins_hold(NULL, 1));
	assert_false(pins_are_held(NULL, 1));
	assert_true(pins_leave(NULL, 1));
	assert_false(pins_let_go(NULL, 1));
	pins_left(NULL, 1);
	pins_wanted(NULL);
	assert_true(pins_hold_all(NULL));
	pins_let_all_go(NULL);
	assert_false(pins_hold_all_now(NULL));
	pins_spare(NULL, 1);
	assert_true(pins_keep(NULL, 1));
	pins_free(NULL);
}

/* A body that is there while its flag says so; the flag is taken away only by who may. */
static struct {
	struct pins *pins;
	atomic_bool here, ended;
	atomic_int heard; /* what the reader has to hear of */
} world;

static void *evict(void *with)
{
	for (int i = 0; i < TURNS; i++) {
		if (!pins_leave(world.pins, 5))
			continue;
		atomic_store(&world.here, false);
		atomic_store(&world.here, true); /* it is fetched again */
		atomic_fetch_add(&world.heard, 1);
	}
	atomic_store(&world.ended, true);
	return NULL;
}

static void a_reader_never_sees_it_go(void **state)
{
	pthread_t thread;

	world.pins = pins_create();
	atomic_store(&world.here, true);
	assert_int_equal(pthread_create(&thread, NULL, evict, NULL), 0);
	while (!atomic_load(&world.ended)) {
		if (pins_hold(world.pins, 5)) {
			for (int i = 0; i < 10; i++)
				assert_true(atomic_load(&world.here));
			pins_let_go(world.pins, 5);
		}
		for (int heard = atomic_exchange(&world.heard, 0); heard > 0; heard--)
			pins_left(world.pins, 5);
	}
	pthread_join(thread, NULL);
	pins_free(world.pins);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_held_does_not_leave),
	    cmocka_unit_test(what_leaves_is_not_held_until_all_is_heard),
	    cmocka_unit_test(who_lets_go_is_told_when_that_is_waited_for),
	    cmocka_unit_test(when_all_is_held_only_what_is_spared_leaves),
	    cmocka_unit_test(so_many_are_spared_and_the_rest_stays),
	    cmocka_unit_test(without_pins_all_goes),
	    cmocka_unit_test(a_reader_never_sees_it_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
