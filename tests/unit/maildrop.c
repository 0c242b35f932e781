#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "maildrop.h"

#define NAME_ROOM 24
#define MANY      5000

/* Ids as given, ended by 0; id n has n octets and is named "m<n>"; even ones are cached. */
static struct listing *make(const int64_t *ids)
{
	size_t count = 0;
	struct listing *l;

	while (ids[count])
		count++;
	l = listing_create(count, count * NAME_ROOM);
	for (size_t i = 0; i < count; i++) {
		struct message *m = &l->messages[i];

		m->id = ids[i];
		m->fact = (uint64_t)ids[i] << 8 | (ids[i] % 2 ? 0 : MESSAGE_CACHED);
		m->name = (uint32_t)(i * NAME_ROOM);
		m->name_len = (uint32_t)snprintf(l->names + m->name, NAME_ROOM, "m%d", (int)ids[i]);
	}
	listing_sort_names(l);
	return l;
}

static struct intentions *intend(const int64_t *ids, enum intention_state state)
{
	size_t count = 0;
	struct intentions *all;

	while (ids[count])
		count++;
	all = xzalloc(sizeof(*all) + count * sizeof(all->all[0]));
	all->count = count;
	for (size_t i = 0; i < count; i++)
		all->all[i] = (struct intention){.id = ids[i], .state = state};
	return all;
}

static void swap(struct maildrop *d, const int64_t *ids)
{
	maildrop_swap(d, make(ids), NULL, NULL, NULL);
}

static void unlink_id(struct maildrop *d, int64_t id)
{
	struct message *m = maildrop_by_id(d, id);

	assert_non_null(m);
	maildrop_unlink(d, m);
}

/* Every way to see a message says the same, and the sums are those of the visible. */
static void check_visible(const struct maildrop *d, const int64_t *want)
{
	const struct listing *l = maildrop_listing(d);
	size_t count = 0, cached = 0;
	uint64_t octets = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct message *m = &l->messages[i];
		bool visible = want[count] == m->id;

		assert_int_equal(maildrop_hides(d, m->id), !visible);
		assert_ptr_equal(maildrop_by_id(d, m->id), visible ? m : NULL);
		assert_ptr_equal(maildrop_by_name(d, message_name(l, m)), visible ? m : NULL);
		if (!visible)
			continue;
		count++;
		octets += (uint64_t)m->id;
		cached += m->id % 2 == 0;
	}
	assert_int_equal(want[count], 0);
	assert_int_equal(maildrop_count(d), count);
	assert_int_equal(maildrop_octets(d), octets);
	assert_int_equal(maildrop_cached(d), cached);
}

#define IDS(...) ((const int64_t[]){__VA_ARGS__, 0})
#define NONE     ((const int64_t[]){0})

static void a_new_maildrop_is_empty(void **state)
{
	struct maildrop *d = maildrop_create();

	check_visible(d, NONE);
	assert_int_equal(maildrop_intentions(d)->count, 0);
	assert_int_equal(maildrop_pending(d), 0);
	assert_null(maildrop_by_name(d, slice_of("m1")));
	maildrop_free(d);
	maildrop_free(NULL);
}

static void what_is_unlinked_is_hidden_at_once(void **state)
{
	struct maildrop *d = maildrop_create();

	swap(d, IDS(1, 2, 3, 4, 5));
	maildrop_listing(d)->changed = 7;
	assert_int_equal(maildrop_changed(d).tv_sec, 7);
	unlink_id(d, 4);
	assert_true(maildrop_changed(d).tv_sec > 7);
	unlink_id(d, 1);
	unlink_id(d, 5);
	check_visible(d, IDS(2, 3));
	maildrop_unlink(d, listing_by_id(maildrop_listing(d), 1)); /* again */
	assert_int_equal(maildrop_pending(d), 3);
	maildrop_unlinked(d, 4, true);
	check_visible(d, IDS(2, 3));
	maildrop_unlinked(d, 1, false);
	check_visible(d, IDS(1, 2, 3));
	maildrop_unlinked(d, 4, false); /* answered already */
	maildrop_unlinked(d, 99, false);
	check_visible(d, IDS(1, 2, 3));
	assert_int_equal(maildrop_pending(d), 2);
	maildrop_free(d);
}

