#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "journal.h"
#include "storage.h"

#define GONE   99 /* no intention is left */
#define DENIED 98 /* refused with E_VANISHED, or E_FORBIDDEN for an undelete; nothing changed */

enum {
	PENDING = INTENTION_PENDING,
	SENT = INTENTION_SENT,
	ASSUMED = INTENTION_ASSUMED,
	UNKNOWN = INTENTION_UNKNOWN,
	REFUSED = INTENTION_REFUSED
};

enum happening {
	MARK,
	DELETED,
	NO_ANSWER,
	REFUSAL,
	NOT_SENT,
	DROPPED,
	STILL_LISTED,
	NOT_LISTED,
	UNLINK,
	UNDELETE,
	RECOVER,
	HAPPENINGS
};

/* A message with an intention in that state; GONE: without one. */
static int64_t arrange(struct storage *t, int state, int tries)
{
	int64_t id = storage_message(t, "a");
	char sql[160];

	if (state == GONE)
		return id;
	snprintf(sql, sizeof(sql),
	    "INSERT INTO intention SELECT id, %d, 50, 50, %d, uidl, listed, NULL FROM message",
	    state, tries);
	storage_run(t, sql);
	return id;
}

static enum error outcome(struct storage *t, int64_t id, enum outcome_kind kind)
{
	struct outcome o = {id, kind};

	return journal_outcome(t->store, &o, NULL);
}

static enum error happen(struct storage *t, int64_t id, enum happening what)
{
	switch (what) {
	case MARK:
		return journal_mark(t->store, &id, 1, NULL);
	case DELETED:
		return outcome(t, id, OUTCOME_DELETED);
	case NO_ANSWER:
		return outcome(t, id, OUTCOME_UNKNOWN);
	case REFUSAL:
		return outcome(t, id, OUTCOME_REFUSED);
	case NOT_SENT:
		return outcome(t, id, OUTCOME_NOT_SENT);
	case DROPPED:
		return outcome(t, id, OUTCOME_DROPPED);
	case NOT_LISTED:
		storage_run(t, "UPDATE message SET vanished = 60");
		return journal_settle(t->store, NULL);
	case STILL_LISTED:
		return journal_settle(t->store, NULL);
	case UNLINK:
		return journal_unlink(t->store, id, NULL);
	case UNDELETE:
		return journal_undelete(t->store, id, NULL);
	default:
		return journal_recover(t->store, NULL);
	}
}

/* The only intention, or NULL; the caller frees. */
static struct intentions *all(struct storage *t)
{
	struct intentions *i = NULL;

	assert_int_equal(journal_all(t->store, &i, NULL), OK);
	assert_true(i->count <= 1);
	return i;
}

static int state_of(const struct intentions *i)
{
	return i->count ? (int)i->all[0].state : GONE;
}

/* journal.h draws the same table. */
static void every_state_answers_every_event(void **state)
{
	static const struct {
		int from;
		int to[HAPPENINGS];
	} rows[] = {
	    /* mark, deleted, no answer, refusal, not sent, dropped, still listed, not listed,
	     * unlink, undelete, start */
	    {GONE, {DENIED, GONE, GONE, GONE, GONE, GONE, GONE, GONE, PENDING, DENIED, GONE}},
	    {PENDING, {SENT, PENDING, PENDING, PENDING, PENDING, GONE, PENDING, GONE, PENDING, GONE,
			  PENDING}},
	    {SENT, {SENT, ASSUMED, UNKNOWN, PENDING, PENDING, SENT, PENDING, GONE, SENT, DENIED,
		       UNKNOWN}},
	    {ASSUMED, {SENT, ASSUMED, ASSUMED, ASSUMED, ASSUMED, GONE, PENDING, GONE, ASSUMED,
			  DENIED, ASSUMED}},
	    {UNKNOWN, {SENT, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, GONE, PENDING, GONE, UNKNOWN,
			  DENIED, UNKNOWN}},
	    {REFUSED, {DENIED, REFUSED, REFUSED, REFUSED, REFUSED, GONE, REFUSED, GONE, PENDING,
			  GONE, REFUSED}},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int what = 0; what < HAPPENINGS; what++) {
			int64_t id = arrange(t, rows[i].from, 0);
			bool denied = happen(t, id, (enum happening)what) != OK;
			CLEANUP(freep) struct intentions *now = all(t);
			int want = rows[i].to[what];

			if (denied != (want == DENIED) ||
			    state_of(now) != (denied ? rows[i].from : want))
				fail_msg("state %d, event %d: now %d", rows[i].from, what,
				    state_of(now));
			storage_run(t, "DELETE FROM intention");
			storage_run(t, "DELETE FROM message");
		}
	}
}

