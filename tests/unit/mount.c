#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <fuse_log.h>

#include "alloc.h"
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
	static const struct {
		const char *mountpoint, *options;
	} cases[] = {{"/nowhere/at/all", "fsname=x"}, {"/", "no_such_option"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {0};
		int fd = -2;

		assert_int_equal(
		    mount_make(&fd, cases[i].options, cases[i].mountpoint, &why), E_MOUNT);
		assert_int_equal(fd, -2);
		assert_non_null(strstr(why.words, "cannot mount on /"));
		print_message("%s\n", why.words);
	}
}

/* As its owner may put there while the server is asked. Others have fusermount3, which looks. */
static void root_mounts_on_no_link(void **state)
{
	char place[] = "/tmp/pop3fs-mount-XXXXXX";
	CLEANUP(freep) char *link = NULL;
	struct failure why = {0};
	int fd = -2;

	assert_non_null(mkdtemp(place));
	link = xasprintf("%s-link", place);
	assert_int_equal(symlink(place, link), 0);
	if (geteuid() == 0) {
		assert_int_equal(mount_make(&fd, "fsname=x", link, &why), E_MOUNT);
		assert_non_null(strstr(why.words, "not the one that it was"));
		assert_int_equal(fd, -2);
	}
	unlink(link);
	rmdir(place);
}

static void what_is_no_mount_is_not_served(void **state)
{
	static const struct fuse_lowlevel_ops none = {0};
	struct fuse_session *fuse = NULL;
	struct failure why = {0};
	int fd = dup(STDOUT_FILENO);

	assert_int_equal(mount_serve(&fuse, fd, "no_such_option", &none, NULL, &why), E_MOUNT);
	assert_null(fuse);
	assert_int_equal(close(fd), -1); /* it is closed */
	print_message("%s\n", why.words);
}

/* To people a complaint of libfuse's is one of ours. */
static void what_libfuse_says_later_is_logged(void **state)
{
	static const struct fuse_lowlevel_ops none = {0};
	struct fuse_session *fuse = NULL;
	struct failure why = {0};
	int ends[2], before = dup(STDERR_FILENO);
	char said[64] = "";

	assert_int_equal(
	    mount_serve(&fuse, dup(STDOUT_FILENO), "no_such_option", &none, NULL, &why), E_MOUNT);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	fuse_log(FUSE_LOG_ERR, "fuse: out of %s\n", "order");
	dup2(before, STDERR_FILENO);
	assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
	assert_string_equal(said, "pop3fs: fuse: out of order\n");
	close(ends[0]);
	close(ends[1]);
	close(before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_source_keeps_its_commas_and_backslashes),
	    cmocka_unit_test(a_mountpoint_that_is_none_is_one_sentence),
	    cmocka_unit_test(root_mounts_on_no_link),
	    cmocka_unit_test(what_is_no_mount_is_not_served),
	    cmocka_unit_test(what_libfuse_says_later_is_logged),
	};

	return cmocka_run_group_tests_name("mount", tests, NULL, NULL);
}
