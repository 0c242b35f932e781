/* The mount itself is made in all mount tests; here is what they do not show. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "favours.h"
#include "lookup.h"
#include "passing.h"

static sem_t *asked; /* slow.test: the lookup has begun. It never ends */

/* In place of the system's resolver. */
int getaddrinfo(
    const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	static struct sockaddr_in there = {.sin_family = AF_INET};
	static struct addrinfo one = {.ai_family = AF_INET,
	    .ai_addr = (struct sockaddr *)&there,
	    .ai_addrlen = sizeof(there)};

	while (strcmp(host, "slow.test") == 0) {
		sem_post(asked);
		pause();
	}
	*found = &one;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
}

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
	favour_lookup(ends[1], "one.test", "995");
	close(ends[1]);
	assert_int_equal(
	    passing_receive(ends[0], &found, sizeof(found), &fd, true), (ssize_t)sizeof(found));
	assert_int_equal(found.code, 0);
	assert_int_equal(found.count, 1);
	close(ends[0]);
	assert_true(wait(NULL) > 0); /* it ends by itself */
}

static void a_lookup_ends_when_nobody_waits(void **state)
{
	int ends[2], status;

	assert_true(passing_pair(ends));
	favour_lookup(ends[1], "slow.test", "995");
	close(ends[1]);
	assert_int_equal(sem_wait(asked), 0);
	close(ends[0]);
	assert_true(wait(&status) > 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGIO);
}

/* Before it has begun. */
static void a_lookup_that_nobody_wants_is_none(void **state)
{
	int ends[2], status;

	assert_true(passing_pair(ends));
	close(ends[0]);
	favour_lookup(ends[1], "slow.test", "995");
	close(ends[1]);
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
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
	    cmocka_unit_test(a_lookup_that_nobody_wants_is_none),
	    cmocka_unit_test(a_file_has_no_name),
	};

	asked =
	    mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (asked == MAP_FAILED || sem_init(asked, 1, 0) != 0)
		return 1;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* grandchildren are seen to end */
	return cmocka_run_group_tests_name("favours", tests, NULL, NULL);
}
