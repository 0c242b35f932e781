#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "run.h"

#define LONG_MS 60000 /* no test waits for it */

static enum error run(
    const char *const *words, int64_t limit_ms, int leash, struct buf *output, struct failure *why)
{
	struct run_plan plan = {"the command", (char *const *)words, limit_ms, leash};

	return run_command(&plan, output, why);
}

static void what_it_prints_and_how_it_ends_are_told(void **state)
{
	static const struct {
		const char *script, *output;
		enum error want;
		const char *sentence;
	} cases[] = {
	    {"printf hello", "hello", OK, ""},
	    {"true", "", OK, ""},
	    {"printf 'a\\nb\\n'; echo noise >&2", "a\nb\n", OK, ""},
	    {"printf half; echo no key >&2; exit 2", "half", E_SYSTEM,
		"the command ended with status 2: no key"},
	    {"echo first >&2; echo last >&2; exit 1", "", E_SYSTEM,
		"the command ended with status 1: last"},
	    {"exit 3", "", E_SYSTEM, "the command ended with status 3"},
	    {"kill -9 $$", "", E_SYSTEM, "the command was ended by signal 9"},
	    {"read line; printf \"<$line>\"", "<>", OK, ""}, /* stdin is empty */
	    {"kill -INT $$; sleep 100", "", E_SYSTEM, "the command was ended by signal 2"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *words[] = {"sh", "-c", cases[i].script, NULL};
		CLEANUP(buf_wipe) struct buf output = {.len = 0};
		struct failure why = {.code = OK};

		assert_int_equal(run(words, LONG_MS, -1, &output, &why), cases[i].want);
		assert_string_equal(buf_text(&output), cases[i].output);
		assert_string_equal(why.words, cases[i].sentence);
	}
}

static void a_command_that_is_not_there_is_told(void **state)
{
	const char *words[] = {"/nowhere/pop3fs-no-such-command", NULL};
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	struct failure why;

	assert_int_equal(run(words, LONG_MS, -1, &output, &why), E_SYSTEM);
	assert_string_equal(why.words,
	    "the command cannot be run: /nowhere/pop3fs-no-such-command: "
	    "No such file or directory");
}

static void endless_output_is_read_and_dropped(void **state)
{
	const char *words[] = {"sh", "-c", "yes | head -c 300000; yes | head -c 300000 >&2", NULL};
	CLEANUP(buf_wipe) struct buf output = {.len = 0};

	assert_int_equal(run(words, LONG_MS, -1, &output, NULL), OK);
	assert_int_equal(output.len, RUN_MOST_OUTPUT);
	assert_memory_equal(buf_at(&output), "y\ny\ny\n", 6);
}

static void what_it_leaves_behind_does_not_hold_it_up(void **state)
{
	const char *words[] = {"sh", "-c", "sleep 100 & echo $!", NULL};
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	int pid;

	assert_int_equal(run(words, LONG_MS, -1, &output, NULL), OK);
	pid = atoi(buf_text(&output));
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void one_that_does_not_end_is_ended(void **state)
{
	const char *words[] = {"sleep", "100", NULL};
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	struct failure why;

	assert_int_equal(run(words, 10, -1, &output, &why), E_TIMEOUT);
	assert_string_equal(why.words, "the command did not end within 0 seconds");
}

static void it_ends_with_whoever_waits_for_it(void **state)
{
	const char *words[] = {"sleep", "100", NULL};
	CLEANUP(buf_wipe) struct buf output = {.len = 0};
	struct failure why;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	close(ends[1]);
	assert_int_equal(run(words, LONG_MS, ends[0], &output, &why), E_INTERRUPT);
	close(ends[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_it_prints_and_how_it_ends_are_told),
	    cmocka_unit_test(a_command_that_is_not_there_is_told),
	    cmocka_unit_test(endless_output_is_read_and_dropped),
	    cmocka_unit_test(what_it_leaves_behind_does_not_hold_it_up),
	    cmocka_unit_test(one_that_does_not_end_is_ended),
	    cmocka_unit_test(it_ends_with_whoever_waits_for_it),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
