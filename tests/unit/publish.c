#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "merge.h"
#include "spoken.h"
#include "storage.h"

/* What comes out of a draft: merge.c drives it through the listings of a maildrop; here is what it
 * leaves alone. */
struct bench {
	struct storage *storage;
	struct listing *now;
	struct draft *draft;
	struct listing *out;
	uint32_t *numbers;
	bool same;
};

static int setup(void **state)
{
	struct bench *b = xzalloc(sizeof(*b));

	*state = b;
	b->now = listing_create(0, 0);
	return storage_setup((void **)&b->storage);
}

static void forget(struct bench *b)
{
	draft_free(take(&b->draft));
	listing_drop(take(&b->out));
	free(take(&b->numbers));
}

static int teardown(void **state)
{
	struct bench *b = *state;

	forget(b);
	listing_drop(b->now);
	storage_teardown((void **)&b->storage);
	free(b);
	return 0;
}

/* One draft, up to its verdict; not committed. */
static enum error publish(struct bench *b, const char *says, int64_t at, struct failure *why)
{
	char headers[SPOKEN_MOST];

	forget(b);
	b->same = false;
	b->draft = spoken_draft(says, headers);
	b->draft->at = at;
	assert_int_equal(merge_draft(b->storage->store, b->now, b->draft, why), OK);
	spoken_bring(b->draft, headers);
	assert_int_equal(store_begin(b->storage->store, why), OK);
	return merge_publish(
	    b->storage->store, b->now, b->draft, &b->out, &b->numbers, &b->same, why);
}

/* And it stands, and is in force. */
static void stands(struct bench *b, const char *says, int64_t at)
{
	struct failure why = {0};

	if (publish(b, says, at, &why) != OK)
		fail_msg("%s: %s", says, why.words);
	assert_int_equal(b->draft->verdict, DRAFT_STANDS);
	assert_int_equal(store_commit(b->storage->store, false, &why), OK);
	listing_drop(b->now);
	b->now = take(&b->out);
}

static int64_t count(struct bench *b, const char *where)
{
	CLEANUP(freep) char *sql = xasprintf("SELECT count(*) FROM message WHERE %s", where);

	return storage_number(b->storage, sql);
}

static void the_same_listing_is_the_same_object(void **state)
{
	struct bench *b = *state;
	struct listing *first;

	stands(b, "a:1:A b:2:B", 10);
	first = b->now;
	stands(b, "b:2:B a:1:A", 20);
	assert_true(b->same);
	assert_ptr_equal(b->now, first);
	assert_int_equal(b->numbers[0], 2); /* but the numbers are this session's */
	assert_int_equal(b->numbers[1], 1);
	assert_int_equal(b->now->changed, 10);
}

/* Who reads a directory resumes by id: the old listing stays as it was. */
static void the_old_listing_is_left_as_it_was(void **state)
{
	struct bench *b = *state;
	CLEANUP(listing_dropp) struct listing *old = NULL;

	stands(b, "a:1:A b:2:B", 10);
	old = listing_hold(b->now);
	stands(b, "b:3:B c:4:C", 20);
	assert_ptr_not_equal(b->now, old);
	assert_int_equal(old->count, 2);
	assert_int_equal(message_size(listing_by_name(old, slice_of("b"))), 2);
	assert_int_equal(message_size(listing_by_name(b->now, slice_of("b"))), 3);
	assert_int_equal(
	    listing_by_name(old, slice_of("b"))->id, listing_by_name(b->now, slice_of("b"))->id);
}

static void the_set_changes_only_when_messages_come_or_go(void **state)
{
	static const struct {
		const char *says;
		bool same;
		int64_t changed;
	} steps[] = {
	    {"a:1:A", false, 100},
	    {"a:1:A", true, 100},
	    {"a:2:A", false, 100}, /* another size: another listing, the same set */
	    {"a:2:A b:1:B", false, 103},
	    {"b:1:B", false, 104},
	    {"b:1:B a:2:A", false, 105},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		stands(b, steps[i].says, 100 + (int64_t)i);
		assert_int_equal(b->same, steps[i].same);
		assert_int_equal(b->now->changed, steps[i].changed);
	}
}

