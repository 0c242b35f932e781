#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "counters.h"
#include "facts.h"
#include "storage.h"

#define MOST 8

/* A listing's rows by their kinds: each UIDL with its kind's letter. */
struct listed {
	const char *uidl;
	char kind; /* n: new, k: known, d: doubtful, t: twin */
};

static const char letters[] = {
    [ROW_NEW] = 'n', [ROW_KNOWN] = 'k', [ROW_DOUBTFUL] = 'd', [ROW_TWIN] = 't'};

static enum row_kind kind_of(char letter)
{
	return (enum row_kind)((const char *)memchr(letters, letter, sizeof(letters)) - letters);
}

static struct draft *make_draft(const struct listed rows[MOST])
{
	struct draft *d = draft_create();
	uint32_t count = 0;

	for (; count < MOST && rows[count].uidl; count++) {
		draft_uidl(d, count + 1, slice_of(rows[count].uidl));
		draft_listed(d, count + 1, 100);
	}
	draft_close(d);
	assert_int_equal(d->count, count);
	for (uint32_t i = 0; i < count; i++)
		d->rows[i].kind = kind_of(rows[i].kind);
	return d;
}

static void check_kinds(const struct draft *d, const char *want)
{
	char got[MOST + 1] = "";

	for (size_t i = 0; i < d->count; i++)
		got[i] = letters[d->rows[i].kind];
	assert_string_equal(got, want);
}

static void known_counters_are_doubted_by_their_ends(void **state)
{
	static const struct {
		struct listed rows[MOST];
		const char *want, *want_anew; /* the latter once they have begun anew */
	} cases[] = {
	    {{{"1", 'k'}, {"2", 'k'}, {"3", 'k'}, {"4", 'k'}}, "dkkd", "dddd"},
	    {{{"1", 'k'}}, "d", "d"},
	    {{{"1", 'k'}, {"2", 'k'}}, "dd", "dd"},
	    {{{"1", 'n'}, {"2", 'k'}, {"3", 'k'}, {"4", 'k'}, {"5", 'n'}}, "ndkdn", "ndddn"},
	    {{{"1", 't'}, {"2", 'd'}, {"3", 'k'}}, "tdd", "tdd"},
	    {{{"abc", 'k'}, {"2", 'k'}, {"x9", 'k'}}, "kdk", "kdk"},
	    {{{"1234567890", 'k'}, {"a", 'k'}}, "kk", "kk"}, /* too long to be a count */
	    {{{"1", 'n'}, {"2", 'n'}}, "nn", "nn"},
	    {{{0}}, "", ""},
	};
	struct storage *t = *state;

	for (int anew = 0; anew <= 1; anew++) {
		assert_int_equal(fact_remember(t->store, FACT_UIDL_BEGINS_ANEW, anew, NULL), OK);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			CLEANUP(draft_freep) struct draft *d = make_draft(cases[i].rows);

			counters_doubt(t->store, d);
			check_kinds(d, anew ? cases[i].want_anew : cases[i].want);
		}
	}
}

static void once_they_have_begun_anew_all_are_asked_for_once(void **state)
{
	static const struct listed rows[MOST] = {
	    {"1", 'd'}, {"2", 'k'}, {"abc", 'k'}, {"4", 'n'}, {"5", 'd'}};
	struct storage *t = *state;
	CLEANUP(draft_freep) struct draft *d = make_draft(rows);
	struct failure why;
	bool asks = false;

	for (int try = 0; try < 2; try++) { /* the first was rolled back */
		asks = false;
		assert_int_equal(counters_question(t->store, d, &asks, &why), OK);
		assert_true(asks);
		assert_int_equal(fact_recall(t->store, FACT_UIDL_BEGINS_ANEW), 1);
		check_kinds(d, "dkknd");
	}
	counters_ask(d);
	check_kinds(d, "ddknd");
	d->rows[1].kind = ROW_KNOWN; /* its header did not come */
	assert_int_equal(counters_question(t->store, d, &asks, &why), OK);
	assert_false(asks);
}

static void where_no_header_is_missing_nothing_is_asked_for(void **state)
{
	static const struct listed rows[MOST] = {{"1", 'd'}, {"abc", 'k'}, {"3", 'd'}};
	struct storage *t = *state;
	CLEANUP(draft_freep) struct draft *d = make_draft(rows);
	struct failure why;
	bool asks = true;

	assert_int_equal(counters_question(t->store, d, &asks, &why), OK);
	assert_false(asks);
	assert_int_equal(fact_recall(t->store, FACT_UIDL_BEGINS_ANEW), 1);
}

static void that_they_begin_anew_outlives_the_store(void **state)
{
	static const struct listed rows[MOST] = {{"1", 'k'}, {"2", 'k'}, {"3", 'k'}};
	struct storage *t = *state;
	CLEANUP(draft_freep) struct draft *before = make_draft(rows);
	CLEANUP(draft_freep) struct draft *after = make_draft(rows);
	struct failure why;
	bool asks;

	assert_int_equal(counters_question(t->store, before, &asks, &why), OK);
	storage_close(t);
	storage_open(t);
	counters_doubt(t->store, after);
	check_kinds(after, "ddd");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)
	static const struct CMUnitTest tests[] = {
	    TEST(known_counters_are_doubted_by_their_ends),
	    TEST(once_they_have_begun_anew_all_are_asked_for_once),
	    TEST(where_no_header_is_missing_nothing_is_asked_for),
	    TEST(that_they_begin_anew_outlives_the_store),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
