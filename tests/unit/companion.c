#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "companion.h"

#define LONG_MS 60000 /* no test waits for it */

static struct companion *start(const char *const *command, int64_t ms)
{
	struct companion_plan plan = {(char *const *)command, ms, "/nowhere"};
	struct companion *c = NULL;

	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	return c;
}

static pid_t only_child(void)
{
	CLEANUP(freep) char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void end(struct companion *c)
{
	int status = -1;

	companion_free(c);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
}

static void it_runs_the_command_it_was_started_with(void **state)
{
	static const struct {
		const char *script, *output, *sentence;
	} cases[] = {
	    {"echo hunter2", "hunter2\n", ""},
	    {"printf 'hunter2\\nmore\\n'", "hunter2\nmore\n", ""}, {"true", "", ""},
	    {"echo half; echo locked >&2; exit 4", "",
		"password_command ended with status 4: locked"},
	    {"ls /proc/$$/fd; true", "0\n1\n2\n", ""}, /* no descriptor of ours */
	};
	int inherited = dup(STDOUT_FILENO);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *command[] = {"sh", "-c", cases[i].script, NULL};
		CLEANUP(buf_wipe) struct buf output = {.len = 0};
		struct failure why = {.code = OK};
		struct companion *c = start(command, LONG_MS);

		/* asked twice, answered twice */
		for (int again = 0; again < 2; again++) {
			buf_clear(&output);
			assert_int_equal(companion_password(c, &output, &why),
			    cases[i].sentence[0] ? E_SECRET : OK);
			assert_string_equal(buf_text(&output), cases[i].output);
			assert_string_equal(why.words, cases[i].sentence);
		}
		end(c);
	}
	close(inherited);
}

static void a_command_that_does_not_end_is_ended(void **state)
{
	const char *command[] = {"sleep", "100", NULL};
	struct companion *c = start(command, 10);
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	struct failure why;

	assert_int_equal(companion_password(c, &output, &why), E_SECRET);
	assert_string_equal(why.words, "password_command did not end within 0 seconds");
	end(c);
}

static void signals_that_end_a_daemon_leave_it_alone(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	const char *command[] = {"echo", "hunter2", NULL};
	struct companion *c = start(command, LONG_MS);
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	pid_t pid;

	assert_int_equal(companion_password(c, &output, NULL), OK); /* now it stands */
	pid = only_child();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(kill(pid, signals[i]), 0);
	assert_int_equal(companion_password(c, &output, NULL), OK);
	end(c);
}

static void without_its_process_nothing_hangs(void **state)
{
	const char *command[] = {"echo", "hunter2", NULL};
	struct companion *c = start(command, LONG_MS);
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	struct failure why;
	pid_t pid;

	pid = only_child();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	companion_unmount(c);
	companion_background(c);
	assert_int_equal(companion_password(c, &output, &why), E_SECRET);
	companion_free(c);
}

static void what_is_no_mount_of_ours_is_left_alone(void **state)
{
	const char *command[] = {"pwd", NULL};
	struct companion_plan plan = {(char *const *)command, LONG_MS, "/proc"};
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	struct companion *c = NULL;

	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	companion_unmount(c);
	companion_background(c);
	assert_int_equal(companion_password(c, &output, NULL), OK); /* behind the two */
	assert_string_equal(buf_text(&output), "/\n");
	assert_int_equal(access("/proc/self/stat", F_OK), 0);
	end(c);
}

#define UTAB "/run/mount/utab"

static bool is_in_table(const char *path)
{
	char line[1024];
	FILE *file = fopen(UTAB, "r");
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, path) && strstr(line, "_netdev");
	if (file)
		fclose(file);
	return found;
}

static void a_mount_is_in_umounts_table_as_long_as_it_lasts(void **state)
{
	char place[] = "/tmp/pop3fs-companion-XXXXXX";
	struct companion_plan plan = {NULL, LONG_MS, place, "me@example.org"};
	struct companion *c = NULL;

	assert_non_null(mkdtemp(place));
	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	companion_record(c);
	assert_int_equal(is_in_table(place), geteuid() == 0 && access(UTAB, F_OK) == 0);
	end(c);
	assert_false(is_in_table(place));
	rmdir(place);
}

static void one_that_is_dismissed_ends(void **state)
{
	const char *command[] = {"true", NULL};
	struct companion *c = start(command, LONG_MS);
	int status = -1;

	companion_unmount(c);
	companion_dismiss(c);
	companion_dismiss(NULL);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_runs_the_command_it_was_started_with),
	    cmocka_unit_test(a_command_that_does_not_end_is_ended),
	    cmocka_unit_test(signals_that_end_a_daemon_leave_it_alone),
	    cmocka_unit_test(without_its_process_nothing_hangs),
	    cmocka_unit_test(what_is_no_mount_of_ours_is_left_alone),
	    cmocka_unit_test(a_mount_is_in_umounts_table_as_long_as_it_lasts),
	    cmocka_unit_test(one_that_is_dismissed_ends),
	};

	return cmocka_run_group_tests_name("companion", tests, NULL, NULL);
}
