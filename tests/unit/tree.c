#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tree.h"

static void an_inode_number_says_what_it_is(void **state)
{
	static const struct {
		uint64_t ino;
		enum node_kind kind;
		int64_t id;
	} cases[] = {
	    {0, NODE_NONE, 0},
	    {1, NODE_ROOT, 0},
	    {6, NODE_NONE, 0},
	    {7, NODE_NONE, 0},
	    {1 << 3, NODE_MESSAGE, 1},
	    {1 << 3 | 6, NODE_FIXED, 1},
	    {99 << 3 | 6, NODE_NONE, 99},
	    {5 << 3 | 7, NODE_SNAPSHOT, 5},
	    {5 << 3 | 1, NODE_HEADER, 5},
	    {5 << 3 | 2, NODE_MAILDIR, 5},
	    {5 << 3 | 4, NODE_NONE, 5},
	    {1, NODE_ROOT, 0},
	    {5 << 3 | 3, NODE_DELETED, 5},
	    {3, NODE_NONE, 0},
	    {INT64_C(112000000000) << 3, NODE_MESSAGE, INT64_C(112000000000)},
	    {UINT64_MAX, NODE_SNAPSHOT, (INT64_C(1) << 41) - 1},
	    {UINT64_C(9) << 44 | 7 << 3 | 3, NODE_DELETED, 7},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node n = tree_node(cases[i].ino);

		assert_int_equal(n.kind, cases[i].kind);
		assert_int_equal(n.id, cases[i].id);
		if (n.kind == NODE_MESSAGE)
			assert_int_equal(tree_ino(n.id, VIEW_MESSAGE), cases[i].ino);
		if (n.kind == NODE_DELETED)
			assert_int_equal(
			    tree_ino_of(n.id, VIEW_DELETED, tree_edition(cases[i].ino)),
			    cases[i].ino);
	}
}

static void directories_show_messages_by_a_view(void **state)
{
	int64_t pop3fs, headers, deleted;
	uint64_t inside, below;
	enum view view;

	assert_true(tree_shows(TREE_ROOT, &view));
	assert_int_equal(view, VIEW_MESSAGE);
	assert_non_null(tree_fixed_named(TREE_ROOT, slice_of(".pop3fs"), &pop3fs));
	inside = tree_ino(pop3fs, VIEW_FIXED);
	assert_false(tree_shows(inside, &view));
	assert_non_null(tree_fixed_named(inside, slice_of("headers"), &headers));
	below = tree_ino(headers, VIEW_FIXED);
	assert_true(tree_shows(below, &view));
	assert_int_equal(view, VIEW_HEADER);
	assert_non_null(tree_fixed_named(inside, slice_of("deleted"), &deleted));
	assert_false(tree_shows(tree_ino(deleted, VIEW_FIXED), &view));
	assert_false(tree_shows(tree_ino(7, VIEW_MESSAGE), &view));
	assert_int_equal(tree_parent(below), inside);
	assert_non_null(tree_fixed_named(inside, slice_of("maildir"), &deleted));
	below = tree_ino(deleted, VIEW_FIXED);
	assert_false(tree_shows(below, &view));
	assert_non_null(tree_fixed_named(below, slice_of("cur"), &deleted));
	assert_true(tree_shows(tree_ino(deleted, VIEW_FIXED), &view));
	assert_int_equal(view, VIEW_MAILDIR);
	assert_non_null(tree_fixed_named(below, slice_of("new"), &deleted));
	assert_false(tree_shows(tree_ino(deleted, VIEW_FIXED), &view));
	assert_int_equal(tree_parent(tree_ino(deleted, VIEW_FIXED)), below);
	below = tree_ino(headers, VIEW_FIXED);
	assert_int_equal(tree_parent(inside), TREE_ROOT);
	assert_int_equal(tree_parent(TREE_ROOT), TREE_ROOT);
}

static void a_header_has_a_length_of_its_own_once_it_is_known(void **state)
{
	struct owner who = {.umask = 077};
	struct message m = {.id = 3};
	struct reader_row row = {.size = 900};
	struct stat st;

	atomic_store(&m.fact, UINT64_C(900) << 8);
	tree_message(&st, &who, &m, VIEW_HEADER, false);
	assert_int_equal(st.st_size, 900);
	assert_int_equal(st.st_ino, 25);
	tree_row(&st, &who, 25, &row);
	assert_int_equal(st.st_size, 900);
	atomic_store(&m.header, 100);
	row.header = 100;
	tree_message(&st, &who, &m, VIEW_HEADER, false);
	assert_int_equal(st.st_size, 100);
	tree_row(&st, &who, 25, &row);
	assert_int_equal(st.st_size, 100);
	tree_message(&st, &who, &m, VIEW_MESSAGE, false);
	assert_int_equal(st.st_size, 900);
	tree_row(&st, &who, 24, &row);
	assert_int_equal(st.st_size, 900);
}

