#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "checking.h"
#include "chores.h"
#include "journal.h"
#include "merge.h"
#include "pins.h"
#include "spoken.h"
#include "storage.h"

/* The store thread's work without its thread: what it tells stands in the queues at once. */
struct bench {
	struct storage *storage;
	struct queues queues;
	struct chores chores;
	int64_t id; /* of a message that is listed, "a" */
};

static int setup(void **state)
{
	struct bench *b = xzalloc(sizeof(*b));

	*state = b;
	queue_init(&b->queues.jobs);
	queue_init(&b->queues.tasks);
	queue_init(&b->queues.events);
	if (storage_setup((void **)&b->storage) != 0)
		return -1;
	b->id = storage_message(b->storage, "a");
	b->chores.store = b->storage->store;
	b->chores.queues = &b->queues;
	if (room_init(
		&b->chores.room, NULL, b->storage->store, &b->queues, &b->chores.listing, NULL))
		return -1;
	return merge_load(b->storage->store, &b->chores.listing, NULL) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	assert_null(queue_take(&b->queues.jobs)); /* all that was told was wanted */
	assert_null(queue_take(&b->queues.events));
	queue_finish(&b->queues.jobs);
	queue_finish(&b->queues.tasks);
	queue_finish(&b->queues.events);
	listing_drop(b->chores.listing);
	storage_teardown((void **)&b->storage);
	free(b);
	return 0;
}

static struct job *told_session(struct bench *b, enum job_kind kind)
{
	struct job *j = (struct job *)queue_take(&b->queues.jobs);

	assert_non_null(j);
	assert_int_equal(j->kind, kind);
	return j;
}

static struct event *told_fs(struct bench *b, enum event_kind kind)
{
	struct event *e = (struct event *)queue_take(&b->queues.events);

	assert_non_null(e);
	assert_int_equal(e->kind, kind);
	return e;
}

/* A task from its transaction to what is told of it; gives the failure. */
static enum error perform(struct bench *b, struct task *t)
{
	struct work w = {.task = t};
	enum error error;

	assert_int_equal(store_begin(b->chores.store, NULL), OK);
	error = work_perform(&b->chores, &w);
	assert_int_equal(error, w.failure.code);
	if (error) {
		store_rollback(b->chores.store);
		work_forget(&w);
		work_failed(&b->chores, &w);
	} else {
		assert_int_equal(store_commit(b->chores.store, false, NULL), OK);
	}
	work_tell(&b->chores, &w);
	work_told(&b->chores);
	work_forget(&w);
	task_free(t);
	return error;
}

static struct task *about(enum task_kind kind, int64_t id)
{
	struct task *t = task_create(kind);

	t->id = id;
	t->cookie = 4711;
	return t;
}

static enum error add_piece(struct bench *b, int64_t id, uint32_t index, const char *text)
{
	struct task *t = about(TASK_CHUNK, id);

	t->index = index;
	t->len = strlen(text);
	t->data = xstrdup(text);
	return perform(b, t);
}

static enum error end_body(struct bench *b, int64_t id, uint32_t chunks, uint64_t size)
{
	struct task *t = about(TASK_BODY, id);

	t->body = xzalloc(sizeof(*t->body));
	t->body->chunks = chunks;
	t->body->size = size;
	t->body->header = 2;
	return perform(b, t);
}

static void expect_kept(struct bench *b, enum error code)
{
	struct job *j = told_session(b, JOB_KEPT);

	assert_int_equal(j->id, b->id);
	assert_int_equal(j->failure.code, code);
	job_free(j);
}

static void expect_fs(struct bench *b, enum event_kind kind, enum error code)
{
	struct event *e = told_fs(b, kind);

	assert_int_equal(e->failure.code, code);
	event_free(e);
}

/* What is known of its body. */
static unsigned flags(struct bench *b)
{
	return message_flags(listing_by_id(b->chores.listing, b->id)) &
	       (MESSAGE_TRUE_SIZE | MESSAGE_CACHED);
}

