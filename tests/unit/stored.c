#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "header.h"
#include "name.h"
#include "query.h"
#include "spoken.h"
#include "storage.h"
#include "stored.h"

/* Stores the rows of "UIDL:SIZE:HEADER ..." (spoken.h), listed at 50, and gives the first one's id.
 */
static int64_t insert(struct storage *t, const char *says, unsigned ordinal)
{
	char headers[SPOKEN_MOST];
	CLEANUP(draft_freep) struct draft *d = spoken_draft(says, headers);
	int64_t first = 0, id;

	d->at = 50;
	spoken_bring(d, headers);
	for (size_t i = 0; i < d->count; i++) {
		assert_int_equal(stored_insert(t->store, d,
				     &(struct stored_new){&d->rows[i], ordinal, &id}, 1, NULL),
		    OK);
		first = first ? first : id;
	}
	return first;
}

static struct stored *only(struct storage *t, const char *uidl, struct stored_set *set)
{
	assert_int_equal(stored_of_uidl(t->store, slice_of(uidl), set, NULL), OK);
	assert_int_equal(set->count, 1);
	return &set->all[0];
}

static void all_that_ever_had_a_uidl_come_in_order(void **state)
{
	struct storage *t = *state;
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	int64_t third = insert(t, "a:30:-", 3), first = insert(t, "a:10:A", 1);

	insert(t, "b:99:B", 1);
	insert(t, "a:20:B", 2);
	assert_int_equal(stored_vanish(t->store, first, 60, NULL), OK);
	assert_int_equal(stored_of_uidl(t->store, slice_of("a"), &set, NULL), OK);
	assert_int_equal(set.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(set.all[i].ordinal, i + 1);
		assert_int_equal(set.all[i].listed, 10 * (i + 1));
		assert_int_equal(set.all[i].vanished, i == 0);
		assert_int_equal(set.all[i].has_digest, i < 2);
	}
	assert_int_equal(set.all[0].id, first);
	assert_int_equal(set.all[2].id, third);
	assert_int_equal(set.all[1].digest[31], 'B');
	/* in place of what the set held */
	assert_int_equal(stored_of_uidl(t->store, slice_of("b"), &set, NULL), OK);
	assert_int_equal(set.count, 1);
	assert_int_equal(stored_of_uidl(t->store, slice_of("c"), &set, NULL), OK);
	assert_int_equal(set.count, 0);
}

static void many_of_one_uidl_are_all_found(void **state)
{
	struct storage *t = *state;
	CLEANUP(stored_set_finish) struct stored_set set = {0};

	for (unsigned i = 1; i <= 100; i++)
		insert(t, "a:1:A", i);
	assert_int_equal(stored_of_uidl(t->store, slice_of("a"), &set, NULL), OK);
	assert_int_equal(set.count, 100);
	assert_int_equal(set.all[99].ordinal, 100);
}

static void what_is_inserted_says_what_the_draft_said(void **state)
{
	static const struct {
		const char *column;
		int64_t with, without; /* a header */
	} cases[] = {
	    {"listed", 420, 421},
	    {"seen", 50, 50},
	    {"used", 50, 50},
	    {"coalesce(received, 0)", 1000 + 'A', 0},
	    {"coalesce(header_len, 0)", 1, 0},
	    {"coalesce(length(digest), 0)", 32, 0},
	    {"coalesce(size, 0)", 0, 0},
	    {"coalesce(vanished, 0)", 0, 0},
	    {"(SELECT count(*) FROM header h WHERE h.id = message.id)", 1, 0},
	};
	struct storage *t = *state;
	int64_t ids[] = {insert(t, "a:420:A", 1), insert(t, "b:421:-", 1)};

	assert_true(ids[1] > ids[0]);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep)
		char *sql = xasprintf("SELECT %s FROM message WHERE id = %lld", cases[i / 2].column,
		    (long long)ids[i % 2]);

		assert_int_equal(
		    storage_number(t, sql), i % 2 ? cases[i / 2].without : cases[i / 2].with);
	}
}

