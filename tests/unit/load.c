#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "merge.h"
#include "name.h"
#include "storage.h"
#include "stored.h"

/* The names in order of id, each with "*" for a twin, "!" for what cannot be deleted. */
static void write_names(const struct listing *l, char *to)
{
	to[0] = '\0';
	for (size_t i = 0; i < l->count; i++) {
		const struct message *m = &l->messages[i];

		strncat(to, message_name(l, m).at, NAME_LONGEST);
		strcat(to, message_flags(m) & MESSAGE_TWIN ? "*" : "");
		strcat(to, message_flags(m) & MESSAGE_FIXED ? "! " : " ");
	}
}

static void check_loaded_as_it_is(struct storage *t, const char *want)
{
	CLEANUP(listing_dropp) struct listing *l = NULL;
	char got[4 * NAME_LONGEST];

	assert_int_equal(merge_load(t->store, &l, NULL), OK);
	write_names(l, got);
	assert_string_equal(got, want);
	for (size_t i = 0; i < l->count; i++) { /* and both orders find each */
		const struct message *m = &l->messages[i];

		assert_ptr_equal(listing_by_id(l, m->id), m);
		assert_ptr_equal(listing_by_name(l, message_name(l, m)), m);
	}
}

/* However many there are said to be. */
static void check_loaded(struct storage *t, const char *want)
{
	for (size_t count = 0; count < 10; count += 9) {
		assert_int_equal(stored_set_changed(t->store, 1, count, NULL), OK);
		check_loaded_as_it_is(t, want);
	}
}

/* A row in words: 'UIDL', ordinal, digest or NULL, vanished or NULL. */
static void add(struct storage *t, const char *values)
{
	CLEANUP(freep)
	char *sql = xasprintf("INSERT INTO message(uidl, ordinal, digest, vanished, listed, seen, "
			      "used) SELECT CAST(column1 AS BLOB), column2, "
			      "CAST(column3 AS BLOB), column4, 10, 7, 7 FROM (VALUES(%s))",
	    values);

	storage_run(t, sql);
}

static void an_empty_store_is_an_empty_listing(void **state)
{
	check_loaded(*state, "");
}

static void what_is_listed_is_loaded_in_order_of_id(void **state)
{
	struct storage *t = *state;

	add(t, "'z', 1, NULL, NULL");
	add(t, "'gone', 1, NULL, 99");
	add(t, "'a', 1, NULL, NULL");
	add(t, "'a/b', 1, NULL, NULL");
	check_loaded(t, "z a a%2Fb ");
}

/* SQLite promises none but what it is asked for. */
static void the_order_is_ours_whatever_sqlite_s_is(void **state)
{
	struct storage *t = *state;

	add(t, "'c', 1, NULL, NULL");
	add(t, "'a', 1, NULL, NULL");
	add(t, "'b', 1, NULL, NULL");
	storage_run(t, "PRAGMA reverse_unordered_selects = ON");
	check_loaded(t, "c a b ");
}

static void those_of_one_uidl_are_flagged_as_twins_while_several_are_listed(void **state)
{
	static const struct {
		const char *change, *want;
	} cases[] = {
	    {"SELECT 1", "a* b a~2* a~3* "},
	    /* one alone is no twin, whatever it is called */
	    {"UPDATE message SET vanished = 9 WHERE ordinal = 1 AND uidl = x'61'", "b a~2* a~3* "},
	    {"UPDATE message SET vanished = 9 WHERE ordinal = 2", "b a~3 "},
	    {"UPDATE message SET vanished = NULL", "a* b a~2* a~3* "},
	    /* those that nothing tells apart */
	    {"UPDATE message SET digest = NULL WHERE ordinal = 2", "a* b a~2*! a~3* "},
	    {"UPDATE message SET digest = x'00' WHERE ordinal = 3", "a* b a~2*! a~3*! "},
	};
	struct storage *t = *state;

	add(t, "'a', 1, '11111111111111111111111111111111', NULL");
	add(t, "'b', 1, NULL, NULL");
	add(t, "'a', 2, '22222222222222222222222222222222', NULL");
	add(t, "'a', 3, '33333333333333333333333333333333', NULL");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		storage_run(t, cases[i].change);
		check_loaded(t, cases[i].want);
	}
}

static void what_has_no_uidl_of_its_own_is_fixed(void **state)
{
	struct storage *t = *state;

	add(t, "'', 1, NULL, NULL");
	add(t, "char(10) || '0123456789abcdef0123456789abcdef', 1, NULL, NULL");
	check_loaded(t, "%! header~0123456789abcdef0123456789abcdef! ");
}

static void sums_and_times_are_there(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp) struct listing *l = NULL;

	add(t, "'a', 1, NULL, NULL");
	add(t, "'b', 1, NULL, NULL");
	storage_run(t, "UPDATE message SET size = 500, chunks = 1 WHERE uidl = x'61'");
	assert_int_equal(stored_set_changed(t->store, 123, 2, NULL), OK);
	assert_int_equal(merge_load(t->store, &l, NULL), OK);
	assert_int_equal(l->octets, 510);
	assert_int_equal(l->cached, 1);
	assert_int_equal(l->changed, 123);
}

static void a_store_that_cannot_be_read_is_an_error(void **state)
{
	struct storage *t = *state;
	struct listing *l = NULL;
	struct failure why = {0};

	add(t, "'a', 1, NULL, NULL");
	storage_run(t, "DROP INDEX message_present");
	assert_int_equal(merge_load(t->store, &l, &why), E_STORE);
	assert_null(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(an_empty_store_is_an_empty_listing),
	    TEST(what_is_listed_is_loaded_in_order_of_id),
	    TEST(the_order_is_ours_whatever_sqlite_s_is),
	    TEST(those_of_one_uidl_are_flagged_as_twins_while_several_are_listed),
	    TEST(what_has_no_uidl_of_its_own_is_fixed),
	    TEST(sums_and_times_are_there),
	    TEST(a_store_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