static int64_t rows(struct bench *b, const char *table)
{
	CLEANUP(freep) char *sql = xasprintf("SELECT count(*) FROM %s", table);

	return storage_number(b->storage, sql);
}

static void what_must_be_on_disk_before_it_is_told(void **state)
{
	static const struct {
		enum task_kind kind;
		bool durable, alone;
	} cases[] = {
	    {TASK_CHUNK, false, false},
	    {TASK_BODY, false, false},
	    {TASK_DISCARD, false, false},
	    {TASK_DAMAGED, false, false},
	    {TASK_MERGE, false, true},
	    {TASK_PUBLISH, false, true},
	    {TASK_INTENTIONS, false, false},
	    {TASK_MARK, true, false}, /* before any DELE goes out */
	    {TASK_OUTCOMES, false, false},
	    {TASK_REMEMBER, false, false},
	    {TASK_UNDELETE, true, false}, /* it must not be deleted after a crash */
	    {TASK_SYNC, true, false},
	    {TASK_END, true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct task *t = task_create(cases[i].kind);

		assert_int_equal(task_durable(t), cases[i].durable);
		assert_int_equal(task_alone(t), cases[i].alone);
		task_free(t);
	}
}

static void a_body_is_in_the_cache_when_its_end_is_told(void **state)
{
	struct bench *b = *state;

	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(add_piece(b, b->id, 1, "de"), OK);
	assert_int_equal(flags(b), 0);
	assert_int_equal(end_body(b, b->id, 2, 5), OK);
	expect_kept(b, OK);
	expect_fs(b, EVENT_FETCHED, OK);
	assert_int_equal(flags(b), MESSAGE_TRUE_SIZE | MESSAGE_CACHED);
	assert_int_equal(message_size(listing_by_id(b->chores.listing, b->id)), 5);
}

/* As long as there is another one. */
static void a_body_that_begins_anew_takes_none_out_of_the_cache(void **state)
{
	struct bench *b = *state;

	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(end_body(b, b->id, 1, 3), OK);
	expect_kept(b, OK);
	expect_fs(b, EVENT_FETCHED, OK);
	assert_int_equal(add_piece(b, b->id, 0, "ab"), OK);
	assert_int_equal(flags(b), MESSAGE_TRUE_SIZE | MESSAGE_CACHED);
	assert_int_equal(perform(b, about(TASK_DISCARD, b->id)), OK);
	assert_int_equal(rows(b, "chunk"), 1);
	assert_int_equal(flags(b), MESSAGE_TRUE_SIZE | MESSAGE_CACHED);
	assert_int_equal(perform(b, about(TASK_DAMAGED, b->id)), OK);
	assert_int_equal(rows(b, "chunk"), 0);
	assert_int_equal(flags(b), MESSAGE_TRUE_SIZE);
}

/* The event that the old one was left comes first: who waits for the new one opens it behind both.
 */
static void a_body_with_other_octets_waits_until_nobody_reads_the_one_before(void **state)
{
	static const struct {
		bool read;
		enum error code;
		unsigned flags;
	} cases[] = {
	    {true, E_LATER, 0},
	    {false, OK, MESSAGE_REPLACED},
	};
	struct bench *b = *state;

	b->queues.pins = pins_create();
	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(end_body(b, b->id, 1, 3), OK);
	expect_kept(b, OK);
	expect_fs(b, EVENT_FETCHED, OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct task *t = about(TASK_BODY, b->id);

		if (!cases[i].read)
			pins_let_go(b->queues.pins, b->id); /* as whoever hears EVENT_FETCHED */
		t->body = xzalloc(sizeof(*t->body));
		t->body->chunks = 1;
		t->body->size = 3;
		t->body->sha256[0] = 1;
		assert_int_equal(add_piece(b, b->id, 0, "xyz"), OK);
		assert_int_equal(perform(b, t), cases[i].code);
		expect_kept(b, cases[i].code);
		if (!cases[i].read) {
			assert_false(pins_hold(b->queues.pins, b->id));
			expect_fs(b, EVENT_EVICTED, OK);
			pins_left(b->queues.pins, b->id);
		}
		expect_fs(b, EVENT_FETCHED, cases[i].code);
		assert_int_equal(flags(b), MESSAGE_TRUE_SIZE | MESSAGE_CACHED);
		assert_int_equal(
		    message_flags(listing_by_id(b->chores.listing, b->id)) & MESSAGE_REPLACED,
		    cases[i].flags);
		assert_int_equal(rows(b, "chunk WHERE data = CAST('abc' AS BLOB)"), cases[i].read);
		assert_int_equal(rows(b, "chunk"), 1);
	}
	pins_free(b->queues.pins);
}

/* The failure of one piece is told once, at the body's end, and no other piece is kept. */
static void a_piece_that_is_lost_spoils_its_body(void **state)
{
	struct bench *b = *state;
	int64_t other = storage_message(b->storage, "b");

	storage_run(b->storage, "CREATE TRIGGER no BEFORE INSERT ON chunk WHEN NEW.data = "
				"CAST('bad' AS BLOB) BEGIN SELECT raise(ABORT, 'tired'); END");
	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(add_piece(b, b->id, 1, "bad"), E_STORE);
	assert_int_equal(add_piece(b, b->id, 2, "ghi"), OK);
	assert_int_equal(rows(b, "chunk"), 1);
	assert_int_equal(add_piece(b, other, 0, "xyz"), OK); /* others go on */
	assert_int_equal(end_body(b, b->id, 3, 9), E_STORE);
	expect_kept(b, E_STORE);
	expect_fs(b, EVENT_FETCHED, E_STORE);
	assert_int_equal(flags(b), 0);
	assert_int_equal(rows(b, "chunk"), 1); /* what there was of it is dropped */
	/* and the next time it may succeed */
	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(end_body(b, b->id, 1, 3), OK);
	expect_kept(b, OK);
	expect_fs(b, EVENT_FETCHED, OK);
}

static void a_body_that_cannot_replace_another_leaves_that_one(void **state)
{
	struct bench *b = *state;
	struct task *t = about(TASK_BODY, b->id);

	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(end_body(b, b->id, 1, 3), OK);
	expect_kept(b, OK);
	expect_fs(b, EVENT_FETCHED, OK);
	storage_run(b->storage, "CREATE TRIGGER no BEFORE INSERT ON chunk "
				"BEGIN SELECT raise(ABORT, 'tired'); END");
	t->data = xstrdup("abc");
	t->len = 3;
	t->body = xzalloc(sizeof(*t->body));
	t->body->chunks = 1;
	t->body->size = 3;
	assert_int_equal(perform(b, t), E_STORE);
	expect_kept(b, E_STORE);
	expect_fs(b, EVENT_FETCHED, E_STORE);
	assert_int_equal(flags(b), MESSAGE_TRUE_SIZE | MESSAGE_CACHED);
	assert_int_equal(rows(b, "chunk"), 1);
}

/* A step at a time: between two of them other tasks have their turn. */
static struct event *checked(struct bench *b, int64_t after)
{
	struct task *t = about(TASK_CHECK, 0);

	t->checking = checking_create(after, false);
	for (; t; t = (struct task *)queue_take(&b->queues.tasks)) {
		assert_int_equal(t->kind, TASK_CHECK);
		assert_int_equal(perform(b, t), OK);
	}
	return told_fs(b, EVENT_CHECKED);
}

static void what_is_found_damaged_is_not_in_the_cache(void **state)
{
	struct bench *b = *state;
	struct event *e;

	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_equal(end_body(b, b->id, 1, 3), OK);
	expect_kept(b, OK);
	expect_fs(b, EVENT_FETCHED, OK);
	storage_run(b->storage, "UPDATE chunk SET data = CAST('abd' AS BLOB)");
	e = checked(b, 0);
	assert_int_equal(e->cookie, 4711);
	assert_int_equal(e->checking->found, FOUND_DAMAGED);
	assert_int_equal(e->checking->id, b->id);
	assert_int_equal(flags(b), MESSAGE_TRUE_SIZE);
	assert_int_equal(rows(b, "chunk"), 0);
	event_free(e);
	e = checked(b, b->id);
	assert_int_equal(e->checking->found, FOUND_NOTHING);
	assert_int_equal(e->checking->id, 0);
	event_free(e);
}

static void a_body_that_lacks_a_piece_is_no_body(void **state)
{
	struct bench *b = *state;

	assert_int_equal(add_piece(b, b->id, 0, "abc"), OK);
	assert_int_not_equal(end_body(b, b->id, 2, 6), OK);
	expect_kept(b, E_STORE);
	expect_fs(b, EVENT_FETCHED, E_STORE);
	assert_int_equal(flags(b), 0);
	assert_int_equal(rows(b, "chunk"), 0);
}

static void a_body_under_another_header_than_top_s_is_doubted(void **state)
{
	static const char header[] = "Subject: one\r\n\r\n";
	struct bench *b = *state;
	struct task *t = about(TASK_BODY, b->id);
	size_t len = strlen(header);
	struct job *j;

	storage_run(b->storage, "INSERT INTO header SELECT id, CAST('Subject: two' || char(13, 10, "
				"13, 10) AS BLOB) FROM message");
	storage_run(b->storage, "UPDATE message SET digest = CAST(printf('%032d', 2) AS BLOB)");
	t->body = xzalloc(sizeof(*t->body));
	t->body->size = len;
	t->body->chunks = 1;
	t->body->doubts = 1;
	t->body->learnt = xzalloc(sizeof(*t->body->learnt) + len);
	t->body->learnt->len = t->body->header = (uint32_t)len;
	memcpy(t->body->learnt->text, header, len);
	assert_int_equal(add_piece(b, b->id, 0, header), OK);
	assert_int_equal(perform(b, t), OK);
	j = told_session(b, JOB_DOUBTED);
	assert_int_equal(j->id, b->id);
	assert_int_equal(j->doubts, 2);
	job_free(j);
	assert_int_equal(flags(b), 0);
	assert_int_equal(rows(b, "chunk"), 0);
}

static void wishes_are_answered_with_their_cookie(void **state)
{
	static const struct {
		enum task_kind kind;
		enum event_kind answer;
		bool known;
		enum error want;
		int64_t intentions; /* afterwards */
	} cases[] = {
	    {TASK_UNLINK, EVENT_UNLINKED, true, OK, 1},
	    {TASK_UNDELETE, EVENT_UNDELETED, true, OK, 0},
	    {TASK_UNLINK, EVENT_UNLINKED, false, E_VANISHED, 0},
	    {TASK_UNDELETE, EVENT_UNDELETED, false, E_VANISHED, 0},
	    {TASK_SYNC, EVENT_SYNCED, true, OK, 0},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t id = cases[i].known ? b->id : b->id + 1;
		struct event *e;

		assert_int_equal(perform(b, about(cases[i].kind, id)), cases[i].want);
		e = told_fs(b, cases[i].answer);
		assert_int_equal(e->id, id);
		assert_int_equal(e->cookie, 4711);
		assert_int_equal(e->failure.code, cases[i].want);
		event_free(e);
		assert_int_equal(rows(b, "intention"), cases[i].intentions);
	}
}

/* From the unlink to the outcome; each step's answer has the journal as it then stands. */
static void a_deletion_goes_its_way(void **state)
{
	struct bench *b = *state;
	struct task *t = task_create(TASK_MARK);
	struct job *j;
	struct event *e;

	assert_int_equal(perform(b, about(TASK_UNLINK, b->id)), OK);
	expect_fs(b, EVENT_UNLINKED, OK);
	assert_int_equal(perform(b, task_create(TASK_INTENTIONS)), OK);
	j = told_session(b, JOB_INTENTIONS);
	assert_int_equal(j->intentions->count, 1);
	job_free(j);
	t->ids = xnew(int64_t);
	t->ids[0] = b->id;
	t->count = 1;
	assert_int_equal(perform(b, t), OK);
	job_free(told_session(b, JOB_MARKED));
	t = task_create(TASK_OUTCOMES);
	t->outcomes = xnew(struct outcome);
	t->outcomes[0] = (struct outcome){b->id, OUTCOME_DELETED};
	t->count = 1;
	assert_int_equal(perform(b, t), OK);
	e = told_fs(b, EVENT_INTENTIONS);
	assert_non_null(e->intentions);
	event_free(e);
}

static void outcomes_that_are_not_written_down_show_nothing_again(void **state)
{
	struct bench *b = *state;
	struct task *t = task_create(TASK_OUTCOMES);

	assert_int_equal(perform(b, about(TASK_UNLINK, b->id)), OK);
	expect_fs(b, EVENT_UNLINKED, OK);
	storage_run(b->storage, "UPDATE intention SET state = 1"); /* sent */
	storage_run(b->storage, "CREATE TRIGGER no BEFORE UPDATE ON intention BEGIN "
				"SELECT raise(ABORT, 'tired'); END");
	t->outcomes = xnew(struct outcome);
	t->outcomes[0] = (struct outcome){b->id, OUTCOME_NOT_SENT};
	t->count = 1;
	assert_int_not_equal(perform(b, t), OK);
	assert_null(queue_take(&b->queues.events));
	assert_int_equal(rows(b, "intention"), 1);
}

static struct task *with_draft(struct bench *b, enum task_kind kind, const char *says)
{
	struct task *t = task_create(kind);
	char headers[SPOKEN_MOST];

	t->draft = spoken_draft(says, headers);
	t->draft->at = 50;
	assert_int_equal(merge_draft(b->chores.store, b->chores.listing, t->draft, NULL), OK);
	spoken_bring(t->draft, headers);
	return t;
}

static void a_draft_comes_back_with_its_kinds(void **state)
{
	struct bench *b = *state;
	struct job *j;

	assert_int_equal(perform(b, with_draft(b, TASK_MERGE, "a:100:A n:1:N")), OK);
	j = told_session(b, JOB_MERGED);
	assert_int_equal(j->draft->rows[0].kind, ROW_KNOWN);
	assert_int_equal(j->draft->rows[1].kind, ROW_NEW);
	job_free(j);
}

static void a_listing_in_force_is_told_to_all(void **state)
{
	struct bench *b = *state;
	struct event *e;
	struct job *j;

	assert_int_equal(perform(b, with_draft(b, TASK_PUBLISH, "a:100:A n:1:N")), OK);
	e = told_fs(b, EVENT_LISTED);
	assert_true(e->fresh);
	assert_false(e->same);
	assert_ptr_equal(e->listing, b->chores.listing);
	assert_int_equal(e->listing->count, 2);
	assert_non_null(e->intentions);
	event_free(e);
	j = told_session(b, JOB_PUBLISHED);
	assert_ptr_equal(j->listing, b->chores.listing);
	assert_int_equal(j->numbers[1], 2);
	job_free(j);

	assert_int_equal(perform(b, with_draft(b, TASK_PUBLISH, "a:100:A n:1:N")), OK);
	e = told_fs(b, EVENT_LISTED);
	assert_true(e->same);
	assert_null(e->listing);
	event_free(e);
	job_free(told_session(b, JOB_PUBLISHED));
}

static void a_listing_that_fails_leaves_the_one_in_force(void **state)
{
	struct bench *b = *state;
	struct listing *before = b->chores.listing;
	struct job *j;

	storage_run(b->storage, "CREATE TRIGGER no BEFORE INSERT ON message BEGIN "
				"SELECT raise(ABORT, 'tired'); END");
	assert_int_equal(perform(b, with_draft(b, TASK_PUBLISH, "a:100:A n:1:N")), E_STORE);
	j = told_session(b, JOB_PUBLISHED);
	assert_int_equal(j->failure.code, E_STORE);
	assert_null(j->listing);
	assert_null(j->numbers);
	job_free(j);
	assert_ptr_equal(b->chores.listing, before);
}

static void some_things_are_told_to_nobody(void **state)
{
	struct bench *b = *state;
	struct task *t = task_create(TASK_REMEMBER);
	char value[8];

	t->key = xstrdup("key");
	t->value = xstrdup("value");
	assert_int_equal(perform(b, t), OK);
	assert_true(store_recall(b->chores.store, "key", value, sizeof(value)));
	assert_string_equal(value, "value");
	t = task_create(TASK_USED);
	t->ids = xreallocarray(NULL, 1, sizeof(*t->ids));
	t->ids[t->count++] = b->id;
	assert_int_equal(perform(b, t), OK);
	assert_true(storage_number(b->storage, "SELECT used FROM message") > 7);
	assert_int_equal(perform(b, task_create(TASK_END)), OK);
}

/* Others have their turn between its steps; and at the end none is left waiting. */
static void a_long_check_goes_on_behind_what_came_meanwhile(void **state)
{
	struct bench *b = *state;
	struct task *t = task_create(TASK_CHECK);

	storage_run(b->storage,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) "
	    "INSERT INTO message(uidl, ordinal, listed, seen, used, size, lines, header_len, "
	    "sha256, chunks) SELECT CAST('m' || i AS BLOB), 1, 0, 7, 7, 0, 0, 0, "
	    "x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0 FROM n");
	t->cookie = 5;
	t->checking = checking_create(0, false);
	for (unsigned steps = 1;; steps++) {
		assert_int_equal(perform(b, t), OK);
		t = (struct task *)queue_take(&b->queues.tasks);
		if (!t)
			break;
		assert_int_equal(t->kind, TASK_CHECK);
		assert_int_equal(t->cookie, 5);
		assert_true(steps < 600);
		b->chores.ending = steps == 2;
	}
	assert_true(b->chores.ending);
	event_free(told_fs(b, EVENT_CHECKED));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_must_be_on_disk_before_it_is_told),
	    TEST(a_body_is_in_the_cache_when_its_end_is_told),
	    TEST(a_body_that_begins_anew_takes_none_out_of_the_cache),
	    TEST(a_body_with_other_octets_waits_until_nobody_reads_the_one_before),
	    TEST(a_body_that_cannot_replace_another_leaves_that_one),
	    TEST(a_piece_that_is_lost_spoils_its_body),
	    TEST(what_is_found_damaged_is_not_in_the_cache),
	    TEST(a_body_that_lacks_a_piece_is_no_body),
	    TEST(a_body_under_another_header_than_top_s_is_doubted),
	    TEST(wishes_are_answered_with_their_cookie),
	    TEST(a_deletion_goes_its_way),
	    TEST(outcomes_that_are_not_written_down_show_nothing_again),
	    TEST(a_draft_comes_back_with_its_kinds),
	    TEST(a_listing_in_force_is_told_to_all),
	    TEST(a_listing_that_fails_leaves_the_one_in_force),
	    TEST(some_things_are_told_to_nobody),
	    TEST(a_long_check_goes_on_behind_what_came_meanwhile),
	};

	return cmocka_run_group_tests_name("chores", tests, NULL, NULL);
}