static void a_message_that_is_gone_keeps_its_row(void **state)
{
	struct bench *b = *state;

	stands(b, "a:1:A b:2:B", 10);
	stands(b, "b:2:B", 20);
	assert_int_equal(count(b, "1"), 2);
	assert_int_equal(count(b, "vanished = 20"), 1);
	stands(b, "b:2:B a:1:A", 30);
	assert_int_equal(count(b, "vanished IS NULL"), 2);
}

/* The store thread rolls back what failed, and the listing in force stands. */
static void nothing_is_left_of_a_listing_that_is_rolled_back(void **state)
{
	struct bench *b = *state;
	CLEANUP(listing_dropp) struct listing *stored = NULL;

	stands(b, "a:1:A b:2:B", 10);
	assert_int_equal(publish(b, "b:9:B c:3:C", 20, NULL), OK);
	store_rollback(b->storage->store);
	assert_int_equal(merge_load(b->storage->store, &stored, NULL), OK);
	assert_int_equal(stored->count, 2);
	assert_int_equal(stored->changed, 10);
	assert_int_equal(message_size(listing_by_name(stored, slice_of("b"))), 2);
	assert_int_equal(b->now->count, 2);
}

static void a_failure_brings_nothing_out(void **state)
{
	struct bench *b = *state;
	struct failure why = {0};

	stands(b, "a:1:A", 10);
	assert_int_equal(publish(b, "?:1:A", 20, &why), E_PROTOCOL); /* it lost its UIDL */
	store_rollback(b->storage->store);
	assert_null(b->out);
	assert_null(b->numbers);
	storage_run(b->storage, "CREATE TRIGGER no BEFORE INSERT ON message "
				"BEGIN SELECT raise(ABORT, 'the disk is tired'); END");
	assert_int_equal(publish(b, "a:1:A b:2:B", 30, &why), E_STORE);
	store_rollback(b->storage->store);
	assert_non_null(strstr(why.words, "the disk is tired"));
	assert_null(b->out);
	assert_null(b->numbers);
	assert_int_equal(b->now->count, 1);
}

/* What is known of a body goes from listing to listing, also what was learnt since the last one. */
static void what_was_learnt_of_a_message_goes_on(void **state)
{
	struct bench *b = *state;
	struct message *m;

	stands(b, "a:10:A b:2:B", 10);
	m = listing_by_name(b->now, slice_of("a"));
	message_set_body(b->now, m, 12, 3, 5, true);
	stands(b, "a:10:A b:3:B", 20);
	assert_false(b->same);
	m = listing_by_name(b->now, slice_of("a"));
	assert_int_equal(message_size(m), 12);
	assert_int_equal(message_flags(m), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
	assert_int_equal(m->lines, 3);
	assert_int_equal(m->header, 5);
	assert_int_equal(b->now->octets, 15);
	assert_int_equal(b->now->cached, 1);
}

/* Rows of another database than the listing's: no crash, an error. */
static void a_row_that_is_missing_is_an_error(void **state)
{
	struct bench *b = *state;
	char headers[SPOKEN_MOST];
	struct failure why = {0};

	b->draft = spoken_draft("a:1:A", headers);
	b->draft->rows[0].kind = ROW_KNOWN;
	b->draft->rows[0].id = 77;
	assert_int_equal(store_begin(b->storage->store, NULL), OK);
	assert_int_equal(merge_publish(b->storage->store, b->now, b->draft, &b->out, &b->numbers,
			     &b->same, &why),
	    E_STORE);
	store_rollback(b->storage->store);
	assert_non_null(strstr(why.words, "missing"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(the_same_listing_is_the_same_object),
	    TEST(the_old_listing_is_left_as_it_was),
	    TEST(the_set_changes_only_when_messages_come_or_go),
	    TEST(a_message_that_is_gone_keeps_its_row),
	    TEST(nothing_is_left_of_a_listing_that_is_rolled_back),
	    TEST(a_failure_brings_nothing_out),
	    TEST(what_was_learnt_of_a_message_goes_on),
	    TEST(a_row_that_is_missing_is_an_error),
	};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