static void the_third_try_in_vain_is_the_last(void **state)
{
	static const struct {
		int from;
		enum happening what;
	} ways[] = {{SENT, REFUSAL}, {SENT, STILL_LISTED}, {ASSUMED, STILL_LISTED},
	    {UNKNOWN, STILL_LISTED}};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		for (int tries = 0; tries < JOURNAL_MOST_TRIES; tries++) {
			int64_t id = arrange(t, ways[i].from, tries);
			CLEANUP(freep) struct intentions *now = NULL;

			assert_int_equal(happen(t, id, ways[i].what), OK);
			now = all(t);
			assert_int_equal(now->all[0].tries, tries + 1);
			assert_int_equal(
			    state_of(now), tries + 1 == JOURNAL_MOST_TRIES ? REFUSED : PENDING);
			storage_run(t, "DELETE FROM intention");
			storage_run(t, "DELETE FROM message");
		}
	}
}

static void a_refused_one_that_is_unlinked_again_begins_anew(void **state)
{
	struct storage *t = *state;
	int64_t id = arrange(t, REFUSED, JOURNAL_MOST_TRIES);
	CLEANUP(freep) struct intentions *now = NULL;

	assert_int_equal(journal_unlink(t->store, id, NULL), OK);
	now = all(t);
	assert_int_equal(state_of(now), PENDING);
	assert_int_equal(now->all[0].tries, 0);
	assert_true(now->all[0].made > 50);
}

static void an_intention_says_what_the_message_was_when_it_was_unlinked(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a b/c");
	CLEANUP(freep) struct intentions *now = NULL;

	storage_run(t, "UPDATE message SET ordinal = 3, listed = 4711, "
		       "digest = CAST('0123456789abcdef0123456789abcdef' AS BLOB)");
	assert_int_equal(journal_unlink(t->store, id, NULL), OK);
	storage_run(t, "UPDATE message SET listed = 1, digest = NULL");
	assert_int_equal(journal_unlink(t->store, id, NULL), OK);

	now = all(t);
	assert_int_equal(now->all[0].id, id);
	assert_int_equal(now->all[0].listed, 4711);
	assert_true(now->all[0].has_digest);
	assert_memory_equal(now->all[0].digest, "0123456789abcdef0123456789abcdef", 32);
	assert_string_equal(now->all[0].name, "a%20b%2Fc~3");
}

static void what_was_made_before_the_listing_is_older(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");
	CLEANUP(freep) struct intentions *before = NULL;
	CLEANUP(freep) struct intentions *after = NULL;
	CLEANUP(freep) struct intentions *again = NULL;

	assert_int_equal(journal_unlink(t->store, id, NULL), OK);
	storage_run(t, "UPDATE intention SET made = made + 2, armed = armed + 2");
	before = all(t);
	assert_false(before->all[0].older);

	store_set_listed_at(t->store, before->all[0].made + 1);
	after = all(t);
	assert_true(after->all[0].older);

	/* and one that this listing armed again is to be compared, too */
	storage_run(t, "UPDATE intention SET state = 2, armed = 9000000000000");
	assert_int_equal(journal_settle(t->store, NULL), OK);
	again = all(t);
	assert_int_equal(state_of(again), PENDING);
	assert_true(again->all[0].older);
}

