#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "hook.h"

#define PATIENCE_MS 20000

static char place[64];

static int setup(void **state)
{
	strcpy(place, "/tmp/pop3fs-hook-XXXXXX");
	return mkdtemp(place) ? 0 : -1;
}

static int teardown(void **state)
{
	CLEANUP(freep) char *path = xasprintf("%s/log", place);

	unlink(path);
	return rmdir(place);
}

/* Each command adds a line to the log. */
static void begin(struct hook *h, struct hook_plan *plan, const char **words, const char *script)
{
	words[0] = "sh";
	words[1] = "-c";
	words[2] = script;
	words[3] = NULL;
	*plan = (struct hook_plan){(char *const *)words, PATIENCE_MS, place};
	hook_init(h, plan);
}

static void wait_for_end(struct hook *h)
{
	struct pollfd end = {hook_fd(h), POLLIN, 0};

	assert_true(end.fd >= 0);
	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
	hook_ended(h);
}

static void check_log(const char *want)
{
	CLEANUP(freep) char *path = xasprintf("%s/log", place);
	char text[256] = "";
	FILE *file = fopen(path, "r");

	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	assert_string_equal(text, want);
}

static void the_command_is_told_how_many_and_where(void **state)
{
	const char *words[4];
	struct hook_plan plan;
	struct hook h;

	begin(&h, &plan, words, "echo $POP3FS_NEW >> \"$POP3FS_MOUNTPOINT/log\"");
	hook_run(&h, 3);
	wait_for_end(&h);
	check_log("3\n");
	assert_int_equal(hook_fd(&h), -1);
	hook_run(&h, 1);
	wait_for_end(&h);
	check_log("3\n1\n");
	hook_finish(&h);
}

static void what_comes_meanwhile_is_told_to_the_next(void **state)
{
	const char *words[4];
	struct hook_plan plan;
	struct hook h;

	begin(&h, &plan, words, "echo $POP3FS_NEW >> \"$POP3FS_MOUNTPOINT/log\"; exit 1");
	hook_run(&h, 3);
	hook_run(&h, 4);
	hook_run(&h, 5);
	wait_for_end(&h);
	wait_for_end(&h);
	check_log("3\n9\n");
	assert_int_equal(hook_fd(&h), -1);
	hook_finish(&h);
}

static void a_command_that_runs_is_ended_with_us(void **state)
{
	const char *words[4];
	struct hook_plan plan;
	struct hook h;

	begin(&h, &plan, words,
	    "trap 'echo ended >> \"$POP3FS_MOUNTPOINT/log\"; exit' TERM; "
	    "echo begun >> \"$POP3FS_MOUNTPOINT/log\"; while :; do sleep 0.01; done");
	hook_run(&h, 1);
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		CLEANUP(freep) char *path = xasprintf("%s/log", place);

		if (access(path, F_OK) == 0)
			break;
		usleep(10000);
	}
	hook_finish(&h);
	check_log("begun\nended\n");
}

static void without_a_command_nothing_is_run(void **state)
{
	struct hook_plan plan = {NULL, PATIENCE_MS, place};
	struct hook h;

	hook_init(&h, &plan);
	hook_run(&h, 3);
	assert_int_equal(hook_fd(&h), -1);
	hook_finish(&h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		the_command_is_told_how_many_and_where, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_comes_meanwhile_is_told_to_the_next, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_command_that_runs_is_ended_with_us, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_a_command_nothing_is_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
