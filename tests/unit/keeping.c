#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "keeping.h"
#include "pins.h"
#include "reader.h"
#include "shelf.h"
#include "storage.h"

#define PIECES 4
#define SIZE   ((PIECES - 1) * CHUNK_OCTETS + 5)

struct bench {
	struct storage *storage;
	struct queues queues;
	struct chores chores;
	int64_t id;
};

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);
	int result = storage_setup((void **)&b->storage);

	*state = b;
	b->id = storage_message(b->storage, "a");
	b->chores.store = b->storage->store;
	b->chores.queues = &b->queues;
	b->chores.listing = listing_create(1, 2);
	b->chores.listing->messages[0].id = b->id;
	strcpy(b->chores.listing->names, "a");
	listing_sort_names(b->chores.listing);
	return result;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	int result;

	shelf_free(b->queues.shelf);
	listing_drop(b->chores.listing);
	result = storage_teardown((void **)&b->storage);
	free(b);
	return result;
}

static void begin(struct bench *b, uint64_t memory, const char *directory, struct room_plan plan)
{
	b->queues.shelf = shelf_create(memory, directory, (struct shelf_place){NULL, NULL});
	assert_int_equal(room_init(&b->chores.room, &plan, b->storage->store, &b->queues,
			     &b->chores.listing, NULL),
	    OK);
}

/* One task in a transaction of its own, as the storer does it. */
static enum error perform(struct bench *b, struct task *t)
{
	struct work w = {.task = t};

	assert_int_equal(store_begin(b->storage->store, NULL), OK);
	if (t->kind == TASK_CHUNK)
		keeping_piece(&b->chores, t, &w.failure);
	else
		keeping_body(&b->chores, &w);
	if (!w.failure.code)
		store_commit(b->storage->store, false, &w.failure);
	if (w.failure.code) {
		store_rollback(b->storage->store);
		keeping_failed(&b->chores, &w);
	}
	if (w.failure.code && t->kind == TASK_BODY)
		keeping_drop(&b->chores, &w);
	if (w.leaves)
		pins_left(b->queues.pins, t->id);
	return w.failure.code;
}

static char octet_at(uint64_t offset)
{
	return (char)('a' + offset % 23);
}

static enum error piece(struct bench *b, uint32_t index)
{
	struct task *t = task_create(TASK_CHUNK);
	enum error error;

	t->id = b->id;
	t->index = index;
	t->len = index < PIECES - 1 ? CHUNK_OCTETS : SIZE % CHUNK_OCTETS;
	t->data = xmalloc(t->len);
	for (size_t i = 0; i < t->len; i++)
		t->data[i] = octet_at((uint64_t)index * CHUNK_OCTETS + i);
	error = perform(b, t);
	task_free(t);
	return error;
}

static enum error body(struct bench *b)
{
	struct task *t = task_create(TASK_BODY);
	enum error error;

	t->id = b->id;
	t->body = xnew(struct body);
	*t->body = (struct body){.size = SIZE, .chunks = PIECES};
	error = perform(b, t);
	task_free(t);
	return error;
}

/* What a reader has who has it open, wherever it is. */
static void check_reader(struct bench *b)
{
	CLEANUP(freep) char *data = xmalloc(SIZE + 1);
	struct reader *r = NULL;

	assert_int_equal(reader_open(&r, b->storage->path, NULL), OK);
	reader_shelf(r, b->queues.shelf);
	assert_int_equal(reader_body(r, b->id, 0, data, SIZE + 1), SIZE);
	for (uint64_t i = 0; i < SIZE; i++)
		if (data[i] != octet_at(i))
			fail_msg("octet %llu differs", (unsigned long long)i);
	reader_close(r);
}

static void check_shelf(struct bench *b)
{
	assert_true(shelf_has_whole(b->queues.shelf, b->id));
	check_reader(b);
	assert_int_equal(
	    storage_number(b->storage, "SELECT count(*) FROM message WHERE chunks > 0"), 0);
}

