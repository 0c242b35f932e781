/* The mount itself is made in all mount tests; here is what they do not show. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "favours.h"
#include "lookup.h"
#include "passing.h"

static void a_mount_that_fails_is_said(void **state)
{
	struct favour_mounted said;
	int ends[2], fd;

	assert_true(passing_pair(ends));
	favour_mount(ends[1], "fsname=x,subtype=pop3fs", "/nowhere/at/all");
	assert_int_equal(
	    passing_receive(ends[0], &said, sizeof(said), &fd, false), (ssize_t)sizeof(said));
	assert_int_equal(fd, -1);
	assert_int_equal(said.why.code, E_MOUNT);
	assert_non_null(strstr(said.why.words, "/nowhere/at/all"));
	close(ends[0]);
	close(ends[1]);
}

static void a_name_is_looked_up_elsewhere(void **state)
{
	struct addresses found;
	int ends[2], fd;

	assert_true(passing_pair(ends));
	favour_lookup(ends[1], "localhost", "995");
	close(ends[1]);
	assert_int_equal(
	    passing_receive(ends[0], &found, sizeof(found), &fd, true), (ssize_t)sizeof(found));
	assert_int_equal(found.code, 0);
	assert_true(found.count > 0);
	close(ends[0]);
	assert_true(wait(NULL) > 0); /* it ends by itself */
}

/* Stopped as in a lookup that takes long: SIGKILL alone would be as fast. */
static void a_lookup_ends_when_nobody_waits(void **state)
{
	int ends[2], status;

	assert_true(passing_pair(ends));
	close(ends[0]);
	favour_lookup(ends[1], "localhost", "995");
	close(ends[1]);
	assert_true(wait(&status) > 0);
	assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGIO);
}

static void a_file_has_no_name(void **state)
{
	char place[] = "/tmp/pop3fs-favours-XXXXXX";
	struct stat st;
	char octet;
	int ends[2], fd = -1;

	assert_non_null(mkdtemp(place));
	setenv("TMPDIR", place, 1);
	assert_true(passing_pair(ends));
	favour_file(ends[1]);
	assert_int_equal(passing_receive(ends[0], &octet, 1, &fd, false), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(rmdir(place), 0);
	close(fd);
	favour_file(ends[1]); /* there is no such place any more */
	assert_int_equal(passing_receive(ends[0], &octet, 1, &fd, false), 1);
	assert_int_equal(fd, -1);
	unsetenv("TMPDIR");
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_mount_that_fails_is_said),
	    cmocka_unit_test(a_name_is_looked_up_elsewhere),
	    cmocka_unit_test(a_lookup_ends_when_nobody_waits),
	    cmocka_unit_test(a_file_has_no_name),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1); /* grandchildren are seen to end */
	return cmocka_run_group_tests_name("favours", tests, NULL, NULL);
}
