#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "prefetch.h"

#define NAME_ROOM 24
#define KB        UINT64_C(1024)
#define MB        (1024 * KB)
#define COUNT     400
#define PLENTY    (64 * MB)

/* Of these messages two fit in the first window of what is fetched. */
#define LARGE (800 * KB)
#define MORE  (512 * MB)

/* Ids 1 to count, each of `size` octets, uncached; by name they go 7, 14, ..., in a circle. */
static struct listing *make(size_t count, uint64_t size)
{
	struct listing *l = listing_create(count, count * NAME_ROOM);

	for (size_t turn = 1; turn <= count; turn++) {
		size_t id = turn * 7 % (count + 1), i = id - 1;
		struct message *m = &l->messages[i];

		m->id = (int64_t)id;
		m->fact = size << 8;
		m->name = (uint32_t)(i * NAME_ROOM);
		m->name_len = (uint32_t)snprintf(l->names + m->name, NAME_ROOM, "m%08zu", turn);
	}
	listing_sort_names(l);
	return l;
}

struct scene {
	struct maildrop *d;
	struct prefetch *p;
};

static struct scene begin(size_t count, uint64_t size, uint64_t octets)
{
	struct scene s = {maildrop_create(), prefetch_create(octets, PREFETCH_UNCACHED)};

	maildrop_swap(s.d, make(count, size), NULL, NULL, NULL);
	return s;
}

static void end(struct scene *s)
{
	prefetch_free(s->p);
	maildrop_free(s->d);
}

/* Opens a message and returns the first that is asked for then; *count: how many are. They go on
 * from there by `step`, round the circle of ids. */
static int64_t first_after(const struct scene *s, int64_t id, int64_t step, size_t *count)
{
	int64_t first, next, want, around = (int64_t)maildrop_listing(s->d)->count + 1;

	prefetch_opened(s->p, s->d, id);
	first = want = prefetch_next(s->p, s->d);
	*count = first != 0;
	if (first == 0)
		return 0;
	while ((next = prefetch_next(s->p, s->d)) != 0) {
		want = (want + step + around) % around;
		assert_int_equal(next, want);
		++*count;
	}
	return first;
}

static void a_sequence_opens_a_window_and_nothing_else_does(void **state)
{
	static const struct {
		int64_t opens[6];
		int64_t step;  /* of what is asked for */
		int64_t first; /* asked for at the last open; 0: nothing */
		size_t count;
	} cases[] = {
	    /* 2, 20, 163 in windows of 2 MB, 16 MB, 128 MB */
	    {{1}, 1, 0, 0}, {{1, 1, 1}, 1, 0, 0}, {{5, 6}, 1, 7, 2}, {{5, 6, 7}, 1, 9, 19},
	    {{5, 6, 7, 8}, 1, 28, 144}, {{5, 6, 6, 6}, 1, 0, 0}, {{5, 9}, 1, 0, 0},
	    {{5, 6, 9}, 1, 10, 20}, /* a step over some */
	    {{5, 6, 100}, 1, 0, 0}, {{5, 6, 100, 101}, 1, 102, 2},
	    {{5, 6, 8, 7}, 1, 0, 0},                              /* late, not back */
	    {{5, 6, 8, 7, 9}, 1, 29, 144}, {{50, 49}, -1, 48, 2}, /* newest first */
	    {{50, 49, 48}, -1, 46, 19}, {{7, 14}, 7, 21, 2},      /* by name */
	    {{7, 14, 21}, 7, 35, 19}, {{399, 400}, 1, 0, 0},      /* the end */
	    {{2, 1}, -1, 0, 0}, {{390, 5, 12}, 7, 19, 2},
	    {{999, 1000}, 1, 0, 0}, /* there are none */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = begin(COUNT, LARGE, MORE);
		size_t count = 99;
		int64_t first = -1;

		for (size_t k = 0; cases[i].opens[k]; k++)
			first = first_after(&s, cases[i].opens[k], cases[i].step, &count);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(count, cases[i].count);
		end(&s);
	}
}

