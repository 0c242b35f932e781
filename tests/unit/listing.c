#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "listing.h"

#define NAME_ROOM 40
#define READERS   3
#define CHANGES   2000

/* Ids 10, 20, 30, ...; sizes 1, 2, 3, ... */
static struct listing *make(const char *const *names, size_t count)
{
	struct listing *l = listing_create(count, count * NAME_ROOM);
	uint32_t at = 0;

	for (size_t i = 0; i < count; i++) {
		struct message *m = &l->messages[i];

		m->id = 10 * ((int64_t)i + 1);
		m->fact = (uint64_t)(i + 1) << 8;
		m->name = at;
		m->name_len = (uint32_t)strlen(names[i]);
		memcpy(l->names + at, names[i], m->name_len + 1);
		at += m->name_len + 1;
	}
	listing_sort_names(l);
	return l;
}

static void names_come_in_order_and_are_found(void **state)
{
	static const struct {
		const char *names[6];
		const char *want;
	} cases[] = {
	    {{NULL}, ""},
	    {{"one"}, "one "},
	    {{"a", "b", "c"}, "a b c "},
	    {{"c", "b", "a"}, "a b c "},
	    {{"b", "a", "aa", "", "ab"}, " a aa ab b "},
	    {{"uid-0000000000000012", "uid-0000000000000011", "uid-000000000000001"},
		"uid-000000000000001 uid-0000000000000011 uid-0000000000000012 "},
	    /* alike in the octets that are compared first */
	    {{"x01234567b", "x01234567a", "x01234567", "y"}, "x01234567 x01234567a x01234567b y "},
	    {{"z", "%FF", "Z", "~2", "%"}, "% %FF Z z ~2 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(listing_dropp) struct listing *l = NULL;
		char got[200] = "";
		size_t count = 0;

		while (cases[i].names[count])
			count++;
		l = make(cases[i].names, count);
		for (size_t k = 0; k < count; k++) {
			struct message *m = &l->messages[l->by_name[k]];

			strcat(strcat(got, message_name(l, m).at), " ");
			assert_ptr_equal(listing_by_name(l, message_name(l, m)), m);
			assert_int_equal(listing_index(l, m), l->by_name[k]);
			assert_int_equal(listing_place(l, m), k);
		}
		assert_string_equal(got, cases[i].want);
		assert_null(listing_by_name(l, slice_of("not there")));
		assert_int_equal(l->octets, count * (count + 1) / 2);
	}
}

static void a_thousand_names_in_disorder_are_all_found(void **state)
{
	CLEANUP(listing_dropp) struct listing *l = NULL;
	static char text[1000][NAME_ROOM];
	const char *names[1000];

	srandom(3);
	for (size_t i = 0; i < 1000; i++) {
		snprintf(text[i], NAME_ROOM, "%08lx.%zu", (unsigned long)random() % 64, i);
		names[i] = text[i];
	}
	l = make(names, 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(listing_by_name(l, slice_of(names[i])), &l->messages[i]);
	for (size_t i = 1; i < 1000; i++)
		assert_true(strcmp(names[l->by_name[i - 1]], names[l->by_name[i]]) < 0);
}

static void an_id_is_found_or_resumed_behind(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	static const struct {
		int64_t id;
		int at, after; /* indexes, -1: none */
	} cases[] = {
	    {INT64_MIN, -1, 0},
	    {0, -1, 0},
	    {9, -1, 0},
	    {10, 0, 1},
	    {11, -1, 1},
	    {20, 1, 2},
	    {29, -1, 2},
	    {30, 2, -1},
	    {31, -1, -1},
	    {INT64_MAX, -1, -1},
	};
	CLEANUP(listing_dropp) struct listing *l = make(names, 3);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message *at = listing_by_id(l, cases[i].id);
		struct message *after = listing_after(l, cases[i].id);

		assert_int_equal(at ? (int)listing_index(l, at) : -1, cases[i].at);
		assert_int_equal(after ? (int)listing_index(l, after) : -1, cases[i].after);
	}
}

static void where_it_is_looked_for_first_changes_nothing(void **state)
{
	static const char *const names[] = {"b", "c", "a"};
	CLEANUP(listing_dropp) struct listing *l = make(names, 3);

	for (size_t near = 0; near < 5; near++) {
		for (size_t i = 0; i < 3; i++) {
			struct message *m = &l->messages[i];

			assert_ptr_equal(listing_by_id_near(l, m->id, near), m);
			assert_ptr_equal(listing_by_name_near(l, slice_of(names[i]), near), m);
		}
		assert_null(listing_by_id_near(l, 11, near));
		assert_null(listing_by_name_near(l, slice_of("aa"), near));
	}
}

static void an_empty_listing_has_nothing(void **state)
{
	CLEANUP(listing_dropp) struct listing *l = listing_create(0, 0);

	listing_sort_names(l);
	assert_null(listing_by_id(l, 1));
	assert_null(listing_after(l, 0));
	assert_null(listing_by_name(l, slice_of("")));
	assert_null(listing_hold(NULL));
	listing_drop(NULL);
}

static void a_body_changes_the_sums(void **state)
{
	static const char *const names[] = {"a", "b", "c"}; /* sizes 1, 2, 3 */
	static const struct {
		size_t index;
		int64_t size; /* -1: it leaves the cache */
		bool cached;
		uint64_t octets, in_cache;
		unsigned flags;
	} steps[] = {
	    {1, 2, true, 6, 1, MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_TWIN},
	    {1, 100, true, 104, 1,
		MESSAGE_RESIZED | MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_TWIN},
	    {1, 50, true, 54, 1,
		MESSAGE_RESIZED | MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_TWIN},
	    {0, 0, true, 53, 2, MESSAGE_RESIZED | MESSAGE_TRUE_SIZE | MESSAGE_CACHED},
	    {2, 4, false, 54, 2, MESSAGE_RESIZED | MESSAGE_TRUE_SIZE},
	    {1, -1, false, 54, 1, MESSAGE_RESIZED | MESSAGE_TRUE_SIZE | MESSAGE_TWIN},
	    {1, -1, false, 54, 1, MESSAGE_RESIZED | MESSAGE_TRUE_SIZE | MESSAGE_TWIN},
	    {1, 60, false, 64, 1, MESSAGE_RESIZED | MESSAGE_TRUE_SIZE | MESSAGE_TWIN},
	};
	CLEANUP(listing_dropp) struct listing *l = make(names, 3);

	l->messages[1].fact |= MESSAGE_TWIN;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct message *m = &l->messages[steps[i].index];
		uint64_t before = message_size(m);

		if (steps[i].size < 0)
			message_set_uncached(l, m);
		else
			message_set_body(l, m, (uint64_t)steps[i].size, 7, 5, steps[i].cached);
		assert_int_equal(
		    message_size(m), steps[i].size < 0 ? before : (uint64_t)steps[i].size);
		assert_int_equal(message_flags(m), steps[i].flags);
		assert_int_equal(l->octets, steps[i].octets);
		assert_int_equal(l->cached, steps[i].in_cache);
		assert_int_equal(m->lines, 7);
		assert_int_equal(m->header, 5);
	}
}