static void a_body_goes_where_there_is_room(void **state)
{
	static const struct {
		struct room_plan plan;
		bool shelved;
	} cases[] = {
	    {{.cache_size = 0}, false},
	    {{.nocache = true}, true},
	    {{.bounded = true, .cache_min_free = UINT64_MAX}, true},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(b, 1 << 20, b->storage->directory, cases[i].plan);
		for (uint32_t k = 0; k < PIECES; k++)
			assert_int_equal(piece(b, k), OK);
		assert_int_equal(body(b), OK);
		assert_int_equal(shelf_has_whole(b->queues.shelf, b->id), cases[i].shelved);
		if (cases[i].shelved)
			check_shelf(b);
		assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM chunk"),
		    cases[i].shelved ? 0 : PIECES);
		assert_int_equal(storage_number(b->storage, "SELECT size FROM message"), SIZE);
		shelf_free(take(&b->queues.shelf));
	}
}

/* A body that comes in one piece. */
static struct task *whole(struct bench *b, const char *text)
{
	struct task *t = task_create(TASK_BODY);

	t->id = b->id;
	t->data = xstrdup(text);
	t->len = strlen(text);
	t->body = xnew(struct body);
	*t->body = (struct body){.size = t->len, .chunks = 1};
	return t;
}

static enum error keep_whole(struct bench *b, const char *text)
{
	struct task *t = whole(b, text);
	enum error error = perform(b, t);

	task_free(t);
	return error;
}

static void a_small_body_is_kept_in_one_go(void **state)
{
	static const struct {
		bool nocache;
		int64_t pieces;
	} cases[] = {{false, 1}, {true, 0}};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char octets[8];

		begin(b, 1 << 20, b->storage->directory,
		    (struct room_plan){.nocache = cases[i].nocache});
		for (uint32_t k = 0; k < PIECES - 1; k++)
			assert_int_equal(
			    piece(b, k), OK); /* of one that is not whole: in its way */
		assert_int_equal(keep_whole(b, "small"), OK);
		assert_int_equal(
		    storage_number(b->storage, "SELECT count(*) FROM chunk"), cases[i].pieces);
		assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM arriving"), 0);
		assert_int_equal(storage_number(b->storage, "SELECT size FROM message"), 5);
		assert_int_equal(shelf_read(b->queues.shelf, b->id, 0, octets, sizeof(octets)),
		    cases[i].nocache ? 5 : -1);
		shelf_free(take(&b->queues.shelf));
	}
}

static void a_small_body_of_another_length_is_none(void **state)
{
	struct bench *b = *state;

	for (unsigned nocache = 0; nocache <= 1; nocache++) {
		struct task *t = whole(b, "small");

		begin(b, 1 << 20, b->storage->directory, (struct room_plan){.nocache = nocache});
		t->body->size++;
		assert_int_equal(perform(b, t), E_STORE);
		assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM chunk"), 0);
		assert_false(shelf_has_whole(b->queues.shelf, b->id));
		task_free(t);
		shelf_free(take(&b->queues.shelf));
	}
}

/* What is open already would go on with pages of both. */
static void who_opens_a_body_that_is_being_replaced_waits(void **state)
{
	struct bench *b = *state;
	struct message *m = &b->chores.listing->messages[0];

	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
	for (int same = 1; same >= 0; same--) {
		struct work w = {.task = whole(b, "small")};

		assert_int_equal(keep_whole(b, "small"), OK);
		message_set_body(b->chores.listing, m, 5, 0, 0, true);
		w.task->body->sha256[0] = same ? 0 : 1;
		assert_int_equal(store_begin(b->storage->store, NULL), OK);
		assert_int_equal(keeping_body(&b->chores, &w), OK);
		assert_int_equal(w.replaces, !same);
		assert_int_equal((message_flags(m) & MESSAGE_CACHED) != 0, same); /* yet */
		assert_int_equal(store_commit(b->storage->store, false, NULL), OK);
		task_free(w.task);
	}
}

static enum error other_body(struct bench *b)
{
	struct task *t = task_create(TASK_BODY);
	enum error error;

	t->id = b->id;
	t->body = xnew(struct body);
	*t->body = (struct body){.size = SIZE, .chunks = PIECES, .sha256 = {1}};
	error = perform(b, t);
	task_free(t);
	return error;
}

