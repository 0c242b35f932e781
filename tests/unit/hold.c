#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"
#include "facts.h"
#include "hold.h"
#include "journal.h"
#include "storage.h"

#define KNOWN   HOLD_LEAST
#define HOLD_MS 60000
#define HOLD_S  (HOLD_MS / 1000)
#define AT      1000000 /* when the draft was listed */

struct bench {
	struct storage *storage;
	struct publication p;
	struct draft *draft;
	struct place places[KNOWN + 1];
};

/* `known` messages are in force, and the first `listed` of them are listed again. */
static void prepare(struct bench *b, size_t known, size_t listed)
{
	struct listing *l = listing_create(known, 1);

	listing_drop((struct listing *)b->p.now_valid);
	free(b->p.fates);
	for (size_t i = 0; i < known; i++)
		l->messages[i].id = (int64_t)i + 1;
	for (size_t i = 0; i < listed; i++)
		b->places[i] = (struct place){.id = (int64_t)i + 1};
	b->places[listed] = (struct place){.id = 0}; /* a new message is no old one */
	b->p = (struct publication){
	    .store = b->storage->store,
	    .now_valid = l,
	    .draft = b->draft,
	    .places = b->places,
	    .count = listed + 1,
	};
	*b->draft = (struct draft){.at = AT, .hold_ms = HOLD_MS};
}

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);

	*state = b;
	b->draft = draft_create();
	return storage_setup((void **)&b->storage);
}

static int teardown(void **state)
{
	struct bench *b = *state;
	void *storage = b->storage;

	listing_drop((struct listing *)b->p.now_valid);
	free(b->p.fates);
	draft_free(b->draft);
	free(b);
	return storage_teardown(&storage);
}

/* A deletion of one of the messages, as the journal has it. */
static void intend(struct bench *b, const char *uidl, enum intention_state state)
{
	int64_t id = storage_message(b->storage, uidl);
	struct failure why;
	struct outcome o = {.id = id};

	b->p.now_valid->messages[b->p.now_valid->count - 1].id = id;
	assert_int_equal(journal_unlink(b->storage->store, id, &why), OK);
	if (state == INTENTION_PENDING)
		return;
	assert_int_equal(journal_mark(b->storage->store, &id, 1, &why), OK);
	o.kind = state == INTENTION_ASSUMED ? OUTCOME_DELETED : OUTCOME_UNKNOWN;
	if (state != INTENTION_SENT)
		assert_int_equal(journal_outcome(b->storage->store, &o, &why), OK);
}

static bool judge(struct bench *b)
{
	struct failure why;
	bool held;

	assert_int_equal(hold_find(&b->p, &why), OK);
	assert_int_equal(hold_judge(&b->p, &held, &why), OK);
	return held;
}

static void what_is_not_listed_is_lost(void **state)
{
	struct bench *b = *state;
	struct failure why;

	for (size_t listed = 0; listed <= 5; listed++) {
		prepare(b, 5, listed);
		assert_int_equal(hold_find(&b->p, &why), OK);
		assert_int_equal(b->p.lost, 5 - listed);
		assert_int_equal(b->p.deleted, 0);
		for (size_t i = 0; i < 5; i++)
			assert_int_equal(b->p.fates[i], i < listed ? FATE_LISTED : FATE_LOST);
	}
}

static void what_was_deleted_is_no_loss(void **state)
{
	static const struct {
		const char *uidl;
		enum intention_state state;
		size_t deleted;
	} cases[] = {
	    {"a", INTENTION_PENDING, 0},
	    {"b", INTENTION_SENT, 1},
	    {"c", INTENTION_ASSUMED, 1},
	    {"d", INTENTION_UNKNOWN, 1},
	};
	struct bench *b = *state;
	struct failure why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare(b, 3, 1);
		intend(b, cases[i].uidl, cases[i].state);
		assert_int_equal(hold_find(&b->p, &why), OK);
		assert_int_equal(b->p.deleted, cases[i].deleted);
		assert_int_equal(b->p.lost, 2 - cases[i].deleted);
		assert_int_equal(b->p.fates[2], cases[i].deleted ? FATE_DELETED : FATE_LOST);
	}
}

static void a_listing_that_lost_most_is_held(void **state)
{
	static const struct {
		size_t known, listed;
		bool partial, sure, held;
	} cases[] = {
	    {KNOWN, 0, .held = true},
	    {KNOWN, KNOWN / 2 - 1, .held = true},
	    {KNOWN, KNOWN / 2, .held = false}, /* half is not more than half */
	    {KNOWN, KNOWN, .held = false},
	    {KNOWN - 1, 0, .held = false}, /* too few to say */
	    {KNOWN, 0, .partial = true, .held = false},
	    {KNOWN, 0, .sure = true, .held = false},
	    {0, 0, .held = false},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fact_remember(b->storage->store, FACT_HELD_SINCE, 0, NULL), OK);
		prepare(b, cases[i].known, cases[i].listed);
		b->draft->partial = cases[i].partial;
		b->draft->sure = cases[i].sure;
		assert_int_equal(judge(b), cases[i].held);
		assert_int_equal(
		    fact_recall(b->storage->store, FACT_HELD_SINCE), cases[i].held ? AT : 0);
		assert_int_equal(b->draft->known, cases[i].held ? cases[i].known : 0);
		assert_int_equal(
		    b->draft->missing, cases[i].held ? cases[i].known - cases[i].listed : 0);
	}
}

static void it_is_believed_when_it_says_so_again_later(void **state)
{
	static const struct {
		int64_t since; /* it was seen first, and what is remembered afterwards */
		bool held;
		int64_t after;
	} cases[] = {
	    {AT, true, AT}, {AT - HOLD_S + 1, true, AT - HOLD_S + 1}, {AT - HOLD_S, false, 0},
	    {AT - 10 * HOLD_S, false, 0},
	    {AT + 1, true, AT}, /* the clock was set back: begins anew */
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store *s = b->storage->store;

		assert_int_equal(fact_remember(s, FACT_HELD_SINCE, cases[i].since, NULL), OK);
		prepare(b, KNOWN, 0);
		assert_int_equal(judge(b), cases[i].held);
		assert_int_equal(fact_recall(s, FACT_HELD_SINCE), cases[i].after);
	}
}

static void a_full_listing_between_begins_the_wait_anew(void **state)
{
	struct bench *b = *state;

	prepare(b, KNOWN, 0);
	assert_true(judge(b));
	prepare(b, KNOWN, KNOWN);
	assert_false(judge(b));
	prepare(b, KNOWN, 0);
	b->draft->at = AT + 10 * HOLD_S;
	assert_true(judge(b));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    TEST(what_is_not_listed_is_lost),
	    TEST(what_was_deleted_is_no_loss),
	    TEST(a_listing_that_lost_most_is_held),
	    TEST(it_is_believed_when_it_says_so_again_later),
	    TEST(a_full_listing_between_begins_the_wait_anew),
	};

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
