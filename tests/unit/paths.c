#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "paths.h"

static void a_path_begins_at_home_here_or_at_the_root(void **state)
{
	static const struct {
		const char *given,
		    *want; /* behind the working directory, unless it begins with / */
	} cases[] = {
	    {"/a/b", "/a/b"},
	    {"/", "/"},
	    {"~/a", "/home/x/a"},
	    {"~/", "/home/x/"},
	    {"a/b", "a/b"},
	    {"~a/b", "~a/b"},
	    {"../a", "../a"},
	};
	CLEANUP(freep) char *here = getcwd(NULL, 0);

	assert_int_equal(setenv("HOME", "/home/x", 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool relative = cases[i].want[0] != '/';
		CLEANUP(freep)
		char *want =
		    xasprintf("%s%s%s", relative ? here : "", relative ? "/" : "", cases[i].want);
		CLEANUP(freep) char *got = NULL;

		assert_int_equal(path_absolute(&got, cases[i].given, NULL), OK);
		assert_string_equal(got, want);
	}
}

static void an_empty_home_is_the_passwd_entry_s(void **state)
{
	const struct passwd *entry = getpwuid(geteuid());
	static const char *const homes[] = {"", "relative", NULL};

	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
		CLEANUP(freep) char *got = NULL;

		if (homes[i])
			setenv("HOME", homes[i], 1);
		else
			unsetenv("HOME");
		got = path_home();
		assert_non_null(got);
		assert_string_equal(got, entry->pw_dir);
	}
}

static void directories_are_made_down_to_the_last(void **state)
{
	char top[] = "/tmp/pop3fs-paths-XXXXXX";
	CLEANUP(freep) char *deep = NULL;
	CLEANUP(freep) char *middle = NULL;
	struct failure why;
	struct stat st;

	assert_non_null(mkdtemp(top));
	deep = xasprintf("%s/a/b", top);
	middle = xasprintf("%s/a", top);
	assert_int_equal(path_make_directory(deep, NULL), OK);
	assert_int_equal(path_make_directory(deep, NULL), OK);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(path_make_directory("/dev/null/a", &why), E_SYSTEM);
	assert_non_null(strstr(why.words, "/dev/null/a"));
	assert_int_equal(rmdir(deep), 0);
	assert_int_equal(rmdir(middle), 0);
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_path_begins_at_home_here_or_at_the_root),
	    cmocka_unit_test(an_empty_home_is_the_passwd_entry_s),
	    cmocka_unit_test(directories_are_made_down_to_the_last),
	};

	return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
