#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "alloc.h"
#include "bodies.h"
#include "clock.h"
#include "pins.h"
#include "room.h"
#include "shelf.h"
#include "storage.h"

#define DAY  86400
#define SIZE 1000 /* octets of each body */

struct bench {
	struct storage *storage;
	struct queues queues;
	struct listing *listing;
	struct room room;
};

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);

	*state = b;
	queue_init(&b->queues.events);
	b->queues.pins = pins_create();
	b->listing = listing_create(0, 0);
	return storage_setup((void **)&b->storage);
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct event *e;
	int result;

	while ((e = (struct event *)queue_take(&b->queues.events)))
		event_free(e);
	queue_finish(&b->queues.events);
	pins_free(b->queues.pins);
	shelf_free(b->queues.shelf);
	listing_drop(b->listing);
	result = storage_teardown((void **)&b->storage);
	free(b);
	return result;
}

static void begin(struct bench *b, struct room_plan plan)
{
	plan.bounded = true;
	assert_int_equal(room_init(&b->room, &plan, b->storage->store, &b->queues,
			     (struct listing *const *)&b->listing, NULL),
	    OK);
}

/* A body of SIZE octets, last used then. */
static int64_t store(struct bench *b, const char *uidl, int64_t used)
{
	static char octets[SIZE];
	int64_t id = storage_message(b->storage, uidl);
	struct body whole = {.size = SIZE, .chunks = 1};
	CLEANUP(freep) char *sql = NULL;

	assert_int_equal(
	    bodies_add(b->storage->store, id, 0, slice_make(octets, SIZE), 0, NULL), OK);
	assert_int_equal(bodies_complete(b->storage->store, id, &whole, NULL), OK);
	sql = xasprintf(
	    "UPDATE message SET used = %lld WHERE id = %lld", (long long)used, (long long)id);
	storage_run(b->storage, sql);
	return id;
}

static void make(struct bench *b)
{
	room_look(&b->room);
	while (room_make(&b->room))
		continue;
}

static bool is_kept(struct bench *b, int64_t id)
{
	CLEANUP(freep)
	char *sql =
	    xasprintf("SELECT chunks IS NOT NULL FROM message WHERE id = %lld", (long long)id);

	return storage_number(b->storage, sql) != 0;
}

/* The fs thread hears of all that left. */
static size_t hear(struct bench *b)
{
	struct event *e;
	size_t count = 0;

	while ((e = (struct event *)queue_take(&b->queues.events))) {
		assert_int_equal(e->kind, EVENT_EVICTED);
		pins_left(b->queues.pins, e->id);
		event_free(e);
		count++;
	}
	return count;
}

static void the_least_used_go_until_all_fit(void **state)
{
	struct bench *b = *state;
	int64_t ids[6];

	for (size_t i = 0; i < 6; i++)
		ids[i] = store(
		    b, (char[]){(char)('a' + i), 0}, 100 + (int64_t)(i * 7 % 6)); /* 0 1 2 3 4 5 */
	begin(b, (struct room_plan){.cache_size = 3 * SIZE + 1});
	make(b);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(is_kept(b, ids[i]), i >= 3);
	assert_int_equal(hear(b), 3);
	assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM chunk"), 3);
	assert_int_equal(
	    storage_number(b->storage, "SELECT count(*) FROM message WHERE size = 1000"), 6);

	/* what comes later is counted, too */
	ids[0] = store(b, "later", 200);
	make(b);
	assert_true(is_kept(b, ids[0]));
	assert_false(is_kept(b, ids[3]));
	assert_int_equal(hear(b), 1);
}

static void many_leave_in_many_transactions(void **state)
{
	struct bench *b = *state;
	char name[8];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		store(b, name, i);
	}
	begin(b, (struct room_plan){.cache_size = SIZE});
	room_look(&b->room);
	assert_true(room_make(&b->room));
	assert_true(hear(b) < 50);
	make(b);
	assert_int_equal(
	    storage_number(b->storage, "SELECT min(used) FROM message WHERE chunks IS NOT NULL"),
	    99);
	hear(b);
}