/* However it comes, and wherever the one is that he reads. */
static void who_reads_a_body_keeps_it_from_one_with_other_octets(void **state)
{
	struct bench *b = *state;

	b->queues.pins = pins_create();
	for (unsigned nocache = 0; nocache <= 1; nocache++) {
		struct task *small = whole(b, "small");

		begin(b, 1 << 20, b->storage->directory, (struct room_plan){.nocache = nocache});
		for (uint32_t i = 0; i < PIECES; i++)
			assert_int_equal(piece(b, i), OK);
		assert_int_equal(body(b), OK);
		assert_true(pins_hold(b->queues.pins, b->id));
		for (uint32_t i = 0; i < PIECES; i++)
			assert_int_equal(piece(b, i), OK);
		assert_int_equal(other_body(b), E_LATER);
		check_reader(b);
		small->body->sha256[0] = 1;
		assert_int_equal(perform(b, small), E_LATER);
		check_reader(b);
		for (uint32_t i = 0; i < PIECES; i++)
			assert_int_equal(piece(b, i), OK);
		assert_int_equal(body(b), OK); /* the same octets take nothing from him */
		check_reader(b);

		pins_let_go(b->queues.pins, b->id);
		assert_int_equal(perform(b, small), OK);
		assert_int_equal(storage_number(b->storage, "SELECT size FROM message"), 5);
		assert_int_equal(
		    storage_number(b->storage, "SELECT count(*) FROM chunk"), !nocache);
		task_free(small);
		keeping_discard(&b->chores, b->id, NULL);
		shelf_free(take(&b->queues.shelf));
	}
	pins_free(b->queues.pins);
}

/* Without open nobody is known to read: numbers tell bodies apart there. */
static void where_all_are_held_a_body_makes_way(void **state)
{
	struct bench *b = *state;
	struct task *small = whole(b, "small");

	b->queues.pins = pins_create();
	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
	assert_int_equal(keep_whole(b, "other"), OK);
	assert_true(pins_hold_all(b->queues.pins));
	small->body->sha256[0] = 1;
	assert_int_equal(perform(b, small), OK);
	task_free(small);
	pins_free(b->queues.pins);
}

/* From the shelf or from the database, also where the other one has room by now; and where what
 * comes is not believed. */
static void who_reads_a_body_notices_no_second_copy(void **state)
{
	static const struct {
		bool first_shelved, then_shelved;
		int64_t pieces; /* that the database has in the end */
	} cases[] = {{true, true, 0}, {true, false, 0}, {false, true, 0}, {false, false, PIECES}};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct work w = {.task = whole(b, "small")};

		begin(b, 1 << 20, b->storage->directory,
		    (struct room_plan){.nocache = cases[i].first_shelved});
		for (uint32_t k = 0; k < PIECES; k++)
			assert_int_equal(piece(b, k), OK);
		assert_int_equal(body(b), OK);
		b->chores.room.plan.nocache = cases[i].then_shelved;
		assert_int_equal(piece(b, 0), OK);
		check_reader(b);
		assert_int_equal(
		    keeping_break_off(&b->chores, b->id, NULL), OK); /* the line broke */
		check_reader(b);
		assert_int_equal(keeping_break_off(&b->chores, b->id, NULL), OK);
		check_reader(b);
		w.task->body->unproven = true;
		assert_int_equal(keeping_body(&b->chores, &w), OK);
		assert_true(w.doubted);
		check_reader(b);
		task_free(w.task);
		for (uint32_t k = 0; k < PIECES; k++) {
			assert_int_equal(piece(b, k), OK);
			check_reader(b);
		}
		assert_int_equal(body(b), OK);
		check_reader(b);
		assert_true(keeping_has(&b->chores, b->id));
		assert_int_equal(
		    storage_number(b->storage, "SELECT count(*) FROM chunk"), cases[i].pieces);
		assert_int_equal(keeping_discard(&b->chores, b->id, NULL), OK);
		assert_false(keeping_has(&b->chores, b->id));
		shelf_free(take(&b->queues.shelf));
	}
}

/* The second copy is what makes it whole again, wherever that one comes. */
static void a_damaged_body_leaves_while_another_arrives(void **state)
{
	struct bench *b = *state;

	for (unsigned shelved = 0; shelved <= 1; shelved++) {
		begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
		for (uint32_t k = 0; k < PIECES; k++)
			assert_int_equal(piece(b, k), OK);
		assert_int_equal(body(b), OK);
		b->chores.room.plan.nocache = shelved;
		assert_int_equal(piece(b, 0), OK);
		assert_int_equal(keeping_discard(&b->chores, b->id, NULL), OK);
		assert_false(keeping_has(&b->chores, b->id));
		for (uint32_t k = 1; k < PIECES; k++)
			assert_int_equal(piece(b, k), OK);
		assert_int_equal(body(b), OK);
		check_reader(b);
		assert_int_equal(keeping_discard(&b->chores, b->id, NULL), OK);
		assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM chunk"), 0);
		shelf_free(take(&b->queues.shelf));
	}
}

