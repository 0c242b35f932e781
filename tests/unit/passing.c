#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "passing.h"

static void packets_come_whole_and_in_order(void **state)
{
	static const struct {
		const char *octets;
		size_t room;
		ssize_t got;
	} cases[] = {{"one", 8, 3}, {"two", 3, 3}, {"too long", 3, 3}};
	int ends[2], fd;
	char octets[8];

	assert_true(passing_pair(ends));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(
		    passing_send(ends[0], cases[i].octets, strlen(cases[i].octets), -1, false));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    passing_receive(ends[1], octets, cases[i].room, &fd, true), cases[i].got);
		assert_memory_equal(octets, cases[i].octets, (size_t)cases[i].got);
		assert_int_equal(fd, -1);
	}
	assert_int_equal(passing_receive(ends[1], octets, sizeof(octets), &fd, false), -1);
	assert_int_equal(errno, EAGAIN);
	close(ends[0]);
	assert_int_equal(passing_receive(ends[1], octets, sizeof(octets), &fd, true), 0);
	close(ends[1]);
}

static void a_descriptor_comes_along(void **state)
{
	struct stat sent, got;
	int ends[2], fd = -1, file = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char octet;

	assert_true(passing_pair(ends));
	assert_true(passing_send(ends[0], "x", 1, file, true));
	assert_int_equal(passing_receive(ends[1], &octet, 1, &fd, false), 1);
	assert_true(fd >= 0 && fd != file);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(file, &sent), 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_true(sent.st_dev == got.st_dev && sent.st_ino == got.st_ino);
	close(fd);
	close(file);
	close(ends[0]);
	close(ends[1]);
}

static void nobody_is_waited_for_who_does_not_read(void **state)
{
	int ends[2], sent = 0;

	assert_true(passing_pair(ends));
	while (passing_send(ends[0], "x", 1, -1, false))
		sent++;
	assert_int_equal(errno, EAGAIN);
	assert_true(sent > 0);
	close(ends[1]);
	close(ends[0]);
	assert_true(passing_pair(ends));
	close(ends[1]);
	assert_false(passing_send(ends[0], "x", 1, -1, true));
	assert_int_equal(errno, EPIPE);
	close(ends[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_come_whole_and_in_order),
	    cmocka_unit_test(a_descriptor_comes_along),
	    cmocka_unit_test(nobody_is_waited_for_who_does_not_read),
	};

	return cmocka_run_group_tests_name("passing", tests, NULL, NULL);
}
