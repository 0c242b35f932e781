/* Real mounts (see world.h): the verb verify, asked by children of the test, whose store is the
 * test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <cmocka.h>

#include "checking.h"
#include "ioctls.h"
#include "standing.h"

struct finding_wanted {
	enum finding found;
	bool fetched;
	int number; /* of the failure */
};

static int verify(struct world *x, const void *with)
{
	const struct finding_wanted *want = with;
	struct verb_verify got = {.refetch = true};
	int root = open(x->mountpoint, O_RDONLY | O_DIRECTORY);

	if (ioctl(root, VERB_VERIFY, &got) < 0)
		return errno;
	return got.found == want->found && got.fetched == want->fetched &&
		       got.failure.number == want->number
		   ? 0
		   : WRONG;
}

/* The store was asked to look, and answers below. */
static uint64_t asked(void)
{
	struct task *t = world_task(&w, TASK_CHECK);
	uint64_t cookie = t->cookie;

	task_free(t);
	return cookie;
}

static void found(uint64_t cookie, enum finding what, int64_t id)
{
	struct event *e = world_event(EVENT_CHECKED, 0, OK);

	e->cookie = cookie;
	e->checking = checking_create(0, false);
	e->checking->found = what;
	e->checking->id = id;
	strcpy(e->checking->name, "somebody");
	world_put(&w, e);
}

static void each_hears_of_his_own(void **state)
{
	static const struct finding_wanted nothing = {FOUND_NOTHING, false, 0},
					   absent = {FOUND_ABSENT, false, 0};
	struct child first = child_start(&w, verify, &nothing), second;
	uint64_t of_first = asked(), of_second;

	second = child_start(&w, verify, &absent);
	of_second = asked();
	found(of_second + 77, FOUND_NOTHING, 0); /* nobody's */
	found(of_first, FOUND_NOTHING, 0);
	assert_int_equal(child_end(&first), 0);
	found(of_second, FOUND_ABSENT, 0);
	assert_int_equal(child_end(&second), 0);
}

static void who_waits_for_a_message_to_come_anew_hears_of_that_one(void **state)
{
	static const struct finding_wanted came = {FOUND_DAMAGED, true, 0},
					   failed = {FOUND_DAMAGED, true, EIO};
	struct child first = child_start(&w, verify, &came), second;
	uint64_t of_first = asked();
	struct job *j;

	found(of_first, FOUND_DAMAGED, CACHED);
	j = world_job(&w, JOB_FETCH);
	assert_int_equal(j->id, CACHED);
	assert_true(j->again);
	job_free(j);
	second = child_start(&w, verify, &failed);
	found(asked(), FOUND_DAMAGED, LONG);
	job_free(world_job(&w, JOB_FETCH));
	world_store(&w, CACHED, "hello, world", true);
	assert_int_equal(child_end(&first), 0);
	world_put(&w, world_event(EVENT_FETCHED, LONG, E_REFUSED));
	assert_int_equal(child_end(&second), 0);
}

static void at_the_end_nobody_is_left_waiting(void **state)
{
	static const struct finding_wanted any = {FOUND_NOTHING, false, 0};
	struct child c;

	world_start(&w, four, COUNT(four), NULL);
	c = child_start(&w, verify, &any);
	asked();
	world_finish(&w);
	assert_int_not_equal(child_end(&c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_hears_of_his_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		who_waits_for_a_message_to_come_anew_hears_of_that_one, setup, teardown),
	    cmocka_unit_test(at_the_end_nobody_is_left_waiting),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
