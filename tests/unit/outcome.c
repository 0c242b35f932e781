#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outcome.h"

static void a_failure_has_the_status_that_mount_knows(void **state)
{
	static const struct {
		enum error code;
		int status;
	} cases[] = {
	    {OK, 0},
	    {E_USAGE, 1},
	    {E_CONFIG, 2},
	    {E_SYSTEM, 2},
	    {E_SECRET, 2},
	    {E_STORE, 2},
	    {E_FULL, 2},
	    {E_LOGIN, 32},
	    {E_NONAME, 32},
	    {E_TLS, 32},
	    {E_HELD, 32},
	    {E_MOUNT, 32},
	    {E_INTERRUPT, 32},
	    {E_TIMEOUT, 32},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(outcome_status(cases[i].code), cases[i].status);
}

/* It tries again what may have been the network, and not what locks an account. */
static void systemd_hears_of_a_refused_login_by_its_own_status(void **state)
{
	static const struct {
		const char *socket;
		enum error code;
		int status;
	} cases[] = {
	    {"/run/systemd/notify", E_LOGIN, 77},
	    {"/run/systemd/notify", E_CONNECT, 32},
	    {"", E_LOGIN, 32},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("NOTIFY_SOCKET", cases[i].socket, 1);
		assert_int_equal(outcome_status(cases[i].code), cases[i].status);
	}
	unsetenv("NOTIFY_SOCKET");
}

static void the_end_says_what_became_of_deletions(void **state)
{
	static const struct {
		struct commit_result result;
		struct failure why;
		int status;
		const char *said;
	} cases[] = {
	    {{0, 0, 0}, {OK, ""}, 0, ""},
	    {{1, 0, 0}, {OK, ""}, 0, "pop3fs: deleted 1 message on the server\n"},
	    {{3, 0, 0}, {OK, ""}, 0, "pop3fs: deleted 3 messages on the server\n"},
	    {{0, 1, 0}, {E_TIMEOUT, "no answer"}, 64,
		"pop3fs: 1 deletion waits in the journal: no answer\n"},
	    {{2, 2, 1}, {OK, ""}, 64,
		"pop3fs: deleted 2 messages on the server\n"
		"pop3fs: gave up 1 deletion, shown again\n"
		"pop3fs: 2 deletions wait in the journal: the next mount goes on with them\n"},
	    {{0, 0, 0}, {E_MOUNT, "the kernel is gone"}, 0, "pop3fs: the kernel is gone\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char said[512] = "";
		int ends[2], before = dup(STDERR_FILENO), status;
		ssize_t len;

		assert_int_equal(pipe(ends), 0);
		dup2(ends[1], STDERR_FILENO);
		close(ends[1]);
		status = outcome_say(&cases[i].result, &cases[i].why);
		dup2(before, STDERR_FILENO); /* the last writer is gone: what it said ends */
		close(before);
		len = read(ends[0], said, sizeof(said) - 1);
		close(ends[0]);
		assert_true(len >= 0);
		assert_string_equal(said, cases[i].said);
		assert_int_equal(status, cases[i].status);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_failure_has_the_status_that_mount_knows),
	    cmocka_unit_test(systemd_hears_of_a_refused_login_by_its_own_status),
	    cmocka_unit_test(the_end_says_what_became_of_deletions),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