static void what_is_held_or_deleted_stays_and_the_next_goes(void **state)
{
	struct bench *b = *state;
	int64_t held = store(b, "held", 1), deleted = store(b, "deleted", 2),
		next = store(b, "next", 3);
	CLEANUP(freep)
	char *sql = xasprintf(
	    "INSERT INTO intention VALUES(%lld, 0, 1, 1, 0, x'61', 1, NULL)", (long long)deleted);

	storage_run(b->storage, sql);
	assert_true(pins_hold(b->queues.pins, held));
	begin(b, (struct room_plan){.cache_size = 2 * SIZE});
	make(b);
	assert_true(is_kept(b, held) && is_kept(b, deleted));
	assert_false(is_kept(b, next));
	assert_false(pins_hold(b->queues.pins, next));
	assert_int_equal(hear(b), 1);
	assert_true(pins_hold(b->queues.pins, next));

	/* who lets go says so, once there is too much */
	store(b, "more", 4);
	assert_true(
	    pins_hold(b->queues.pins, storage_number(b->storage, "SELECT max(id) FROM message")));
	make(b);
	assert_int_equal(hear(b), 0);
	assert_true(pins_let_go(b->queues.pins, held));
	room_spare(&b->room, held);
	make(b);
	assert_false(is_kept(b, held));
}

static void the_vanished_go_first_and_after_their_time(void **state)
{
	struct bench *b = *state;
	int64_t now = clock_seconds(), used = store(b, "used", 1), fresh, old;
	CLEANUP(freep) char *sql = NULL;

	fresh = store(b, "fresh", now);
	old = store(b, "old", now);
	sql = xasprintf(
	    "UPDATE message SET vanished = CASE id WHEN %lld THEN %lld WHEN %lld THEN %lld END",
	    (long long)fresh, (long long)now - 2 * DAY, (long long)old, (long long)now - 31 * DAY);
	storage_run(b->storage, sql);
	begin(b, (struct room_plan){.keep_vanished_s = 30 * DAY});
	make(b);
	assert_true(is_kept(b, used) && is_kept(b, fresh));
	assert_false(is_kept(b, old));
	hear(b);
	begin(b, (struct room_plan){.keep_vanished_s = 30 * DAY, .cache_size = SIZE});
	make(b);
	assert_true(is_kept(b, used));
	assert_false(is_kept(b, fresh));
}

static void on_a_disk_that_is_short_nothing_stays(void **state)
{
	struct bench *b = *state;
	int64_t id = store(b, "a", 1);

	b->queues.shelf =
	    shelf_create(1 << 20, b->storage->directory, (struct shelf_place){NULL, NULL});
	begin(b, (struct room_plan){.cache_min_free = UINT64_MAX});
	assert_false(room_keeps(&b->room, 1));
	make(b);
	assert_false(is_kept(b, id));
}

static void what_does_not_fit_goes_onto_the_shelf(void **state)
{
	static const struct {
		struct room_plan plan;
		uint64_t octets;
		bool kept;
	} cases[] = {
	    {{.cache_size = 0}, 1 << 20, true},
	    {{.cache_size = 1000}, 1000, true},
	    {{.cache_size = 1000}, 1001, false},
	    {{.nocache = true}, 1, false},
	    {{.cache_min_free = UINT64_MAX}, 0, false},
	    {{.cache_min_free = 0}, UINT64_MAX / 2, false},
	};
	struct bench *b = *state;

	begin(b, (struct room_plan){.nocache = true});
	assert_true(room_keeps(&b->room, 1)); /* where there is no shelf */
	b->queues.shelf =
	    shelf_create(1 << 20, b->storage->directory, (struct shelf_place){NULL, NULL});
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		storage_run(b->storage, "DROP TABLE IF EXISTS temp.total");
		storage_run(b->storage, "DROP TRIGGER IF EXISTS temp.count_bodies");
		begin(b, cases[i].plan);
		assert_int_equal(room_keeps(&b->room, cases[i].octets), cases[i].kept);
	}
}

