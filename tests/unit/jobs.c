#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"
#include "jobs.h"

static void an_item_is_of_its_kind_and_else_empty(void **state)
{
	struct job *j = job_create(JOB_COMMIT);
	struct task *t = task_create(TASK_MARK);
	struct event *e = event_create(EVENT_STATE);

	assert_memory_equal(j, &(struct job){.kind = JOB_COMMIT}, sizeof(*j));
	assert_memory_equal(t, &(struct task){.kind = TASK_MARK}, sizeof(*t));
	assert_memory_equal(e, &(struct event){.kind = EVENT_STATE}, sizeof(*e));
	job_free(j);
	task_free(t);
	event_free(e);
}

/* What is left over shows under ASan. */
static void what_hangs_on_an_item_goes_with_it(void **state)
{
	struct job *j = job_create(JOB_PUBLISHED);
	struct task *t = task_create(TASK_BODY);
	struct event *e = event_create(EVENT_LISTED);

	j->draft = draft_create();
	draft_uidl(j->draft, 1, slice_of("a"));
	j->listing = listing_create(1, 2);
	j->numbers = xnew(uint32_t);
	j->intentions = xnew(struct intentions);
	t->data = xstrdup("octets");
	t->body = xnew(struct body);
	t->body->learnt = xnew(struct learnt);
	t->draft = draft_create();
	t->ids = xnew(int64_t);
	t->outcomes = xnew(struct outcome);
	t->key = xstrdup("key");
	t->value = xstrdup("value");
	e->listing = listing_create(1, 2);
	e->intentions = xnew(struct intentions);
	e->state = xnew(struct session_state);
	job_free(j);
	task_free(t);
	event_free(e);
}

static void a_listing_outlives_the_items_that_carry_it(void **state)
{
	struct listing *l = listing_create(0, 0);
	struct job *j = job_create(JOB_PUBLISHED);
	struct event *e = event_create(EVENT_LISTED);

	j->listing = listing_hold(l);
	e->listing = listing_hold(l);
	job_free(j);
	event_free(e);
	assert_int_equal(l->holders, 1);
	listing_drop(l);
}

static void what_was_taken_off_is_not_freed(void **state)
{
	struct job *j = job_create(JOB_MERGED);
	struct draft *d;

	j->draft = draft_create();
	d = take(&j->draft);
	job_free(j);
	assert_int_equal(d->count, 0);
	draft_free(d);
}

static void nothing_may_be_freed(void **state)
{
	job_free(NULL);
	task_free(NULL);
	event_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_item_is_of_its_kind_and_else_empty),
	    cmocka_unit_test(what_hangs_on_an_item_goes_with_it),
	    cmocka_unit_test(a_listing_outlives_the_items_that_carry_it),
	    cmocka_unit_test(what_was_taken_off_is_not_freed),
	    cmocka_unit_test(nothing_may_be_freed),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
