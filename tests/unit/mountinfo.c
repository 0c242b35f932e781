#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mountinfo.h"

static void a_line_says_what_is_mounted_where(void **state)
{
	static const struct {
		const char *line;
		struct mountinfo_row want;
	} cases[] = {
	    {"43 27 0:40 / /mnt/m rw,nosuid - fuse.pop3fs me@host rw,user_id=7,group_id=8\n",
		{43, 0, 40, "/mnt/m", "fuse.pop3fs", "me@host", true, 7, 8}},
	    {"43 27 0:40 / /mnt/m rw shared:5 master:1 - fuse.pop3fs me@host rw,user_id=7",
		{43, 0, 40, "/mnt/m", "fuse.pop3fs", "me@host", true, 7, 0}},
	    {"9 27 8:1 / / rw - ext4 /dev/sda1 rw", {9, 8, 1, "/", "ext4", "/dev/sda1"}},
	    {"1 27 0:2 / /x rw - fuse.sshfs - fuse.pop3fs,user_id=x",
		{1, 0, 2, "/x", "fuse.sshfs", "-"}},
	    {"1 27 0:2 / /my\\040mail rw - fuse.pop3fs a\\134b\\043 rw",
		{1, 0, 2, "/my mail", "fuse.pop3fs", "a\\b#", true}},
	    {"1 27 0:2 / /x rw - tmpfs  rw", {1, 0, 2, "/x", "tmpfs", ""}},
	    {"1 27 0:2 / /x\\04 rw - tmpfs t rw", {1, 0, 2, "/x\\04", "tmpfs", "t"}},
	    {"1 27 0:2 / /\\!!!\\\x80zz rw - tmpfs \\899 rw",
		{1, 0, 2, "/\\!!!\\\x80zz", "tmpfs", "\\899"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mountinfo_row *want = &cases[i].want;
		struct mountinfo_row row;
		char line[256];

		strcpy(line, cases[i].line);
		assert_true(mountinfo_parse(line, &row));
		assert_int_equal(row.id, want->id);
		assert_int_equal(row.major, want->major);
		assert_int_equal(row.minor, want->minor);
		assert_string_equal(row.target, want->target);
		assert_string_equal(row.type, want->type);
		assert_string_equal(row.source, want->source);
		assert_int_equal(row.ours, want->ours);
		assert_int_equal(row.uid, want->uid);
		assert_int_equal(row.gid, want->gid);
	}
}

static void what_is_cut_short_is_no_line(void **state)
{
	static const char whole[] = "43 27 0:40 / /mnt/m rw - fuse.pop3fs me@host rw,user_id=1";
	static const char *const wrong[] = {"", "\n", "x 27 0:40 / /m rw - t s rw",
	    "4 27 040 / /m rw - t s rw", "4 27 0:x / /m rw - t s rw",
	    "99999999999 27 0:4 / /m rw - t s rw"};
	const size_t behind_source = (size_t)(strstr(whole, " rw,") - whole) + 1;
	struct mountinfo_row row;
	char line[256];

	for (size_t cut = 0; cut <= behind_source; cut++) {
		memcpy(line, whole, cut);
		line[cut] = '\0';
		assert_int_equal(mountinfo_parse(line, &row), cut == behind_source);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		strcpy(line, wrong[i]);
		assert_false(mountinfo_parse(line, &row));
	}
}

static void the_root_is_mounted(void **state)
{
	struct mountinfo m;
	struct mountinfo_row row;
	int roots = 0;

	assert_true(mountinfo_open(&m));
	while (mountinfo_next(&m, &row))
		roots += strcmp(row.target, "/") == 0;
	mountinfo_close(&m);
	assert_true(roots > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_says_what_is_mounted_where),
	    cmocka_unit_test(what_is_cut_short_is_no_line),
	    cmocka_unit_test(the_root_is_mounted),
	};

	return cmocka_run_group_tests_name("mountinfo", tests, NULL, NULL);
}