/* Reads while the pen writes; a size that is true comes with its lines. ThreadSanitizer looks. */
static void *read_on(void *with)
{
	CLEANUP(listing_dropp) struct listing *l = with;
	const struct message *m = &l->messages[0];
	uint64_t size;

	do {
		unsigned flags = message_flags(m);

		size = message_size(m);
		if (flags & MESSAGE_TRUE_SIZE && m->lines * 2 < size)
			return l; /* older lines than the size */
		if (listing_by_id(l, 20) != &l->messages[1] || l->cached > 2)
			return l;
	} while (size < 2 * CHANGES);
	return NULL;
}

static void one_writes_while_many_read(void **state)
{
	static const char *const names[] = {"a", "b"};
	CLEANUP(listing_dropp) struct listing *l = make(names, 2);
	pthread_t readers[READERS];

	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, listing_hold(l)), 0);
	for (uint32_t n = 1; n <= CHANGES; n++) {
		message_set_body(l, &l->messages[0], 2 * n, n, 1, n % 2 == 0);
		message_set_body(l, &l->messages[1], n, n, 1, true);
		message_set_uncached(l, &l->messages[1]);
	}
	for (size_t i = 0; i < READERS; i++) {
		void *wrong = l;

		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_int_equal(l->octets, 2 * CHANGES + CHANGES);
	assert_int_equal(l->cached, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_come_in_order_and_are_found),
	    cmocka_unit_test(a_thousand_names_in_disorder_are_all_found),
	    cmocka_unit_test(an_id_is_found_or_resumed_behind),
	    cmocka_unit_test(where_it_is_looked_for_first_changes_nothing),
	    cmocka_unit_test(an_empty_listing_has_nothing),
	    cmocka_unit_test(a_body_changes_the_sums),
	    cmocka_unit_test(one_writes_while_many_read),
	};

	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