/* SQLite says FULL when the database may not grow. */
static void fill_the_disk(struct bench *b)
{
	CLEANUP(freep)
	char *sql = xasprintf("PRAGMA max_page_count = %lld",
	    (long long)storage_number(b->storage, "PRAGMA page_count"));

	storage_run(b->storage, sql);
}

static void a_disk_that_is_full_in_the_middle_costs_nothing(void **state)
{
	struct bench *b = *state;

	for (uint32_t full = 0; full < PIECES - 1; full++) { /* the last is small: it may fit */
		begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
		for (uint32_t k = 0; k < PIECES; k++) {
			if (k == full)
				fill_the_disk(b);
			assert_int_equal(piece(b, k), OK);
		}
		assert_int_equal(body(b), OK);
		check_shelf(b);
		shelf_free(take(&b->queues.shelf));
		storage_run(b->storage, "PRAGMA max_page_count = 1000000");
		storage_run(b->storage, "DELETE FROM chunk");
		storage_run(
		    b->storage, "PRAGMA incremental_vacuum"); /* nothing is left to be used again */
	}
}

/* Its doubts come first: no full disk makes it a body that is believed. */
static void a_small_body_goes_onto_the_shelf_of_a_full_disk_unless_it_is_doubted(void **state)
{
	CLEANUP(freep) char *text = xzalloc(CHUNK_OCTETS);
	struct bench *b = *state;

	memset(text, 'x', CHUNK_OCTETS - 1);
	fill_the_disk(b);
	for (unsigned doubted = 0; doubted <= 1; doubted++) {
		struct task *t = whole(b, text);

		begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
		t->body->unproven = doubted;
		assert_int_equal(perform(b, t), OK);
		assert_int_equal(shelf_has_whole(b->queues.shelf, b->id), !doubted);
		task_free(t);
		shelf_free(take(&b->queues.shelf));
	}
	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
	{
		struct work w = {.task = whole(b, text), .doubted = true};

		w.failure.code = E_FULL;
		keeping_failed(&b->chores, &w);
		assert_int_equal(w.failure.code, E_FULL);
		assert_false(shelf_has(b->queues.shelf, b->id));
		task_free(w.task);
	}
}

static void what_is_no_body_does_not_go_onto_the_shelf(void **state)
{
	static const enum task_kind kinds[] = {TASK_UNLINK, TASK_HEADER, TASK_SYNC, TASK_DISCARD};
	struct bench *b = *state;

	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct work w = {.task = task_create(kinds[i])};

		w.task->id = b->id;
		w.failure.code = E_FULL;
		keeping_failed(&b->chores, &w);
		assert_int_equal(w.failure.code, E_FULL);
		assert_false(shelf_has(b->queues.shelf, b->id));
		task_free(w.task);
	}
}

static void where_nothing_has_room_the_body_tells_and_the_next_may_come(void **state)
{
	struct bench *b = *state;

	setenv("TMPDIR", "/nonexistent", 1);
	begin(b, 2 * CHUNK_OCTETS, "/nonexistent", (struct room_plan){.nocache = true});
	assert_int_equal(piece(b, 0), OK);
	assert_int_equal(piece(b, 1), OK);
	assert_int_equal(piece(b, 2), E_FULL);
	assert_int_equal(piece(b, 3), OK); /* passed over */
	assert_int_equal(body(b), E_FULL);
	assert_false(shelf_has(b->queues.shelf, b->id));
	unsetenv("TMPDIR");
	shelf_free(b->queues.shelf);
	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.nocache = true});
	for (uint32_t k = 0; k < PIECES; k++)
		assert_int_equal(piece(b, k), OK);
	assert_int_equal(body(b), OK);
	check_shelf(b);
}

