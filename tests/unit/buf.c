#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "buf.h"

static void an_empty_one_is_empty(void **state)
{
	struct buf b = {0};

	assert_int_equal(buf_slice(&b).len, 0);
	assert_non_null(buf_at(&b));
	buf_add(&b, NULL, 0);
	buf_take(&b, 0);
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	buf_finish(&b);
	buf_finish(&b);
	buf_wipe(&b);
}

static void octets_come_out_as_they_went_in(void **state)
{
	struct buf b = {0};

	buf_add(&b, "a\0b", 3);
	buf_add_text(&b, "cd");
	buf_add_slice(&b, slice_make("efg", 2));
	buf_printf(&b, "%d%s", 12, "");
	assert_int_equal(b.len, 9);
	assert_memory_equal(buf_at(&b), "a\0bcdef12", 9);
	buf_take(&b, 2);
	assert_string_equal(buf_text(&b), "bcdef12");
	assert_int_equal(b.len, 7);
	buf_clear(&b);
	buf_add_text(&b, "new");
	assert_true(slice_is(buf_slice(&b), "new"));
	buf_finish(&b);
	assert_null(b.memory);
}

/* Octets are numbered, so that a lost or moved one is seen. */
static void it_may_grow_while_it_is_emptied(void **state)
{
	static const struct {
		size_t add, remove;
	} paces[] = {{1, 1}, {7, 3}, {300, 299}, {1000, 10}, {255, 255}, {256, 128}};

	for (size_t p = 0; p < sizeof(paces) / sizeof(paces[0]); p++) {
		struct buf b = {0};
		unsigned char put = 0, taken = 0;

		for (int round = 0; round < 200; round++) {
			char *room = buf_room(&b, paces[p].add);

			for (size_t i = 0; i < paces[p].add; i++)
				room[i] = (char)put++;
			buf_added(&b, paces[p].add);
			for (size_t i = 0; i < paces[p].remove; i++)
				assert_int_equal((unsigned char)buf_at(&b)[i], taken++);
			buf_take(&b, paces[p].remove);
		}
		assert_int_equal(b.len, 200 * (paces[p].add - paces[p].remove));
		buf_finish(&b);
	}
}

static void room_does_not_grow_when_nothing_stays(void **state)
{
	struct buf b = {0};
	size_t room;

	buf_add(&b, "0123456789", 10);
	room = b.room;
	for (int i = 0; i < 10000; i++) {
		buf_take(&b, 10);
		buf_add(&b, "0123456789", 10);
	}
	assert_int_equal(b.room, room);
	buf_finish(&b);
}

static void a_printed_piece_may_be_of_any_length(void **state)
{
	for (size_t len = 250; len < 520; len++) {
		CLEANUP(freep) char *text = xmalloc(len + 1);
		struct buf b = {0};

		memset(text, 'x', len);
		text[len] = '\0';
		buf_printf(&b, "%s", text);
		assert_int_equal(b.len, len);
		assert_string_equal(buf_text(&b), text);
		buf_finish(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_one_is_empty),
	    cmocka_unit_test(octets_come_out_as_they_went_in),
	    cmocka_unit_test(it_may_grow_while_it_is_emptied),
	    cmocka_unit_test(room_does_not_grow_when_nothing_stays),
	    cmocka_unit_test(a_printed_piece_may_be_of_any_length),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
