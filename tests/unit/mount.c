#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "mount.h"

static void a_source_keeps_its_commas_and_backslashes(void **state)
{
	static const struct {
		struct fs_plan plan;
		const char *want;
	} cases[] = {
	    {{.source = "me@example.org", .fuse_options = ""},
		"fsname=me@example.org,subtype=pop3fs,nosuid,nodev,noexec"},
	    {{.source = "a,b\\c=d", .fuse_options = ""},
		"fsname=a\\,b\\\\c=d,subtype=pop3fs,nosuid,nodev,noexec"},
	    {{.source = "x", .fuse_options = "allow_other", .default_permissions = true},
		"fsname=x,subtype=pop3fs,nosuid,nodev,noexec,default_permissions,allow_other"},
	    {{.source = "x", .fuse_options = "noatime,sync", .read_only = true},
		"fsname=x,subtype=pop3fs,nosuid,nodev,noexec,ro,noatime,sync"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf options = {0};

		mount_options(&options, &cases[i].plan);
		assert_string_equal(buf_text(&options), cases[i].want);
		buf_finish(&options);
	}
}

static void a_mountpoint_that_is_none_is_one_sentence(void **state)
{
	static const struct fuse_lowlevel_ops none = {0};
	static const struct {
		const char *mountpoint, *options;
	} cases[] = {{"/nowhere/at/all", ""}, {"/", "no_such_option"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fs_plan plan = {.mountpoint = cases[i].mountpoint,
		    .source = "x",
		    .fuse_options = cases[i].options};
		struct fuse_session *fuse = NULL;
		struct failure why = {0};
		int abort = -1;

		assert_int_equal(mount_open(&fuse, &abort, &plan, &none, NULL, &why), E_MOUNT);
		assert_null(fuse);
		assert_false(mount_abort(abort));
		print_message("%s\n", why.words);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_source_keeps_its_commas_and_backslashes),
	    cmocka_unit_test(a_mountpoint_that_is_none_is_one_sentence),
	};

	return cmocka_run_group_tests_name("mount", tests, NULL, NULL);
}