static void with_lf_a_message_is_shorter_by_its_lines_once_they_are_known(void **state)
{
	static const struct {
		enum view view;
		bool lf, known;
		uint32_t lines;
		off_t want;
	} cases[] = {
	    {VIEW_MESSAGE, false, true, 30, 900}, {VIEW_MESSAGE, true, true, 30, 870},
	    {VIEW_MESSAGE, true, false, 30, 900}, {VIEW_DELETED, true, true, 30, 870},
	    {VIEW_MAILDIR, false, true, 30, 870}, {VIEW_MAILDIR, false, false, 30, 900},
	    {VIEW_HEADER, true, true, 30, 100},
	    {VIEW_MAILDIR, false, true, 901, 900}, /* the row is damaged: lf.h says so */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct owner who = {.umask = 077, .lf = cases[i].lf};
		struct message m = {.id = 3, .lines = cases[i].lines, .header = 100};
		struct reader_row row = {.size = 900,
		    .lines = cases[i].lines,
		    .header = 100,
		    .true_size = cases[i].known};
		struct stat st;

		atomic_store(
		    &m.fact, UINT64_C(900) << 8 | (cases[i].known ? MESSAGE_TRUE_SIZE : 0));
		tree_message(&st, &who, &m, cases[i].view, false);
		assert_int_equal(st.st_size, cases[i].want);
		assert_int_equal(tree_view(st.st_ino), cases[i].view);
		tree_row(&st, &who, st.st_ino, &row);
		assert_int_equal(st.st_size, cases[i].want);
	}
}

static void fixed_entries_are_found_below_their_parent_only(void **state)
{
	int64_t pop3fs, status, deleted, none = 0;
	uint64_t inside;

	assert_non_null(tree_fixed_named(TREE_ROOT, slice_of(".pop3fs"), &pop3fs));
	inside = tree_ino(pop3fs, VIEW_FIXED);
	assert_int_equal(tree_node(inside).kind, NODE_FIXED);
	assert_ptr_equal(tree_fixed(pop3fs), tree_fixed_after(TREE_ROOT, 0, &none));
	assert_null(tree_fixed_after(TREE_ROOT, none, &none));
	assert_int_equal(tree_fixed_named(inside, slice_of("status"), &status)->kind, FIXED_STATUS);
	assert_false(tree_is_directory(tree_fixed(status)));
	assert_int_equal(
	    tree_fixed_named(inside, slice_of("deleted"), &deleted)->kind, FIXED_DELETED);
	assert_true(tree_is_directory(tree_fixed(deleted)));
	assert_null(tree_fixed_named(TREE_ROOT, slice_of("status"), &none));
	assert_null(tree_fixed_named(inside, slice_of("stat"), &none));
	assert_null(tree_fixed_named(inside, slice_of(""), &none));
	assert_null(tree_fixed(0));
	assert_null(tree_fixed(1000));
}

static void sizes_become_blocks_and_modes_lose_the_umask(void **state)
{
	static const struct {
		uint64_t size;
		mode_t umask, want;
		blkcnt_t blocks;
	} cases[] = {
	    {0, 077, 0400, 0},
	    {1, 077, 0400, 1},
	    {512, 022, 0444, 1},
	    {513, 0400, 044, 2},
	    {UINT64_C(5) << 32, 0, 0444, INT64_C(5) << 23},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct owner who = {12, 34, cases[i].umask};
		struct stat st;

		tree_file(&st, &who, 15, cases[i].size, 7);
		assert_int_equal(st.st_mode, S_IFREG | cases[i].want);
		assert_int_equal(st.st_size, cases[i].size);
		assert_int_equal(st.st_blocks, cases[i].blocks);
		assert_int_equal(st.st_uid, 12);
		assert_int_equal(st.st_gid, 34);
		assert_int_equal(st.st_ino, 15);
	}
}

static void a_message_shows_when_it_came_and_when_it_was_seen(void **state)
{
	struct owner who = {.umask = 077};
	struct message m = {.id = 3, .received = 100, .seen = 200};
	struct reader_row row = {.size = 9, .received = 100, .seen = 200};
	struct stat st;

	atomic_store(&m.fact, UINT64_C(9) << 8);
	for (int way = 0; way < 3; way++) {
		if (way < 2)
			tree_message(&st, &who, &m, VIEW_DELETED, way == 1);
		else
			tree_row(&st, &who, 27, &row);
		assert_int_equal(st.st_ino, 27);
		assert_int_equal(st.st_size, 9);
		assert_int_equal(st.st_nlink, way == 0);
		assert_int_equal(st.st_mtim.tv_sec, 100);
		assert_int_equal(st.st_atim.tv_sec, 100);
		assert_int_equal(st.st_ctim.tv_sec, 200);
	}
	who.mtime_seen = true;
	tree_message(&st, &who, &m, VIEW_MESSAGE, false);
	assert_int_equal(st.st_mtim.tv_sec, 200);
	assert_int_equal(st.st_atim.tv_sec, 200);
	tree_row(&st, &who, 27, &row);
	assert_int_equal(st.st_mtim.tv_sec, 200);
	tree_directory(&st, &who, TREE_ROOT, 3, (struct timespec){300, 2});
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(st.st_nlink, 5);
	assert_int_equal(st.st_mtim.tv_sec, 300);
	assert_int_equal(st.st_mtim.tv_nsec, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_inode_number_says_what_it_is),
	    cmocka_unit_test(directories_show_messages_by_a_view),
	    cmocka_unit_test(a_header_has_a_length_of_its_own_once_it_is_known),
	    cmocka_unit_test(with_lf_a_message_is_shorter_by_its_lines_once_they_are_known),
	    cmocka_unit_test(fixed_entries_are_found_below_their_parent_only),
	    cmocka_unit_test(sizes_become_blocks_and_modes_lose_the_umask),
	    cmocka_unit_test(a_message_shows_when_it_came_and_when_it_was_seen),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