/* Whoever is pushed to shows himself only where the pushing ended, or was late. */
static void what_was_pushed_is_passed_over_unseen(void **state)
{
	static const struct {
		int64_t opens[7];
		int64_t first; /* pushed at the last open; 0: nothing */
		size_t count;
	} cases[] = {
	    {{1}, 0, 0},          /* one alone brings nothing */
	    {{1, 2}, 3, 2},       /* 100 KB each: 3, 4 */
	    {{1, 2, 5}, 6, 20},   /* just behind them */
	    {{1, 2, 3}, 5, 19},   /* he was faster */
	    {{1, 2, 12}, 13, 20}, /* a little further: a step may pass over some */
	    {{1, 2, 20}, 0, 0},   /* that is a jump */
	    {{1, 2, 5, 11}, 26, 149}, {{50, 49, 46}, 45, 20},
	    {{1, 2, 5, 100, 101, 104}, 105, 20}, /* another one */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = {maildrop_create(), prefetch_create(PLENTY, PREFETCH_CACHED)};
		struct listing *l = make(COUNT, 100 * KB);
		size_t count = 99;
		int64_t first = -1;

		for (size_t k = 0; k < COUNT; k++)
			l->messages[k].fact |= MESSAGE_CACHED | MESSAGE_TRUE_SIZE;
		maildrop_swap(s.d, l, NULL, NULL, NULL);
		for (size_t k = 0; cases[i].opens[k]; k++)
			first = first_after(&s, cases[i].opens[k],
			    cases[i].opens[0] > cases[i].opens[1] ? -1 : 1, &count);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(count, cases[i].count);
		end(&s);
	}
}

