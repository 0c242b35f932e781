/* What each call answers is tried in the test sandbox; here is that all threads are held. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscalls.h"

static void *opens_netlink(void *with)
{
	int *number = with;

	*number = socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? errno : 0;
	return NULL;
}

static int confined(void)
{
	pthread_t thread;
	int number = 0;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!syscalls_confine(false))
		return ENOSYS; /* no filters here: what is looked for cannot be seen */
	if (pthread_create(&thread, NULL, opens_netlink, &number) != 0)
		return 255;
	pthread_join(thread, NULL);
	return number;
}

static void a_thread_is_held_like_its_maker(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(confined());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ENOSYS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_thread_is_held_like_its_maker),
	};

#ifdef POP3FS_INSTRUMENTED
	print_message("not run: a sanitizer makes calls of its own\n");
	return 77;
#endif
	return cmocka_run_group_tests_name("syscalls", tests, NULL, NULL);
}
