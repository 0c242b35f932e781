#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

static void one_that_lives_has_begun_once(void **state)
{
	uint64_t first = 0, again = 1, of_init;

	prctl(PR_SET_NAME, "a ) 7 (b) S 1");
	assert_true(process_started(getpid(), &first));
	assert_true(process_started(getpid(), &again));
	assert_int_equal(first, again);
	if (process_started(1, &of_init))
		assert_true(of_init <= first);
	prctl(PR_SET_NAME, "test");
	assert_true(process_started(getpid(), &again));
	assert_int_equal(first, again);
}

static void one_that_is_gone_has_not(void **state)
{
	uint64_t ticks;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	assert_false(process_started(child, &ticks));
}

static void namespaces_are_told_apart(void **state)
{
	assert_int_not_equal(process_namespace("pid"), 0);
	assert_int_equal(process_namespace("pid"), process_namespace("pid"));
	assert_int_not_equal(process_namespace("pid"), process_namespace("mnt"));
	assert_int_equal(process_namespace("none"), 0);
}

static void root_and_oneself_are_trusted(void **state)
{
	assert_true(process_is_trusted(0));
	assert_true(process_is_trusted(geteuid()));
	assert_false(process_is_trusted(geteuid() + 12345));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_lives_has_begun_once),
	    cmocka_unit_test(one_that_is_gone_has_not),
	    cmocka_unit_test(namespaces_are_told_apart),
	    cmocka_unit_test(root_and_oneself_are_trusted),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
