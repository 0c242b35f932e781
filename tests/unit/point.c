#include "point.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct death {
	const char *wanted; /* $POP3FS_KILL */
	int passed;         /* times that commit.marked is passed */
	bool dies;
};

static void pass(const struct death *d)
{
	unsetenv("POP3FS_KILL");
	if (d->wanted)
		setenv("POP3FS_KILL", d->wanted, 1);
	for (int i = 0; i < d->passed; i++) {
		point_pass("commit", "mark");
		point_pass("commit", "marked");
		point_pass("commit", "marked2");
	}
	_exit(0);
}

static void test_the_process_dies_at_the_point_that_is_named_and_nowhere_else(void **state)
{
	static const struct death deaths[] = {
	    {NULL, 5, false},
	    {"commit.marked:1", 0, false},
	    {"commit.marked:1", 1, true},
	    {"commit.marked:3", 2, false},
	    {"commit.marked:3", 3, true},
	    {"commit.marked:3", 9, true},
	    {"commit.marke:1", 9, false},
	    {"commit.marked22:1", 9, false},
	    {"commit.marked", 9, false},
	    {"commit.marked:", 9, false},
	    {"", 9, false},
	};

	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		pid_t child = fork();
		int status = 0;

		if (child == 0)
			pass(&deaths[i]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(WIFSIGNALED(status), deaths[i].dies);
		assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL, SIGKILL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_process_dies_at_the_point_that_is_named_and_nowhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
