#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "settle.h"
#include "spoken.h"
#include "storage.h"
#include "stored.h"

/* A publication of one draft, its rows as merge_draft left them. */
struct bench {
	struct storage *storage;
	struct publication p;
	char headers[SPOKEN_MOST];
};

static int setup(void **state)
{
	struct bench *b = xzalloc(sizeof(*b));

	*state = b;
	return storage_setup((void **)&b->storage);
}

static void forget_draft(struct bench *b)
{
	draft_free(b->p.draft);
	free(b->p.places);
	b->p = (struct publication){.store = b->storage->store};
}

static int teardown(void **state)
{
	struct bench *b = *state;

	forget_draft(b);
	storage_teardown((void **)&b->storage);
	free(b);
	return 0;
}

/* What an earlier mount stored: one row a word, all with different ordinals of their UIDL. */
static void store(struct bench *b, const char *says)
{
	CLEANUP(draft_freep) struct draft *d = spoken_draft(says, b->headers);

	spoken_bring(d, b->headers);
	for (size_t i = 0; i < d->count; i++) {
		CLEANUP(stored_set_finish) struct stored_set set = {0};
		int64_t id;

		assert_int_equal(
		    stored_of_uidl(b->storage->store, row_uidl(d, &d->rows[i]), &set, NULL), OK);
		assert_int_equal(
		    stored_insert(b->storage->store, d,
			&(struct stored_new){&d->rows[i], (unsigned)set.count + 1, &id}, 1, NULL),
		    OK);
	}
}

/* The places that the rows get; kinds as in merge.h's answer: n, k, d, t. */
static void settle(struct bench *b, const char *says, const char *kinds)
{
	struct failure why = {0};
	struct draft *d;

	forget_draft(b);
	b->p.draft = d = spoken_draft(says, b->headers);
	for (size_t i = 0; i < d->count; i++)
		d->rows[i].kind = kinds[i] == 'n'   ? ROW_NEW
				  : kinds[i] == 'k' ? ROW_KNOWN
				  : kinds[i] == 'd' ? ROW_DOUBTFUL
						    : ROW_TWIN;
	spoken_bring(d, b->headers);
	if (settle_rows(&b->p, &why) != OK)
		fail_msg("%s", why.words);
	assert_int_equal(b->p.count, d->count);
}

static int64_t id_of(struct bench *b, const char *uidl, unsigned ordinal)
{
	CLEANUP(stored_set_finish) struct stored_set set = {0};

	assert_int_equal(stored_of_uidl(b->storage->store, slice_of(uidl), &set, NULL), OK);
	assert_true(set.count >= ordinal);
	return set.all[ordinal - 1].id;
}

static void a_doubtful_row_is_known_by_its_header(void **state)
{
	static const struct {
		const char *says;
		unsigned known;   /* the ordinal of the message that it is; 0: a new one */
		unsigned ordinal; /* of a new one */
		bool resized, headed;
	} cases[] = {
	    {"a:10:A", 1, 0, false, false},
	    {"a:11:A", 1, 0, true, false},
	    {"a:0:A", 1, 0, false, false}, /* LIST had no line: the old size stays */
	    {"a:11:X", 0, 2, false, false},
	    {"a:11:-", 1, 0, true, false}, /* nothing says that it is another */
	    {"b:10:X", 1, 0, false, true}, /* was stored without */
	    {"c:10:B", 2, 0, false, false},
	    {"c:10:X", 0, 3, false, false},
	    {"new:10:N", 0, 1, false, false},
	};
	struct bench *b = *state;

	store(b, "a:10:A b:10:- c:10:A c:10:B");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct place *at;
		char uidl[2] = {cases[i].says[0]};

		settle(b, cases[i].says, "d");
		at = &b->p.places[0];
		if (cases[i].known)
			assert_int_equal(at->id, id_of(b, uidl, cases[i].known));
		else
			assert_int_equal(at->id, 0);
		assert_int_equal(at->ordinal, cases[i].ordinal);
		assert_int_equal(at->resized, cases[i].resized);
		assert_int_equal(at->headed, cases[i].headed);
		assert_int_equal(at->flags, 0);
		assert_int_equal(is_touched(at), at->resized || at->headed);
	}
}