static void a_header_that_comes_later_does_not_change_the_time(void **state)
{
	struct storage *t = *state;
	CLEANUP(freep) struct learnt *first = spoken_header('A');
	CLEANUP(freep) struct learnt *second = spoken_header('B');
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	int64_t id = insert(t, "a:1:-", 1);

	assert_int_equal(stored_set_header(t->store, id, first, NULL), OK);
	assert_int_equal(only(t, "a", &set)->digest[0], 'A');
	assert_int_equal(storage_number(t, "SELECT received IS NULL FROM message"), 1);
	/* and only one is kept: it is what a name was given by */
	assert_int_equal(stored_set_header(t->store, id, second, NULL), OK);
	assert_int_equal(only(t, "a", &set)->digest[0], 'A');
	assert_int_equal(storage_number(t, "SELECT text = x'41' FROM header"), 1);
}

static void an_unknown_hash_is_made_from_header_or_body_and_kept(void **state)
{
	static const char text[] = "Subject: one\r\n\r\n";
	static const struct {
		const char *forget;
		bool found;
	} cases[] = {
	    {"UPDATE message SET digest = NULL", true},
	    {"DELETE FROM header", true}, /* there still is the body */
	    {"UPDATE message SET chunks = NULL", false},
	};
	struct storage *t = *state;
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	struct body b = {
	    .size = sizeof(text) - 1, .lines = 2, .chunks = 1, .header = sizeof(text) - 1};
	int64_t id = insert(t, "a:16:-", 1);
	unsigned char want[HEADER_DIGEST_OCTETS];

	header_digest(slice_of(text), want);
	assert_int_equal(query_run(t->store, NULL, "INSERT INTO header VALUES(?1, ?2)", "ib", id,
			     slice_of(text)),
	    OK);
	assert_int_equal(bodies_add(t->store, id, 0, slice_of(text), 2, NULL), OK);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stored *m;

		storage_run(t, "UPDATE message SET digest = NULL");
		storage_run(t, cases[i].forget);
		m = only(t, "a", &set);
		assert_false(m->has_digest);
		assert_int_equal(stored_find_digest(t->store, m, NULL), OK);
		assert_int_equal(m->has_digest, cases[i].found);
		if (cases[i].found)
			assert_memory_equal(m->digest, want, sizeof(want));
		assert_int_equal(only(t, "a", &set)->has_digest, cases[i].found);
	}
}

static void who_vanished_can_return(void **state)
{
	struct storage *t = *state;
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	int64_t id = insert(t, "a:1:A", 1);

	assert_int_equal(stored_vanish(t->store, id, 77, NULL), OK);
	assert_true(only(t, "a", &set)->vanished);
	assert_int_equal(storage_number(t, "SELECT vanished FROM message"), 77);
	assert_int_equal(stored_return(t->store, id, NULL), OK);
	assert_false(only(t, "a", &set)->vanished);
}

static void the_listed_size_is_no_true_size(void **state)
{
	struct storage *t = *state;
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	int64_t id = insert(t, "a:420:A", 1);
	uint64_t listed = 0;

	assert_int_equal(only(t, "a", &set)->size, 420);
	storage_run(t, "UPDATE message SET size = 500");
	assert_int_equal(stored_set_listed(t->store, id, 476, NULL), OK);
	assert_int_equal(stored_listed(t->store, id, &listed, NULL), OK);
	assert_int_equal(listed, 476);
	assert_int_equal(only(t, "a", &set)->listed, 476);
	assert_int_equal(only(t, "a", &set)->size, 500);
}

static void the_time_of_the_last_change_is_kept(void **state)
{
	struct storage *t = *state;

	assert_int_equal(stored_changed(t->store), 0);
	assert_int_equal(stored_set_changed(t->store, INT64_C(1) << 40, 7, NULL), OK);
	storage_close(t);
	storage_open(t);
	assert_int_equal(stored_changed(t->store), INT64_C(1) << 40);
}

