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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "favours.h"
#include "lookup.h"
#include "mountpoint.h"
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
	struct favour_place place = {.id = 0};
	struct favour_mounted said;
	int ends[2], fd;

	assert_true(passing_pair(ends));
	favour_mount(ends[1], "fsname=x,subtype=pop3fs", "/nowhere/at/all", &place);
	assert_int_equal(
	    passing_receive(ends[0], &said, sizeof(said), &fd, false), (ssize_t)sizeof(said));
	assert_int_equal(fd, -1);
	assert_int_equal(said.why.code, E_MOUNT);
	assert_non_null(strstr(said.why.words, "/nowhere/at/all"));
	assert_int_equal(place.id, 0);
	favour_unmount(&place);
	close(ends[0]);
	close(ends[1]);
}

/* ---- where it is ---- */

static char top[64], above[96], mountpoint[128], moved[96];

static int make_place(void **state)
{
	snprintf(top, sizeof(top), "/tmp/pop3fs-favours-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(above, sizeof(above), "%s/above", top);
	snprintf(moved, sizeof(moved), "%s/moved", top);
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", above);
	return mkdir(above, 0700) || mkdir(mountpoint, 0700);
}

static int remove_place(void **state)
{
	CLEANUP(freep) char *command = xasprintf("rm -rf --one-file-system %s", top);

	return system(command);
}

/* The connection, which nobody serves; -1: *code says why there is none. */
static int mount_it(struct favour_place *place, const char *source, enum error *code)
{
	CLEANUP(freep) char *options = xasprintf("fsname=%s,subtype=pop3fs", source);
	struct favour_mounted said;
	int ends[2], fd;

	assert_true(passing_pair(ends));
	favour_mount(ends[1], options, mountpoint, place);
	assert_int_equal(
	    passing_receive(ends[0], &said, sizeof(said), &fd, false), (ssize_t)sizeof(said));
	close(ends[0]);
	close(ends[1]);
	*code = said.why.code;
	return fd;
}

static void a_mount_is_taken_away_wherever_it_is_now(void **state)
{
	struct favour_place place = {.id = 0};
	char there[128];
	enum error e;
	int fd = mount_it(&place, "x", &e);

	assert_int_equal(e, OK);
	snprintf(there, sizeof(there), "%s/mnt", moved);
	assert_int_equal(rename(above, moved), 0);
	assert_true(mountpoint_is_pop3fs(there));
	favour_unmount(&place);
	assert_false(mountpoint_is_pop3fs(there));
	favour_unmount(&place);
	free(place.source);
	close(fd);
}

static void what_is_mounted_on_it_or_in_its_place_stays(void **state)
{
	struct favour_place place = {.id = 0}, other = {.id = 0};
	enum error e;
	int fd = mount_it(&place, "x", &e), others;

	assert_int_equal(mount("none", mountpoint, "tmpfs", 0, NULL), 0);
	favour_unmount(&place);
	assert_int_equal(umount2(mountpoint, 0), 0); /* the other one */
	assert_true(mountpoint_is_pop3fs(mountpoint));
	favour_unmount(&place);
	assert_false(mountpoint_is_pop3fs(mountpoint));
	others = mount_it(&other, "y", &e);
	assert_int_equal(e, OK);
	favour_unmount(&place);
	assert_true(mountpoint_is_pop3fs(mountpoint));
	favour_unmount(&other);
	free(place.source);
	free(other.source);
	close(fd);
	close(others);
}

/* Two commands looked at an empty directory, and one was quicker. */
static void a_second_one_is_not_mounted_over_the_first(void **state)
{
	struct favour_place place = {.id = 0}, second = {.id = 0};
	enum error e;
	int fd = mount_it(&place, "x", &e);

	assert_int_equal(mount_it(&second, "y", &e), -1);
	assert_int_equal(e, E_MOUNT);
	assert_int_equal(second.id, 0);
	favour_unmount(&place);
	assert_false(mountpoint_is_pop3fs(mountpoint));
	free(place.source);
	close(fd);
}

static void one_that_nobody_hears_of_does_not_stay(void **state)
{
	struct favour_place place = {.id = 0};
	int ends[2];

	assert_true(passing_pair(ends));
	close(ends[0]);
	favour_mount(ends[1], "fsname=x,subtype=pop3fs", mountpoint, &place);
	assert_false(mountpoint_is_pop3fs(mountpoint));
	free(place.source);
	close(ends[1]);
}

/* ---- the others ---- */

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
	static const struct CMUnitTest of_root[] = {
	    cmocka_unit_test_setup_teardown(
		a_mount_is_taken_away_wherever_it_is_now, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(
		what_is_mounted_on_it_or_in_its_place_stays, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(
		a_second_one_is_not_mounted_over_the_first, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(
		one_that_nobody_hears_of_does_not_stay, make_place, remove_place),
	};
	int failed;

	asked =
	    mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (asked == MAP_FAILED || sem_init(asked, 1, 0) != 0)
		return 1;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* grandchildren are seen to end */
	failed = cmocka_run_group_tests_name("favours", tests, NULL, NULL);
	if (geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0)
		failed += cmocka_run_group_tests_name("favours of root", of_root, NULL, NULL);
	return failed;
}