static void a_clock_that_is_set_back_makes_nothing_newer(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");
	int64_t now = store_listed_at(t->store);
	CLEANUP(freep) struct intentions *left = NULL;

	assert_int_equal(journal_unlink(t->store, id, NULL), OK);
	storage_run(
	    t, "UPDATE intention SET armed = armed + 31536000"); /* by a clock a year ahead */
	assert_int_equal(journal_recover(t->store, NULL), OK);
	store_set_listed_at(t->store, now + 1);
	left = all(t);
	assert_true(left->all[0].older);
}

/* A listing takes a while from the server to here, and a clock may be set back meanwhile. */
static void what_was_unlinked_while_a_listing_came_is_older(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");
	CLEANUP(freep) struct intentions *left = NULL;

	assert_int_equal(journal_unlink(t->store, id, NULL), OK);
	storage_run(t, "UPDATE intention SET armed = armed + 3600");
	assert_int_equal(journal_settle(t->store, NULL), OK);
	left = all(t);
	assert_int_equal(state_of(left), PENDING);
	assert_true(left->all[0].older);
}

static void a_message_that_has_vanished_cannot_be_unlinked(void **state)
{
	struct storage *t = *state;
	int64_t id = storage_message(t, "a");

	storage_run(t, "UPDATE message SET vanished = 60");
	assert_int_equal(journal_unlink(t->store, id, NULL), E_VANISHED);
	assert_int_equal(journal_unlink(t->store, id + 1, NULL), E_VANISHED);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM intention"), 0);
}

static void one_that_was_undeleted_stops_the_whole_mark(void **state)
{
	struct storage *t = *state;
	int64_t ids[] = {storage_message(t, "a"), storage_message(t, "b"), storage_message(t, "c")};

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(journal_unlink(t->store, ids[i], NULL), OK);
	assert_int_equal(journal_undelete(t->store, ids[1], NULL), OK);
	assert_int_equal(store_begin(t->store, NULL), OK);
	assert_int_equal(journal_mark(t->store, ids, 3, NULL), E_VANISHED);
	store_rollback(t->store);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM intention WHERE state = 0"), 2);
}

/* Each is what one damaged octet of the database may make of it: "b" was unlinked, "a" never. */
static void a_damaged_intention_is_for_no_other_message(void **state)
{
	static const char *const damages[] = {
	    "UPDATE intention SET id = (SELECT id FROM message WHERE uidl = CAST('a' AS BLOB))",
	    "UPDATE intention SET id = 77",
	    "UPDATE intention SET uidl = CAST('a' AS BLOB)",
	    "UPDATE intention SET state = 64",
	    "UPDATE intention SET state = -1",
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct intentions *shown;
		struct storage *t;

		assert_int_equal(storage_setup((void **)&t), 0);
		storage_message(t, "a");
		assert_int_equal(journal_unlink(t->store, storage_message(t, "b"), NULL), OK);
		storage_run(t, damages[i]);
		shown = all(t);
		assert_int_equal(shown->count, 0);
		free(shown);
		assert_int_equal(journal_recover(t->store, NULL), OK);
		assert_int_equal(storage_number(t, "SELECT count(*) FROM intention"), 0);
		storage_teardown((void **)&t);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(every_state_answers_every_event),
	    TEST(the_third_try_in_vain_is_the_last),
	    TEST(a_refused_one_that_is_unlinked_again_begins_anew),
	    TEST(an_intention_says_what_the_message_was_when_it_was_unlinked),
	    TEST(what_was_made_before_the_listing_is_older),
	    TEST(what_was_unlinked_while_a_listing_came_is_older),
	    TEST(a_clock_that_is_set_back_makes_nothing_newer),
	    TEST(a_message_that_has_vanished_cannot_be_unlinked),
	    TEST(one_that_was_undeleted_stops_the_whole_mark),
	    cmocka_unit_test(a_damaged_intention_is_for_no_other_message),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