static void what_has_no_uidl_of_its_own_cannot_be_deleted(void **state)
{
	unsigned char digest[32] = {1};
	char stand_in[NAME_STAND_IN];

	name_stand_in(stand_in, digest);
	assert_true(stored_is_fixed(slice_make(stand_in, sizeof(stand_in))));
	assert_true(stored_is_fixed(slice_of("")));
	assert_false(stored_is_fixed(slice_of("a")));
	assert_false(stored_is_fixed(slice_of("header~01")));
}

/* A row as a message: what is known of its size, its times, its body. */
static void those_listed_are_most_or_they_are_not(void **state)
{
	static const struct {
		size_t count;
		bool want;
	} cases[] = {{0, false}, {2, false}, {3, true}, {5, true}, {9, true}};
	struct storage *t = *state;
	char uidl[] = "a";

	for (; uidl[0] <= 'e'; uidl[0]++)
		storage_message(t, uidl);
	assert_false(stored_are_most(t->store)); /* nobody has counted */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(stored_set_changed(t->store, 1, cases[i].count, NULL), OK);
		assert_int_equal(stored_are_most(t->store), cases[i].want);
	}
}

static void keep_message(void *with, sqlite3_value **columns)
{
	stored_message(columns, with);
	assert_true(slice_is(query_value_blob(columns[STORED_MESSAGE_UIDL]), "a"));
	assert_int_equal(sqlite3_value_int(columns[STORED_MESSAGE_ORDINAL]), 1);
}

static void a_row_is_shown_as_far_as_it_is_known(void **state)
{
	static const struct {
		const char *change;
		uint64_t size;
		unsigned flags;
		int64_t received;
	} cases[] = {
	    {"SELECT 1", 420, 0, 50},
	    {"UPDATE message SET received = 40", 420, 0, 40},
	    {"UPDATE message SET size = 476, lines = 7", 476, MESSAGE_TRUE_SIZE, 40},
	    {"UPDATE message SET chunks = 1", 476, MESSAGE_TRUE_SIZE | MESSAGE_CACHED, 40},
	    {"UPDATE message SET chunks = 0, size = 0", 0, MESSAGE_TRUE_SIZE | MESSAGE_CACHED, 40},
	};
	struct storage *t = *state;
	int64_t id = insert(t, "a:420:-", 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m = {0};

		storage_run(t, cases[i].change);
		assert_int_equal(query_visit(t->store, keep_message, &m, NULL,
				     "SELECT visit(?1, " STORED_MESSAGE ") FROM message", ""),
		    OK);
		assert_int_equal(m.id, id);
		assert_int_equal(message_size(&m), cases[i].size);
		assert_int_equal(message_flags(&m), cases[i].flags);
		assert_int_equal(m.received, cases[i].received);
		assert_int_equal(m.seen, 50);
		assert_int_equal(m.lines, i < 2 ? 0 : 7);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(those_listed_are_most_or_they_are_not),
	    TEST(all_that_ever_had_a_uidl_come_in_order),
	    TEST(many_of_one_uidl_are_all_found),
	    TEST(what_is_inserted_says_what_the_draft_said),
	    TEST(a_header_that_comes_later_does_not_change_the_time),
	    TEST(an_unknown_hash_is_made_from_header_or_body_and_kept),
	    TEST(who_vanished_can_return),
	    TEST(the_listed_size_is_no_true_size),
	    TEST(the_time_of_the_last_change_is_kept),
	    cmocka_unit_test(what_has_no_uidl_of_its_own_cannot_be_deleted),
	    TEST(a_row_is_shown_as_far_as_it_is_known),
	};

	return cmocka_run_group_tests_name("stored", tests, NULL, NULL);
}
