/* What it forbids is tried in the test sandbox; here are the kinds of access, each in a child. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "landlock.h"

static char place[] = "/tmp/pop3fs-landlock-XXXXXX";

static int open_in(const char *name, int flags)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", place, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int reads(void)
{
	return open_in("there", O_RDONLY);
}

static int lists(void)
{
	return open_in(".", O_RDONLY | O_DIRECTORY);
}

static int writes(void)
{
	return open_in("there", O_WRONLY);
}

static int makes(void)
{
	return open_in("new", O_WRONLY | O_CREAT);
}

static int renames(void)
{
	CLEANUP(freep) char *from = xasprintf("%s/there", place);
	CLEANUP(freep) char *to = xasprintf("%s/moved", place);

	if (rename(from, to) != 0)
		return errno;
	return rename(to, from) == 0 ? 0 : errno;
}

static const struct {
	int (*deed)(void);
	int least; /* the enum's first that allows it */
} cases[] = {
    {reads, LANDLOCK_READ},
    {lists, LANDLOCK_READ},
    {writes, LANDLOCK_WRITE},
    {makes, LANDLOCK_KEEP},
    {renames, LANDLOCK_KEEP},
};

/* access -1: nothing is allowed. */
static int in_child(int (*deed)(void), int access)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int rules = landlock_begin(false);

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		landlock_allow(rules, "/nowhere/at/all", LANDLOCK_KEEP);
		if (access >= 0)
			landlock_allow(rules, place, (enum landlock_access)access);
		if (!landlock_enforce(rules))
			_exit(255);
		_exit(deed());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void each_access_allows_more(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int access = -1; access <= LANDLOCK_KEEP; access++)
			assert_int_equal(
			    in_child(cases[i].deed, access), access >= cases[i].least ? 0 : EACCES);
}

/* A directory's rights are none of a file's. */
static void a_file_can_be_allowed_alone(void **state)
{
	CLEANUP(freep) char *path = xasprintf("%s/there", place);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int rules = landlock_begin(true);

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		landlock_allow(rules, path, LANDLOCK_KEEP);
		if (!landlock_enforce(rules))
			_exit(255);
		_exit(writes() ? 1 : lists() == 0 ? 2 : makes() == 0 ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_access_allows_more),
	    cmocka_unit_test(a_file_can_be_allowed_alone),
	};
	CLEANUP(freep) char *command = NULL;
	int rules = landlock_begin(false), failures;

	if (rules < 0) {
		print_message("not run: this kernel has no Landlock\n");
		return 77;
	}
	close(rules);
	if (!mkdtemp(place) || open_in("there", O_WRONLY | O_CREAT) != 0)
		return 1;
	failures = cmocka_run_group_tests_name("landlock", tests, NULL, NULL);
	command = xasprintf("rm -r %s", place);
	return system(command) ? 1 : failures;
}
