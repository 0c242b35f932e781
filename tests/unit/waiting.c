/* libfuse's part is played here: what a request was answered, and its interrupt handler. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "clock.h"
#include "waiting.h"

struct fuse_req {
	int answers, number;
	int interrupted;
	fuse_interrupt_func_t handler;
	void *with;
};

int fuse_reply_err(fuse_req_t req, int number)
{
	req->answers++;
	req->number = number;
	return 0;
}

void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t handler, void *with)
{
	assert_int_equal(req->answers, 0);
	req->handler = handler;
	req->with = with;
}

int fuse_req_interrupted(fuse_req_t req)
{
	return req->interrupted;
}

static void interrupt(fuse_req_t req)
{
	req->interrupted = 1;
	if (req->handler)
		req->handler(req, req->with);
}

static void each_is_taken_once_in_order_of_arrival(void **state)
{
	struct fuse_req r[4] = {0};
	struct waiting w;
	int note = 0;

	waiting_init(&w);
	waiting_park(&w, &r[0], WAIT_FETCH, 7, 10);
	waiting_park(&w, &r[1], WAIT_FETCH, 8, 11);
	waiting_park(&w, &r[2], WAIT_FETCH, 7, 12);
	waiting_park(&w, &r[3], WAIT_SYNC, 7, 13);
	assert_int_equal(waiting_count(&w, WAIT_FETCH), 3);
	assert_ptr_equal(waiting_take(&w, WAIT_FETCH, 7, &note), &r[0]);
	assert_int_equal(note, 10);
	assert_ptr_equal(waiting_take(&w, WAIT_FETCH, 7, &note), &r[2]);
	assert_int_equal(note, 12);
	assert_null(waiting_take(&w, WAIT_FETCH, 7, &note));
	assert_false(waiting_for(&w, WAIT_FETCH, 7));
	assert_true(waiting_for(&w, WAIT_FETCH, 8));
	assert_ptr_equal(waiting_take(&w, WAIT_SYNC, 7, &note), &r[3]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(r[i].answers, 0);
	assert_null(r[0].handler);
	waiting_close(&w, ENODEV);
	assert_int_equal(r[1].answers, 1);
	assert_int_equal(r[1].number, ENODEV);
}

static void what_is_due_is_answered_and_nothing_else(void **state)
{
	static const int64_t dues[] = {50, CLOCK_NEVER, 20, 70};
	struct fuse_req r[4] = {0};
	struct waiting w;
	int note = 0;

	waiting_init(&w);
	assert_true(waiting_due(&w) == CLOCK_NEVER);
	for (int i = 0; i < 4; i++)
		waiting_park_until(&w, &r[i], WAIT_TOLD, i, 0, dues[i]);
	assert_true(waiting_due(&w) == 20);
	waiting_expire(&w, 19, ETIMEDOUT);
	assert_int_equal(waiting_count(&w, WAIT_TOLD), 4);
	waiting_expire(&w, 50, ETIMEDOUT);
	for (int i = 0; i < 4; i++)
		assert_int_equal(r[i].number, dues[i] <= 50 ? ETIMEDOUT : 0);
	assert_ptr_equal(waiting_take(&w, WAIT_TOLD, 3, &note), &r[3]);
	assert_true(waiting_due(&w) == CLOCK_NEVER);
	interrupt(&r[1]);
	assert_int_equal(waiting_count(&w, WAIT_TOLD), 0);
}

static void an_interrupt_frees_that_one_alone(void **state)
{
	for (int which = 0; which < 3; which++) {
		struct fuse_req r[3] = {0};
		struct waiting w;
		int note;

		waiting_init(&w);
		for (int i = 0; i < 3; i++)
			waiting_park(&w, &r[i], WAIT_FETCH, 7, 0);
		interrupt(&r[which]);
		assert_int_equal(r[which].number, EINTR);
		assert_int_equal(waiting_count(&w, WAIT_FETCH), 2);
		while (waiting_take(&w, WAIT_FETCH, 7, &note))
			continue;
		waiting_park(&w, &r[(which + 1) % 3], WAIT_SYNC, 1, 0);
		waiting_close(&w, ENODEV);
		assert_int_equal(r[which].answers, 1);
		assert_int_equal(r[(which + 1) % 3].answers, 1);
		assert_int_equal(r[(which + 2) % 3].answers, 0);
	}
}

static void one_that_was_interrupted_on_its_way_never_waits(void **state)
{
	struct fuse_req r = {.interrupted = 1};
	struct waiting w;

	waiting_init(&w);
	waiting_park(&w, &r, WAIT_FETCH, 7, 0);
	assert_int_equal(r.number, EINTR);
	assert_int_equal(r.answers, 1);
	assert_false(waiting_for(&w, WAIT_FETCH, 7));
}

static void an_unlink_is_not_interrupted(void **state)
{
	struct fuse_req r = {.interrupted = 1};
	struct waiting w;
	int note;

	waiting_init(&w);
	waiting_park(&w, &r, WAIT_UNLINK, 7, 0);
	interrupt(&r);
	assert_int_equal(r.answers, 0);
	assert_ptr_equal(waiting_take(&w, WAIT_UNLINK, 7, &note), &r);
}

static void at_the_end_each_is_told(void **state)
{
	static const enum wait_kind kinds[] = {WAIT_FETCH, WAIT_FETCH, WAIT_UNLINK, WAIT_TOLD};
	struct fuse_req r[4] = {0};
	struct waiting w;

	waiting_init(&w);
	for (int i = 0; i < 4; i++)
		waiting_park_until(&w, &r[i], kinds[i], 7, 0, i % 2 ? 50 : CLOCK_NEVER);
	waiting_close(&w, ENODEV);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(r[i].answers, 1);
		assert_int_equal(r[i].number, ENODEV);
		assert_int_equal(waiting_count(&w, kinds[i]), 0);
	}
	assert_true(waiting_due(&w) == CLOCK_NEVER);
}

static void who_comes_after_the_end_is_told_at_once(void **state)
{
	struct fuse_req r = {0};
	struct waiting w;

	waiting_init(&w);
	waiting_close(&w, EIO);
	waiting_park(&w, &r, WAIT_FETCH, 7, 0);
	assert_int_equal(r.answers, 1);
	assert_int_equal(r.number, ENODEV);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_taken_once_in_order_of_arrival),
	    cmocka_unit_test(what_is_due_is_answered_and_nothing_else),
	    cmocka_unit_test(an_interrupt_frees_that_one_alone),
	    cmocka_unit_test(one_that_was_interrupted_on_its_way_never_waits),
	    cmocka_unit_test(an_unlink_is_not_interrupted),
	    cmocka_unit_test(at_the_end_each_is_told),
	    cmocka_unit_test(who_comes_after_the_end_is_told_at_once),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