static void under_nocache_no_header_is_stored(void **state)
{
	struct bench *b = *state;
	struct task *t = task_create(TASK_HEADER);
	char octets[8];

	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.nocache = true});
	t->id = b->id;
	t->learnt = xzalloc(sizeof(*t->learnt) + 4);
	memcpy(t->learnt->text, "a: b", 4);
	t->learnt->len = 4;
	keeping_header(&b->chores, t);
	task_free(t);
	assert_int_equal(
	    shelf_read(b->queues.shelf, SHELF_HEADER(b->id), 0, octets, sizeof(octets)), 4);
	assert_memory_equal(octets, "a: b", 4);
	assert_int_equal(storage_number(b->storage, "SELECT count(*) FROM header"), 0);
}

/* Neither the disk nor the shelf takes the rest of it. */
static void a_body_that_neither_disk_nor_shelf_takes_tells(void **state)
{
	struct bench *b = *state;

	setenv("TMPDIR", "/nonexistent", 1);
	begin(b, 0, "/nonexistent", (struct room_plan){.cache_size = 0});
	assert_int_equal(piece(b, 0), OK);
	fill_the_disk(b);
	assert_int_equal(piece(b, 1), E_FULL);
	assert_false(shelf_has(b->queues.shelf, b->id));
	assert_int_equal(body(b), E_FULL);
	unsetenv("TMPDIR");
}

static void a_body_on_the_shelf_that_lacks_a_piece_is_no_body(void **state)
{
	struct bench *b = *state;
	struct work w = {.task = task_create(TASK_BODY)};

	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.nocache = true});
	for (uint32_t k = 0; k < PIECES - 1; k++)
		assert_int_equal(piece(b, k), OK);
	assert_int_equal(body(b), E_STORE);
	assert_false(shelf_has(b->queues.shelf, b->id));

	/* where the database cannot be written, it leaves the shelf at least */
	assert_int_equal(piece(b, 0), OK);
	assert_int_equal(store_begin(b->storage->store, NULL), OK);
	w.task->id = b->id;
	keeping_drop(&b->chores, &w);
	store_rollback(b->storage->store);
	assert_false(shelf_has(b->queues.shelf, b->id));
	task_free(w.task);
}

/* What is whole on the shelf and could not be said of the message is nobody's: a whole one in the
 * database is, and stays. */
static void a_full_disk_leaves_the_body_that_there_is(void **state)
{
	CLEANUP(freep) char *text = xzalloc(CHUNK_OCTETS);
	struct bench *b = *state;

	memset(text, 'x', CHUNK_OCTETS - 1);
	begin(b, 1 << 20, b->storage->directory, (struct room_plan){.cache_size = 0});
	for (uint32_t k = 0; k < PIECES; k++)
		assert_int_equal(piece(b, k), OK);
	assert_int_equal(body(b), OK);
	storage_run(b->storage, "CREATE TRIGGER full BEFORE UPDATE OF size ON message "
				"BEGIN SELECT RAISE(FAIL, 'full'); END");
	for (unsigned nocache = 0; nocache <= 1; nocache++) {
		struct work w = {.task = whole(b, text)};

		b->chores.room.plan.nocache = nocache;
		assert_int_equal(store_begin(b->storage->store, NULL), OK);
		assert_int_not_equal(keeping_body(&b->chores, &w), OK);
		store_rollback(b->storage->store);
		w.failure.code = E_FULL;
		keeping_failed(&b->chores, &w);
		assert_int_equal(w.failure.code, E_FULL);
		keeping_drop(&b->chores, &w);
		assert_false(shelf_has(b->queues.shelf, b->id));
		check_reader(b);
		task_free(w.task);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_body_goes_where_there_is_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_small_body_is_kept_in_one_go, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_small_body_of_another_length_is_none, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		who_opens_a_body_that_is_being_replaced_waits, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_small_body_goes_onto_the_shelf_of_a_full_disk_unless_it_is_doubted, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		a_disk_that_is_full_in_the_middle_costs_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		where_nothing_has_room_the_body_tells_and_the_next_may_come, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_is_no_body_does_not_go_onto_the_shelf, setup, teardown),
	    cmocka_unit_test_setup_teardown(under_nocache_no_header_is_stored, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		who_reads_a_body_notices_no_second_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_damaged_body_leaves_while_another_arrives, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		who_reads_a_body_keeps_it_from_one_with_other_octets, setup, teardown),
	    cmocka_unit_test_setup_teardown(where_all_are_held_a_body_makes_way, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_full_disk_leaves_the_body_that_there_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_body_that_neither_disk_nor_shelf_takes_tells, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_body_on_the_shelf_that_lacks_a_piece_is_no_body, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
