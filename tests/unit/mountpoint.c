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

static void a_mount_does_not_hide_its_cache(void **state)
{
	static const struct {
		const char *mountpoint, *cache;
		bool good;
	} cases[] = {
	    {"/home/me/mail", "/home/me/.cache/pop3fs", true},
	    {"/home/me/mail", "/home/me/mail-cache", true},
	    {"/home/me/mail/box", "/home/me/mail", true},
	    {"/home/me/mail", "/home/me/mail", false},
	    {"/home/me/mail", "/home/me/mail/cache", false},
	    {"/home/me", "/home/me/.cache/pop3fs", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.words = ""};

		assert_int_equal(mountpoint_leaves(cases[i].mountpoint, cases[i].cache, &why),
		    cases[i].good ? OK : E_CONFIG);
		assert_int_equal(strstr(why.words, cases[i].cache) != NULL, !cases[i].good);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_directory_is_fit_to_mount_on),
	    cmocka_unit_test(what_is_no_directory_is_not),
	    cmocka_unit_test(a_mount_does_not_hide_its_cache),
	};

	return cmocka_run_group_tests_name("mountpoint", tests, NULL, NULL);
}