static void the_journal_hides_all_but_the_refused(void **state)
{
	static const struct {
		enum intention_state state;
		bool hides;
	} cases[] = {
	    {INTENTION_PENDING, true},
	    {INTENTION_SENT, true},
	    {INTENTION_ASSUMED, true},
	    {INTENTION_UNKNOWN, true},
	    {INTENTION_REFUSED, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct maildrop *d = maildrop_create();

		maildrop_intend(d, intend(IDS(2, 9), cases[i].state));
		assert_int_equal(maildrop_intentions(d)->count, 2);
		assert_int_equal(maildrop_pending(d), cases[i].hides ? 2 : 0);
		swap(d, IDS(1, 2, 3));
		check_visible(d, cases[i].hides ? IDS(1, 3) : IDS(1, 2, 3));
		maildrop_intend(d, NULL);
		assert_int_equal(maildrop_intentions(d)->count, 0);
		check_visible(d, IDS(1, 2, 3));
		maildrop_free(d);
	}
}

static void the_journals_word_replaces_all_but_the_flying(void **state)
{
	struct maildrop *d = maildrop_create();

	swap(d, IDS(1, 2, 3, 4, 5, 6));
	maildrop_intend(d, intend(IDS(2), INTENTION_PENDING));
	unlink_id(d, 1);
	unlink_id(d, 3);
	unlink_id(d, 6);
	maildrop_unlinked(d, 3, true);
	/* 2 was taken back, 3 is there still, 4 is new; 1 and 6 are on their way, 6 known already
	 */
	maildrop_intend(d, intend(IDS(3, 4, 6), INTENTION_PENDING));
	check_visible(d, IDS(2, 5));
	maildrop_unlinked(d, 1, false);
	maildrop_unlinked(d, 6, true);
	check_visible(d, IDS(1, 2, 5));
	/* a landed one that the journal no longer has is shown again */
	maildrop_intend(d, intend(IDS(3), INTENTION_PENDING));
	check_visible(d, IDS(1, 2, 4, 5, 6));
	maildrop_free(d);
}

static void a_hidden_message_comes_back_hidden(void **state)
{
	struct maildrop *d = maildrop_create();

	swap(d, IDS(1, 2, 3));
	unlink_id(d, 2);
	swap(d, IDS(1, 3, 4));
	check_visible(d, IDS(1, 3, 4));
	assert_true(maildrop_hides(d, 2));
	swap(d, IDS(2, 3, 4));
	check_visible(d, IDS(3, 4));
	maildrop_unlinked(d, 2, false);
	check_visible(d, IDS(2, 3, 4));
	maildrop_free(d);
}

static void sums_follow_the_pen(void **state)
{
	struct maildrop *d = maildrop_create();
	struct listing *l;

	swap(d, IDS(1, 3, 5));
	l = maildrop_listing(d);
	unlink_id(d, 3);
	message_set_body(l, listing_by_id(l, 3), 1000, 1, 1, true);
	assert_int_equal(maildrop_octets(d), 6);
	assert_int_equal(maildrop_cached(d), 0);
	message_set_body(l, listing_by_id(l, 5), 100, 1, 1, true);
	assert_int_equal(maildrop_octets(d), 101);
	assert_int_equal(maildrop_cached(d), 1);
	maildrop_free(d);
}

/* Those that can be taken back, by each way to ask. */
static void check_deleted(const struct maildrop *d, const int64_t *want)
{
	const struct listing *l = maildrop_listing(d);
	const struct message *next = maildrop_deleted_after(d, 0);

	for (size_t i = 0; i < l->count; i++) {
		struct message *m = &l->messages[i];
		bool deleted = *want == m->id;

		assert_ptr_equal(maildrop_deleted(d, m->id), deleted ? m : NULL);
		assert_ptr_equal(
		    maildrop_deleted_by_name(d, message_name(l, m)), deleted ? m : NULL);
		if (!deleted)
			continue;
		assert_ptr_equal(next, m);
		next = maildrop_deleted_after(d, m->id);
		want++;
	}
	assert_null(next);
	assert_int_equal(*want, 0);
}

static void what_waits_for_a_commit_can_be_taken_back(void **state)
{
	static const struct {
		enum intention_state state;
		bool waits;
	} cases[] = {
	    {INTENTION_PENDING, true},
	    {INTENTION_SENT, true},
	    {INTENTION_ASSUMED, false},
	    {INTENTION_UNKNOWN, true},
	    {INTENTION_REFUSED, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct maildrop *d = maildrop_create();

		swap(d, IDS(1, 2, 3, 4, 5));
		check_deleted(d, NONE);
		maildrop_intend(d, intend(IDS(2, 9), cases[i].state));
		unlink_id(d, 5);
		unlink_id(d, 3);
		maildrop_unlinked(d, 3, true);
		check_deleted(d, cases[i].waits ? IDS(2, 3, 5) : IDS(3, 5));
		swap(d, IDS(1, 2, 5, 9));
		check_deleted(d, cases[i].waits ? IDS(2, 5, 9) : IDS(5));
		assert_null(maildrop_deleted_by_name(d, slice_of("m3")));
		maildrop_free(d);
	}
}

static void what_is_taken_back_is_visible_until_it_is_unlinked_again(void **state)
{
	struct maildrop *d = maildrop_create();

	swap(d, IDS(1, 2, 3, 4));
	maildrop_intend(d, intend(IDS(1, 2), INTENTION_PENDING));
	unlink_id(d, 4);
	maildrop_unlinked(d, 4, true);
	maildrop_listing(d)->changed = 0;
	maildrop_undeleted(d, 2);
	maildrop_undeleted(d, 4);
	maildrop_undeleted(d, 3);  /* was not deleted */
	maildrop_undeleted(d, 99); /* is not there */
	check_visible(d, IDS(2, 3, 4));
	check_deleted(d, IDS(1));
	unlink_id(d, 2);
	maildrop_unlinked(d, 2, true);
	check_visible(d, IDS(3, 4));
	maildrop_intend(d, intend(IDS(1, 2), INTENTION_PENDING));
	check_deleted(d, IDS(1, 2));
	maildrop_free(d);
}

static void the_directory_changes_when_the_journal_shows_or_hides(void **state)
{
	static const struct {
		int64_t before[4], after[4];
		bool changes;
	} cases[] = {
	    {{0}, {0}, false},
	    {{0}, {2}, true},
	    {{2}, {2}, false},
	    {{2}, {0}, true},
	    {{1, 2}, {1, 3}, true},
	    {{9}, {0}, false}, /* not listed */
	    {{2, 9}, {2}, false},
	    {{7}, {7, 9}, false},
	    {{1}, {1, 9, 10}, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct maildrop *d = maildrop_create();

		maildrop_intend(d, intend(cases[i].before, INTENTION_PENDING));
		swap(d, IDS(1, 2, 3));
		assert_int_equal(maildrop_changed(d).tv_sec, 0);
		maildrop_intend(d, intend(cases[i].after, INTENTION_PENDING));
		assert_int_equal(maildrop_changed(d).tv_sec > 0, cases[i].changes);
		maildrop_free(d);
	}
}

static void a_mount_begins_with_the_last_change_of_the_one_before(void **state)
{
	static const struct {
		int64_t hidden[3], made, listed, want;
	} cases[] = {
	    {{0}, 0, 500, 500}, {{1}, 700, 500, 700}, {{1, 2}, 700, 500, 700}, {{1}, 400, 500, 500},
	    {{9}, 700, 500, 500}, /* not listed */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct intentions *waiting = intend(cases[i].hidden, INTENTION_PENDING);
		struct maildrop *d = maildrop_create();
		struct listing *l = make(IDS(1, 2, 3));

		for (size_t k = 0; k < waiting->count; k++)
			waiting->all[k].made = cases[i].made - (int64_t)k;
		l->changed = cases[i].listed;
		maildrop_intend(d, waiting);
		maildrop_swap(d, l, NULL, NULL, NULL);
		assert_int_equal(maildrop_changed(d).tv_sec, cases[i].want);
		maildrop_free(d);
	}
}

/* ---- swap ---- */

struct told {
	struct buf gone, come;
};

static void note_gone(void *with, const struct listing *l, const struct message *m)
{
	buf_printf(&((struct told *)with)->gone, "%s ", message_name(l, m).at);
}

static void note_come(void *with, const struct listing *l, const struct message *m)
{
	buf_printf(&((struct told *)with)->come, "%s ", message_name(l, m).at);
}

static void a_swap_tells_what_was_visible_and_what_is(void **state)
{
	static const struct {
		int64_t before[6], hidden[3], after[6];
		const char *gone, *come;
	} cases[] = {
	    {{0}, {0}, {0}, "", ""},
	    {{0}, {0}, {1, 2}, "", "m1 m2 "},
	    {{1, 2}, {0}, {0}, "m1 m2 ", ""},
	    {{1, 2, 3}, {0}, {1, 2, 3}, "", ""},
	    {{1, 2, 3}, {0}, {2, 3, 4}, "m1 ", "m4 "},
	    {{1, 3, 5}, {0}, {2, 4, 6}, "m1 m3 m5 ", "m2 m4 m6 "},
	    {{1, 2, 3}, {1}, {2, 3}, "", ""},
	    {{1, 2, 3}, {1, 4}, {2, 4, 5}, "m3 ", "m5 "},
	    {{1, 2, 3}, {2, 3}, {1, 2, 3, 4}, "", "m4 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct maildrop *d = maildrop_create();
		struct told told = {0};

		swap(d, cases[i].before);
		maildrop_intend(d, intend(cases[i].hidden, INTENTION_PENDING));
		maildrop_swap(d, make(cases[i].after), note_gone, note_come, &told);
		assert_string_equal(buf_text(&told.gone), cases[i].gone);
		assert_string_equal(buf_text(&told.come), cases[i].come);
		buf_finish(&told.gone);
		buf_finish(&told.come);
		maildrop_free(d);
	}
}

#define FAR ((int64_t)1 << 40) /* no clock says so: all changes below are within that second */

static void list_at(struct maildrop *d, const int64_t *ids, int64_t at)
{
	struct listing *l = make(ids);

	l->changed = at;
	maildrop_swap(d, l, NULL, NULL, NULL);
}

static void take_step(struct maildrop *d, int step)
{
	switch (step) {
	case 0:
		list_at(d, IDS(1, 2, 3), FAR);
		break;
	case 1:
		list_at(d, IDS(1, 3), FAR);
		break;
	case 2:
		list_at(d, IDS(1, 4), FAR);
		break;
	case 3:
		unlink_id(d, 1);
		break;
	case 4:
		maildrop_undeleted(d, 1);
		break;
	case 5:
		maildrop_intend(d, intend(IDS(1), INTENTION_PENDING));
		break;
	case 6:
		maildrop_intend(d, intend(IDS(1), INTENTION_REFUSED));
		break;
	case 7:
		list_at(d, IDS(1, 4, 5), FAR + 1);
		break;
	default:
		unlink_id(d, 5);
	}
}

static void every_change_moves_the_time_of_the_directory(void **state)
{
	static const long nanoseconds[] = {0, 1, 2, 3, 4, 5, 6, 0, 1};
	struct maildrop *d = maildrop_create();

	for (int step = 0; step < 9; step++) {
		take_step(d, step);
		assert_int_equal(maildrop_changed(d).tv_sec, step < 7 ? FAR : FAR + 1);
		assert_int_equal(maildrop_changed(d).tv_nsec, nanoseconds[step]);
	}
	list_at(d, IDS(1, 4, 5), FAR + 1); /* no change */
	assert_int_equal(maildrop_changed(d).tv_nsec, 1);
	maildrop_free(d);
}

/* ---- rm -rf ---- */

static void many_are_unlinked_in_any_order(void **state)
{
	static const size_t steps[] = {1, 7919, MANY - 1}; /* none divides MANY: all are reached */
	static int64_t ids[MANY + 1];

	for (size_t i = 0; i < MANY; i++)
		ids[i] = (int64_t)i + 1;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		struct maildrop *d = maildrop_create();

		swap(d, ids);
		for (size_t i = 0, at = 0; i < MANY; i++, at = (at + steps[k]) % MANY)
			unlink_id(d, ids[at]);
		assert_int_equal(maildrop_count(d), 0);
		assert_int_equal(maildrop_octets(d), 0);
		assert_int_equal(maildrop_pending(d), MANY);
		maildrop_intend(d, intend(ids + MANY / 2, INTENTION_PENDING));
		for (size_t i = 0; i < MANY; i++)
			maildrop_unlinked(d, ids[i], i % 2 == 0);
		assert_int_equal(maildrop_pending(d), MANY / 2);
		assert_int_equal(maildrop_count(d), MANY / 2);
		maildrop_free(d);
	}
}

static bool is_cached(void *with, const struct message *m)
{
	return message_flags(m) & MESSAGE_CACHED;
}

static void what_a_mirror_holds_back_is_not_there(void **state)
{
	struct maildrop *d = maildrop_create();
	struct told told = {0};
	uint64_t version;
	uint32_t era;

	swap(d, IDS(1, 2));
	maildrop_hold_back(d, is_cached, NULL);
	maildrop_swap(d, make(IDS(1, 2, 3, 4, 5)), note_gone, note_come, &told);
	assert_string_equal(buf_text(&told.come), "m4 ");
	assert_null(maildrop_by_id(d, 3));
	assert_null(maildrop_by_name(d, slice_of("m5")));
	assert_int_equal(maildrop_count(d), 3);
	assert_int_equal(maildrop_octets(d), 1 + 2 + 4);
	assert_int_equal(maildrop_cached(d), 2);
	assert_int_equal(maildrop_held_back(d), 2);
	version = maildrop_version(d);
	era = maildrop_era(d);
	assert_true(maildrop_show(d, 3));
	assert_false(maildrop_show(d, 3));
	assert_false(maildrop_show(d, 1));
	assert_true(maildrop_version(d) > version);
	assert_true(maildrop_era(d) > era);
	assert_false(maildrop_shows(d, 3, era));
	assert_true(maildrop_shows(d, 3, maildrop_era(d)));
	maildrop_swap(d, make(IDS(1, 2, 4)), note_gone, note_come, &told);
	assert_string_equal(buf_text(&told.gone), "m3 "); /* of 5 nobody has heard */
	maildrop_free(d);
	buf_finish(&told.gone);
	buf_finish(&told.come);
}

static void what_is_deleted_and_held_back_counts_once(void **state)
{
	struct maildrop *d = maildrop_create();

	maildrop_hold_back(d, is_cached, NULL);
	maildrop_intend(d, intend(IDS(1), INTENTION_PENDING));
	swap(d, IDS(1, 2, 3));
	assert_int_equal(maildrop_count(d), 1);
	assert_int_equal(maildrop_octets(d), 2);
	maildrop_undeleted(d, 1);
	assert_int_equal(maildrop_count(d), 1);
	assert_null(maildrop_by_id(d, 1));
	assert_true(maildrop_show(d, 1));
	assert_int_equal(maildrop_count(d), 2);
	maildrop_free(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_maildrop_is_empty),
	    cmocka_unit_test(what_is_unlinked_is_hidden_at_once),
	    cmocka_unit_test(the_journal_hides_all_but_the_refused),
	    cmocka_unit_test(the_journals_word_replaces_all_but_the_flying),
	    cmocka_unit_test(a_hidden_message_comes_back_hidden),
	    cmocka_unit_test(sums_follow_the_pen),
	    cmocka_unit_test(what_waits_for_a_commit_can_be_taken_back),
	    cmocka_unit_test(what_is_taken_back_is_visible_until_it_is_unlinked_again),
	    cmocka_unit_test(the_directory_changes_when_the_journal_shows_or_hides),
	    cmocka_unit_test(a_mount_begins_with_the_last_change_of_the_one_before),
	    cmocka_unit_test(a_swap_tells_what_was_visible_and_what_is),
	    cmocka_unit_test(every_change_moves_the_time_of_the_directory),
	    cmocka_unit_test(what_a_mirror_holds_back_is_not_there),
	    cmocka_unit_test(what_is_deleted_and_held_back_counts_once),
	    cmocka_unit_test(many_are_unlinked_in_any_order),
	};

	return cmocka_run_group_tests_name("maildrop", tests, NULL, NULL);
}