static void only_what_is_verified_and_small_is_pushed(void **state)
{
	static const struct {
		uint64_t size;
		unsigned flags;
		bool pushed;
	} cases[] = {
	    {1000, MESSAGE_CACHED | MESSAGE_TRUE_SIZE, true},
	    {1000, MESSAGE_CACHED | MESSAGE_TRUE_SIZE | MESSAGE_TWIN, true},
	    {1000, MESSAGE_TRUE_SIZE, false},
	    {1000, 0, false},
	    {1000, MESSAGE_CACHED | MESSAGE_TRUE_SIZE | MESSAGE_RESIZED, false},
	    {1000, MESSAGE_CACHED | MESSAGE_TRUE_SIZE | MESSAGE_REPLACED, false},
	    {0, MESSAGE_CACHED | MESSAGE_TRUE_SIZE, false},
	    {256 * KB, MESSAGE_CACHED | MESSAGE_TRUE_SIZE, true},
	    {15 * MB, MESSAGE_CACHED | MESSAGE_TRUE_SIZE, false}, /* not while it may be a jump */
	    {PREFETCH_LARGEST_PUSH + 1, MESSAGE_CACHED | MESSAGE_TRUE_SIZE, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = {maildrop_create(), prefetch_create(PLENTY, PREFETCH_CACHED)};
		struct listing *l = make(3, 1000);

		l->messages[2].fact = cases[i].size << 8 | cases[i].flags;
		maildrop_swap(s.d, l, NULL, NULL, NULL);
		prefetch_opened(s.p, s.d, 1);
		prefetch_opened(s.p, s.d, 2);
		assert_int_equal(prefetch_next(s.p, s.d), cases[i].pushed ? 3 : 0);
		end(&s);
	}
}

/* Small ones, then one that is larger than all that was small until now. */
static void the_largest_is_pushed_as_soon_as_there_is_room(void **state)
{
	static const struct {
		uint64_t octets, large; /* the bound, and the one that is large */
		int64_t pushed_at;      /* the step at which it is pushed; 0: never */
	} cases[] = {
	    {32 * MB, 15 * MB, 5}, /* the widest window, and all before it and it fit */
	    {32 * MB, PREFETCH_LARGEST_PUSH, 16}, {32 * MB, PREFETCH_LARGEST_PUSH + 1, 0},
	    {16 * MB, 15 * MB, 169},
	    {16 * MB, PREFETCH_LARGEST_PUSH, 179}, /* nothing else is ahead */
	    {8 * MB, 15 * MB, 0},                  /* more than the bound */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = {
		    maildrop_create(), prefetch_create(cases[i].octets, PREFETCH_CACHED)};
		struct listing *l = make(COUNT, 100 * KB);
		int64_t at = 0, next;

		for (size_t k = 0; k < COUNT; k++)
			l->messages[k].fact |= MESSAGE_CACHED | MESSAGE_TRUE_SIZE;
		l->messages[179].fact = cases[i].large << 8 | MESSAGE_CACHED | MESSAGE_TRUE_SIZE;
		maildrop_swap(s.d, l, NULL, NULL, NULL);
		for (int64_t id = 1; id <= 180; id++) {
			prefetch_opened(s.p, s.d, id);
			while ((next = prefetch_next(s.p, s.d)) != 0)
				if (next == 180)
					at = id;
		}
		assert_int_equal(at, cases[i].pushed_at);
		end(&s);
	}
}

static void never_more_than_the_bound_is_ahead(void **state)
{
	static const struct {
		uint64_t size, octets;
		int64_t ahead; /* messages, when the window is as wide as it gets */
	} cases[] = {
	    {100 * KB, 0, 0},
	    {100 * KB, 99 * KB, 0}, /* one message is more */
	    {100 * KB, 100 * KB, 1},
	    {100 * KB, 1 * MB, 10},
	    {3 * MB, 4 * MB, 1}, /* more than the first window */
	    {1 * MB, 8 * MB, 8},
	    {0, 8 * MB, 16384}, /* LIST had no size */
	    {10, PLENTY, 16384},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = begin(20000, cases[i].size, cases[i].octets);
		int64_t most = 0;
		size_t count;

		for (int64_t id = 1; id <= 1500; id++) {
			int64_t first = first_after(&s, id, 1, &count);

			if (first && first + (int64_t)count - 1 - id > most)
				most = first + (int64_t)count - 1 - id;
		}
		assert_int_equal(most, cases[i].ahead);
		end(&s);
	}
}

static void a_stalled_reader_gets_no_more(void **state)
{
	struct scene s = begin(COUNT, 100 * KB, 1 * MB);
	struct listing *l = maildrop_listing(s.d);
	size_t count;

	for (int64_t id = 1; id <= 10; id++)
		first_after(&s, id, 1, &count);
	for (size_t i = 0; i < 20; i++) /* all that was asked for is stored */
		message_set_body(l, &l->messages[i], 101 * KB, 1, 1, true);
	assert_int_equal(prefetch_next(s.p, s.d), 0);
	end(&s);
}

/* Or each message of a long row would go its way through all threads alone. */
static void a_full_window_is_filled_again_when_a_quarter_is_free(void **state)
{
	static const struct {
		uint64_t size, octets;
		size_t full, lot; /* messages: how many are ahead, how many come at once */
	} cases[] = {
	    {100 * KB, 1 * MB, 10, 3},
	    {1 * MB, 64 * MB, 64, 16},
	    {40 * MB, 64 * MB, 1, 1}, /* there is never less free */
	    {10, PLENTY, 16384, 4096},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = begin(40000, cases[i].size, cases[i].octets);
		size_t count = 0, ahead = 0, lots = 0;

		for (int64_t id = 1; id <= 13000; id++) {
			bool was_full = ahead == cases[i].full;

			ahead -= ahead > 0;
			first_after(&s, id, 1, &count);
			ahead += count;
			assert_in_range(ahead, 0, cases[i].full);
			if (was_full || count == 0 || lots == 0) {
				lots += ahead == cases[i].full;
				continue;
			}
			assert_int_equal(count, cases[i].lot);
			assert_int_equal(ahead, cases[i].full);
		}
		assert_true(lots > 0);
		end(&s);
	}
}

static void the_cached_and_the_unlinked_are_passed_over(void **state)
{
	struct scene s = begin(COUNT, LARGE, MORE);
	struct listing *l = maildrop_listing(s.d);

	message_set_body(l, &l->messages[2], 1, 1, 1, true); /* id 3 */
	maildrop_unlink(s.d, &l->messages[4]);               /* id 5 */
	prefetch_opened(s.p, s.d, 1);
	prefetch_opened(s.p, s.d, 2);
	assert_int_equal(prefetch_next(s.p, s.d), 4);
	assert_int_equal(prefetch_next(s.p, s.d), 6);
	assert_int_equal(prefetch_next(s.p, s.d), 0);
	end(&s);
}

static void what_is_cached_far_ahead_is_not_walked_through(void **state)
{
	struct scene s = begin(20000, KB, PLENTY);
	struct listing *l = maildrop_listing(s.d);
	int64_t id, first;
	size_t count;

	for (size_t i = 0; i < 17000; i++)
		message_set_body(l, &l->messages[i], KB, 1, 1, true);
	first_after(&s, 1, 1, &count);
	first_after(&s, 2, 1, &count);
	assert_int_equal(count, 0);
	for (id = 3; (first = first_after(&s, id, 1, &count)) == 0; id++)
		assert_true(id < 17000);
	assert_in_range(id, 17001 - 16384, 17001 - 16384 * 3 / 4);
	assert_int_equal(first, 17001);
	end(&s);
}

static void several_readers_each_have_their_window(void **state)
{
	struct scene s = begin(COUNT, LARGE, MORE);
	size_t count;

	first_after(&s, 10, 1, &count);
	first_after(&s, 100, 1, &count);
	first_after(&s, 200, 1, &count);
	assert_int_equal(first_after(&s, 11, 1, &count), 12);
	assert_int_equal(first_after(&s, 101, 1, &count), 102);
	assert_int_equal(first_after(&s, 201, 1, &count), 202);
	assert_int_equal(first_after(&s, 12, 1, &count), 14);
	/* too many others, and the one not heard of for longest is forgotten */
	for (int64_t id = 300; id < 330; id += 10)
		first_after(&s, id, 1, &count);
	assert_int_equal(first_after(&s, 13, 1, &count), 33);
	assert_int_equal(first_after(&s, 102, 1, &count), 0);
	end(&s);
}

static void failures_close_the_window(void **state)
{
	struct scene s = begin(COUNT, LARGE, MORE);
	size_t count;

	for (int64_t id = 1; id <= 3; id++) /* a window of 16 MB */
		first_after(&s, id, 1, &count);
	for (int i = 0; i < 3; i++)
		prefetch_failed(s.p);
	first_after(&s, 4, 1, &count); /* 16 MB again: one place was left */
	assert_int_equal(count, 1);
	for (int i = 0; i < 4; i++)
		prefetch_failed(s.p);
	first_after(&s, 5, 1, &count); /* it opens anew, and so much is ahead already */
	assert_int_equal(count, 0);
	first_after(&s, 95, 1, &count);
	assert_int_equal(count, 0); /* a jump, and 0 ahead */
	first_after(&s, 96, 1, &count);
	assert_int_equal(count, 2);
	end(&s);
}

static void a_new_listing_begins_anew(void **state)
{
	struct scene s = begin(COUNT, LARGE, MORE);
	size_t count;

	for (int64_t id = 10; id <= 13; id++)
		first_after(&s, id, 1, &count);
	maildrop_swap(s.d, make(12, 100 * KB), NULL, NULL, NULL);
	assert_int_equal(prefetch_next(s.p, s.d), 0);
	assert_int_equal(first_after(&s, 9, 1, &count), 0);
	assert_int_equal(first_after(&s, 10, 1, &count), 11);
	end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sequence_opens_a_window_and_nothing_else_does),
	    cmocka_unit_test(what_was_pushed_is_passed_over_unseen),
	    cmocka_unit_test(only_what_is_verified_and_small_is_pushed),
	    cmocka_unit_test(the_largest_is_pushed_as_soon_as_there_is_room),
	    cmocka_unit_test(never_more_than_the_bound_is_ahead),
	    cmocka_unit_test(a_stalled_reader_gets_no_more),
	    cmocka_unit_test(a_full_window_is_filled_again_when_a_quarter_is_free),
	    cmocka_unit_test(the_cached_and_the_unlinked_are_passed_over),
	    cmocka_unit_test(what_is_cached_far_ahead_is_not_walked_through),
	    cmocka_unit_test(several_readers_each_have_their_window),
	    cmocka_unit_test(failures_close_the_window),
	    cmocka_unit_test(a_new_listing_begins_anew),
	};

	return cmocka_run_group_tests_name("prefetch", tests, NULL, NULL);
}