/* The disk is asked once: what a batch puts there it does not see before. */
static void what_a_batch_keeps_is_no_room_for_the_next_body_of_it(void **state)
{
	struct bench *b = *state;
	uint64_t octets; /* some three quarters of what bodies may have */
	struct statvfs st;

	assert_int_equal(statvfs(b->storage->path, &st), 0);
	octets = (uint64_t)st.f_bavail * st.f_frsize / 8 * 3;
	b->queues.shelf =
	    shelf_create(1 << 20, b->storage->directory, (struct shelf_place){NULL, NULL});
	begin(b, (struct room_plan){.cache_min_free = (uint64_t)st.f_bavail * st.f_frsize / 2});
	for (unsigned batch = 0; batch < 2; batch++) {
		assert_true(room_keeps(&b->room, octets));
		assert_false(room_keeps(&b->room, octets));
		make(b);
	}
}

static void a_body_on_the_shelf_goes_when_it_is_let_go(void **state)
{
	struct bench *b = *state;

	b->queues.shelf =
	    shelf_create(1 << 20, b->storage->directory, (struct shelf_place){NULL, NULL});
	begin(b, (struct room_plan){.nocache = true});
	for (int64_t id = 1; id <= 3; id++) {
		shelf_begin(b->queues.shelf, id);
		assert_int_equal(shelf_add(b->queues.shelf, id, 0, slice_of("abc"), 7, NULL), OK);
	}
	assert_true(shelf_complete(b->queues.shelf, 1, 3));
	assert_true(shelf_complete(b->queues.shelf, 2, 3));
	assert_true(pins_hold(b->queues.pins, 2));
	for (int64_t id = 1; id <= 3; id++)
		room_spare(&b->room, id);
	assert_false(shelf_has(b->queues.shelf, 1));
	assert_true(shelf_has(b->queues.shelf, 2)); /* held */
	assert_true(shelf_has(b->queues.shelf, 3)); /* still coming */
	assert_int_equal(hear(b), 1);
}

/* It is in the log, or there is nothing to be done now: the next one that comes looks again. */
static void what_cannot_leave_is_told_and_stays(void **state)
{
	static const struct {
		const char *sql;
		uint64_t owed; /* afterwards, of 500 */
	} cases[] = {
	    {"CREATE TEMP TRIGGER no BEFORE DELETE ON main.chunk BEGIN "
	     "SELECT raise(ABORT, 'tired'); END",
		500},
	    {"CREATE TEMP TRIGGER no BEFORE DELETE ON main.chunk BEGIN "
	     "INSERT INTO fact VALUES('x', hex(zeroblob(100000))); END",
		0},
	};
	struct bench *b = *state;
	int64_t id = store(b, "a", 1);
	CLEANUP(freep)
	char *full = xasprintf("PRAGMA max_page_count = %lld",
	    (long long)storage_number(b->storage, "PRAGMA page_count"));

	storage_run(b->storage, full);
	begin(b, (struct room_plan){.cache_size = 0});
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		storage_run(b->storage, cases[i].sql);
		b->room.owed = 500;
		room_look(&b->room);
		assert_false(room_make(&b->room));
		assert_int_equal(b->room.owed, cases[i].owed);
		assert_true(is_kept(b, id));
		assert_int_equal(hear(b), 1); /* so that it can be opened again */
		storage_run(b->storage, "DROP TRIGGER no");
	}
}

static void a_disk_that_cannot_be_asked_is_not_short(void **state)
{
	struct bench *b = *state;

	b->queues.shelf =
	    shelf_create(1 << 20, b->storage->directory, (struct shelf_place){NULL, NULL});
	begin(b, (struct room_plan){.cache_min_free = 1});
	assert_int_equal(unlink(b->storage->path), 0);
	assert_true(room_keeps(&b->room, 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_least_used_go_until_all_fit, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_leave_in_many_transactions, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_is_held_or_deleted_stays_and_the_next_goes, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		the_vanished_go_first_and_after_their_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(on_a_disk_that_is_short_nothing_stays, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_does_not_fit_goes_onto_the_shelf, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_a_batch_keeps_is_no_room_for_the_next_body_of_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_body_on_the_shelf_goes_when_it_is_let_go, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_leave_is_told_and_stays, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_disk_that_cannot_be_asked_is_not_short, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