static void known_and_new_rows_are_not_looked_up(void **state)
{
	struct bench *b = *state;

	store(b, "a:10:A");
	settle(b, "a:10:X", "n");
	assert_int_equal(b->p.places[0].ordinal, 1);
	settle(b, "a:10:X", "k");
	assert_int_equal(b->p.places[0].id, b->p.draft->rows[0].id);
	assert_int_equal(b->p.places[0].ordinal, 0);
}

static void rows_with_one_uidl_are_settled_together(void **state)
{
	struct bench *b = *state;

	store(b, "a:10:A z:1:Z a:10:B");
	settle(b, "a:10:B z:1:Z a:10:C a:10:C", "tdtt");
	assert_int_equal(b->p.places[0].id, id_of(b, "a", 2));
	assert_int_equal(b->p.places[1].id, id_of(b, "z", 1));
	assert_int_equal(b->p.places[2].ordinal, 3);
	assert_int_equal(b->p.places[3].ordinal, 4);
	assert_int_equal(b->p.places[0].flags, MESSAGE_TWIN);
	assert_int_equal(b->p.places[1].flags, 0);
	assert_int_equal(b->p.places[2].flags, MESSAGE_TWIN | MESSAGE_FIXED);
	assert_int_equal(b->p.places[3].flags, MESSAGE_TWIN | MESSAGE_FIXED);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(b->p.places[i].row, i); /* still in order of row */
}

/* A counter's UIDL that is another message now: the server counts anew, so all others are doubted.
 */
static void only_a_counter_tells_of_a_restart(void **state)
{
	static const struct {
		const char *says, *kinds;
		bool restarted;
	} cases[] = {
	    {"1:10:A", "d", false},
	    {"1:11:X", "d", true},
	    {"1:11:-", "d", false},
	    {"1:11:X", "t", false}, /* one of several: no wonder */
	    {"a:11:X", "d", false},
	};
	struct bench *b = *state;

	store(b, "1:10:A a:10:A");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		settle(b, cases[i].says, cases[i].kinds);
		assert_int_equal(b->p.restarted, cases[i].restarted);
	}
}

static void one_alone_that_comes_back_is_the_same(void **state)
{
	struct bench *b = *state;

	store(b, "a:10:- b:10:- b:10:-");
	storage_run(b->storage, "UPDATE message SET vanished = 9");
	settle(b, "a:11:-", "d");
	assert_int_equal(b->p.places[0].id, id_of(b, "a", 1));
	settle(b, "b:10:-", "d"); /* but of two, who says which */
	assert_int_equal(b->p.places[0].ordinal, 3);
}

static void news_are_written_and_nothing_else(void **state)
{
	struct bench *b = *state;
	struct stored_set set = {0};

	store(b, "a:10:A b:10:- c:10:C");
	settle(b, "a:11:A b:10:B c:10:C", "ddd");
	assert_int_equal(storage_number(b->storage, "SELECT sum(listed) FROM message"), 30);
	assert_int_equal(settle_news(&b->p, NULL), OK);
	assert_int_equal(
	    storage_number(b->storage, "SELECT listed FROM message WHERE uidl = x'61'"), 11);
	assert_int_equal(stored_of_uidl(b->storage->store, slice_of("b"), &set, NULL), OK);
	assert_int_equal(set.all[0].digest[0], 'B');
	assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM message"), 3);
	assert_int_equal(storage_number(b->storage, "SELECT sum(listed) FROM message"), 31);
	stored_set_finish(&set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_doubtful_row_is_known_by_its_header),
	    TEST(known_and_new_rows_are_not_looked_up),
	    TEST(rows_with_one_uidl_are_settled_together),
	    TEST(only_a_counter_tells_of_a_restart),
	    TEST(one_alone_that_comes_back_is_the_same),
	    TEST(news_are_written_and_nothing_else),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
