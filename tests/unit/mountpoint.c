#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "mountpoint.h"

static void a_line_of_mountinfo_says_what_is_mounted_where(void **state)
{
	static const struct {
		const char *line, *path;
		bool here, ours;
	} cases[] = {
	    {"43 27 0:40 / /mnt/m rw,nosuid - fuse.pop3fs me@host rw,user_id=0", "/mnt/m", true,
		true},
	    {"43 27 0:40 / /mnt/m rw,nosuid shared:5 master:1 - fuse.pop3fs me@host rw", "/mnt/m",
		true, true},
	    {"43 27 0:40 / /mnt/m rw - ext4 /dev/sda1 rw", "/mnt/m", true, false},
	    {"43 27 0:40 / /mnt/m rw - fuse.sshfs - fuse.pop3fs", "/mnt/m", true, false},
	    {"43 27 0:40 / /mnt/mm rw - fuse.pop3fs me@host rw", "/mnt/m", false, false},
	    {"43 27 0:40 / /mnt rw - fuse.pop3fs me@host rw", "/mnt/m", false, false},
	    {"43 27 0:40 / /my\\040mail rw - fuse.pop3fs me@host rw", "/my mail", true, true},
	    {"43 27 0:40 / /a\\134b rw - fuse.pop3fs me@host rw", "/a\\b", true, true},
	    {"43 27 0:40 / /my\\040mail rw - fuse.pop3fs me@host rw", "/my\\040mail", false, false},
	    {"43 27 0:40 / /mnt/m rw", "/mnt/m", true, false},
	    {"43 27 0:40 / /mnt/m", "/mnt/m", true, false},
	    {"43 27", "/mnt/m", false, false},
	    {"", "/mnt/m", false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool here = !cases[i].here;

		assert_int_equal(
		    mountinfo_line(slice_of(cases[i].line), cases[i].path, &here), cases[i].ours);
		assert_int_equal(here, cases[i].here);
	}
}

static void a_directory_is_fit_to_mount_on(void **state)
{
	char top[] = "/tmp/pop3fs-mountpoint-XXXXXX";
	CLEANUP(freep) char *link = NULL;
	CLEANUP(freep) char *got = NULL;

	assert_non_null(mkdtemp(top));
	link = xasprintf("%s/link", top);
	assert_int_equal(symlink(".", link), 0);
	assert_int_equal(mountpoint_check(&got, link, NULL), OK);
	assert_string_equal(got, top);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(top), 0);
}

static void what_is_no_directory_is_not(void **state)
{
	static const char *const cases[][2] = {
	    {"/nowhere/at/all", "cannot mount on /nowhere/at/all: No such file or directory"},
	    {"/dev/null", "cannot mount on /dev/null: it is no directory"},
	    {"", "cannot mount on : No such file or directory"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why;
		char *got = NULL;

		assert_int_equal(mountpoint_check(&got, cases[i][0], &why), E_CONFIG);
		assert_string_equal(why.words, cases[i][1]);
		assert_null(got);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_of_mountinfo_says_what_is_mounted_where),
	    cmocka_unit_test(a_directory_is_fit_to_mount_on),
	    cmocka_unit_test(what_is_no_directory_is_not),
	};

	return cmocka_run_group_tests_name("mountpoint", tests, NULL, NULL);
}
