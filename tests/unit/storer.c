#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"
#include "learn.h"
#include "clock.h"
#include "storage.h"
#include "storer.h"

#define PATIENCE_MS 20000 /* for an answer that must come: far more than it takes */

/* Stands before the C library's for SQLite, too. */
static atomic_size_t syncs;
static atomic_int sync_error; /* 0: they succeed */

int fdatasync(int fd)
{
	int number = atomic_load(&sync_error);

	atomic_fetch_add(&syncs, 1);
	if (number)
		errno = number;
	return number ? -1 : 0;
}

static void wait_for_sync(size_t beyond)
{
	for (int64_t end = clock_in(PATIENCE_MS); atomic_load(&syncs) <= beyond;) {
		assert_true(clock_ms() < end);
		usleep(1000);
	}
}

/* A message that is looked at when a queue wakes its reader, in the thread that wakes him. */
static struct {
	atomic_int fd;
	const struct message *message;
	unsigned flags;
} woken = {.fd = -1};

ssize_t write(int fd, const void *from, size_t len)
{
	if (fd == atomic_load(&woken.fd)) {
		woken.flags = message_flags(woken.message);
		atomic_store(&woken.fd, -1);
	}
	return syscall(SYS_write, fd, from, len);
}

struct bench {
	struct storage *storage;
	struct queues queues;
	struct storer *storer;
	struct listing *listing; /* what fs would show */
	size_t kept;             /* JOB_KEPT passed over */
	uint64_t stored;         /* octets of JOB_STORED passed over */
};

static struct event *next_event(struct bench *b, enum event_kind kind)
{
	struct event *e;

	if (!queue_wait(&b->queues.events, clock_in(PATIENCE_MS)))
		fail_msg("no event of kind %d came", kind);
	e = (struct event *)queue_take(&b->queues.events);
	if (e->kind != kind)
		fail_msg("an event of kind %d came, not %d", e->kind, kind);
	return e;
}

/* JOB_KEPT comes between others, and JOB_STORED with each batch: both are counted and passed over.
 */
static struct job *next_job(struct bench *b, enum job_kind kind)
{
	struct job *j;

	for (;;) {
		if (!queue_wait(&b->queues.jobs, clock_in(PATIENCE_MS)))
			fail_msg("no job of kind %d came", kind);
		j = (struct job *)queue_take(&b->queues.jobs);
		if (j->kind == kind || (j->kind != JOB_KEPT && j->kind != JOB_STORED))
			break;
		b->kept += j->kind == JOB_KEPT;
		b->stored += j->octets;
		job_free(j);
	}
	if (j->kind != kind)
		fail_msg("a job of kind %d came, not %d", j->kind, kind);
	return j;
}

static void put(struct bench *b, struct task *t)
{
	queue_put(&b->queues.tasks, &t->item);
}

static void start(struct bench *b)
{
	struct failure why = {0};
	struct event *e;

	if (storer_start(&b->storer, take(&b->storage->store), NULL, &b->queues, &why) != OK)
		fail_msg("%s", why.words);
	e = next_event(b, EVENT_LISTED);
	assert_false(e->fresh);
	listing_drop(b->listing);
	b->listing = take(&e->listing);
	event_free(e);
}

static void stop(struct bench *b)
{
	put(b, task_create(TASK_END));
	storer_join(b->storer);
	b->storer = NULL;
}

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);

	*state = b;
	queue_init(&b->queues.jobs);
	queue_init(&b->queues.tasks);
	queue_init(&b->queues.events);
	return storage_setup((void **)&b->storage);
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct queue_item *item;

	if (b->storer)
		stop(b);
	while ((item = queue_take(&b->queues.jobs)))
		job_free((struct job *)item);
	while ((item = queue_take(&b->queues.events)))
		event_free((struct event *)item);
	queue_finish(&b->queues.jobs);
	queue_finish(&b->queues.tasks);
	queue_finish(&b->queues.events);
	listing_drop(b->listing);
	storage_teardown((void **)&b->storage);
	free(b);
	return 0;
}

/* ---- what a session would say ---- */

static struct learnt *learn(char header)
{
	struct learnt *l = xzalloc(sizeof(*l));

	memset(l->digest, header, sizeof(l->digest));
	l->received = INT64_MIN;
	return l;
}

/* Lists `count` messages, whose UIDLs are the letters from `first` on, with 100 octets each; every
 * header is brought. Returns whether the listing is the same as before. */
static bool list(struct bench *b, char first, int count)
{
	struct draft *d = draft_create();
	struct task *merge = task_create(TASK_MERGE), *publish = task_create(TASK_PUBLISH);
	struct job *merged, *published;
	struct event *e;
	bool same;

	for (int i = 0; i < count; i++) {
		char uidl = (char)(first + i);

		draft_uidl(d, (uint32_t)i + 1, slice_make(&uidl, 1));
		draft_listed(d, (uint32_t)i + 1, 100);
	}
	draft_close(d);
	d->at = 1000;
	merge->draft = d;
	put(b, merge);
	merged = next_job(b, JOB_MERGED);
	assert_int_equal(merged->failure.code, OK);
	publish->draft = take(&merged->draft);
	for (size_t i = 0; i < publish->draft->count; i++)
		if (publish->draft->rows[i].kind != ROW_KNOWN)
			publish->draft->rows[i].learnt = learn('A');
	put(b, publish);
	published = next_job(b, JOB_PUBLISHED);
	assert_int_equal(published->failure.code, OK);
	assert_true(queue_wait(&b->queues.events, clock_ms())); /* the fs has it before */
	e = next_event(b, EVENT_LISTED);
	assert_true(e->fresh);
	assert_non_null(e->intentions);
	same = e->same;
	assert_int_equal(e->listing == NULL, same);
	if (!same) {
		listing_drop(b->listing);
		b->listing = take(&e->listing);
	}
	assert_ptr_equal(published->listing, b->listing);
	assert_int_equal(published->draft->count, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(published->numbers[i], i + 1);
	job_free(merged);
	job_free(published);
	event_free(e);
	return same;
}

static struct task *chunk(int64_t id, uint32_t index, size_t len)
{
	struct task *t = task_create(TASK_CHUNK);

	t->id = id;
	t->index = index;
	t->data = xzalloc(len);
	t->len = len;
	return t;
}

static struct task *body(int64_t id, uint32_t chunks, uint64_t size)
{
	struct task *t = task_create(TASK_BODY);

	t->id = id;
	t->body = xnew(struct body);
	t->body->size = size;
	t->body->chunks = chunks;
	t->body->header = 3;
	return t;
}

static struct task *about(enum task_kind kind, int64_t id)
{
	struct task *t = task_create(kind);

	t->id = id;
	t->cookie = (uint64_t)id;
	return t;
}

/* The failure of the next event, which must be of that kind and about that message. */
static enum error answer(struct bench *b, enum event_kind kind, int64_t id)
{
	struct event *e = next_event(b, kind);
	enum error error = e->failure.code;

	assert_int_equal(e->id, id);
	assert_int_equal(e->cookie, kind == EVENT_FETCHED || kind == EVENT_HEADED ? 0 : id);
	event_free(e);
	return error;
}

/* Waits until that many octets of pieces are said to be no longer in memory. */
static void expect_stored(struct bench *b, uint64_t octets)
{
	assert_true(b->stored <= octets);
	octets -= b->stored;
	b->stored = 0;
	while (octets > 0) {
		struct job *j = next_job(b, JOB_STORED);

		assert_true(j->octets <= octets);
		octets -= j->octets;
		job_free(j);
	}
}

static int64_t id_of(struct bench *b, const char *name)
{
	const struct message *m = listing_by_name(b->listing, slice_of(name));

	assert_non_null(m);
	return m->id;
}

static unsigned flags_of(struct bench *b, int64_t id)
{
	return message_flags(listing_by_id(b->listing, id));
}

static int64_t look(struct bench *b, const char *sql)
{
	int64_t value;

	storage_open(b->storage);
	value = storage_number(b->storage, sql);
	storage_close(b->storage);
	return value;
}

/* ---- the tests ---- */

static void the_first_event_is_what_earlier_mounts_knew(void **state)
{
	struct bench *b = *state;

	start(b);
	assert_int_equal(b->listing->count, 0);
	assert_false(list(b, 'a', 3));
	assert_true(list(b, 'a', 3));
	put(b, about(TASK_UNLINK, id_of(b, "b")));
	assert_int_equal(answer(b, EVENT_UNLINKED, id_of(b, "b")), OK);
	stop(b);

	storage_open(b->storage);
	storage_run(b->storage, "UPDATE intention SET state = 1");
	assert_int_equal(
	    storer_start(&b->storer, take(&b->storage->store), NULL, &b->queues, NULL), OK);
	{
		struct event *e = next_event(b, EVENT_LISTED);

		assert_false(e->fresh || e->same);
		assert_int_equal(e->listing->count, 3);
		assert_int_equal(e->intentions->count, 1);
		assert_int_equal(e->intentions->all[0].state, INTENTION_UNKNOWN);
		event_free(e);
	}
}

static void a_body_is_in_the_model_before_anybody_hears_of_it(void **state)
{
	struct bench *b = *state;
	int64_t id;

	start(b);
	list(b, 'a', 2);
	id = id_of(b, "b");
	put(b, chunk(id, 0, CHUNK_OCTETS));
	put(b, chunk(id, 1, 9));
	put(b, body(id, 2, CHUNK_OCTETS + 9));
	assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
	assert_int_equal(flags_of(b, id), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
	assert_int_equal(message_size(listing_by_id(b->listing, id)), CHUNK_OCTETS + 9);
	expect_stored(b, CHUNK_OCTETS + 9);

	/* and in the listings that come after it */
	assert_false(list(b, 'b', 2));
	assert_int_equal(
	    b->kept, 1); /* that came before the listing's job, if not before its event */
	assert_int_equal(flags_of(b, id), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);

	put(b, about(TASK_DAMAGED, id));
	put(b, about(TASK_SYNC, 7));
	assert_int_equal(answer(b, EVENT_SYNCED, 7), OK);
	assert_int_equal(flags_of(b, id), MESSAGE_TRUE_SIZE | MESSAGE_RESIZED);
}

static void a_body_that_comes_again_is_marked_only_if_it_is_another(void **state)
{
	struct bench *b = *state;
	int64_t id;

	start(b);
	list(b, 'a', 2);
	id = id_of(b, "b");
	for (unsigned turn = 0; turn < 3; turn++) {
		struct task *whole = body(id, 1, 50);
		bool other = turn == 2;

		if (other)
			memset(whole->body->sha256, 0x77, sizeof(whole->body->sha256));
		put(b, about(TASK_DAMAGED, id));
		put(b, chunk(id, 0, 50));
		put(b, whole);
		assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
		assert_int_equal((flags_of(b, id) & MESSAGE_REPLACED) != 0, other);
	}
}

/* The session forgets it then, and asks the server for what is not cached. */
static void a_body_is_in_the_model_before_the_session_hears_of_it(void **state)
{
	struct bench *b = *state;
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	assert_null(queue_take(&b->queues.jobs));
	woken.message = listing_by_id(b->listing, id);
	atomic_store(&woken.fd, queue_fd(&b->queues.jobs));
	put(b, body(id, 0, 0)); /* an empty one: the first job is JOB_KEPT */
	assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
	assert_int_equal(woken.flags, MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
}

static struct task *header(int64_t id, const char *text)
{
	struct task *t = task_create(TASK_HEADER);

	t->id = id;
	t->learnt = learn_header(slice_of(text), 0);
	return t;
}

static void a_header_is_in_the_model_before_anybody_hears_of_it(void **state)
{
	struct bench *b = *state;
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	put(b, header(id, "A: b\r\n\r\n"));
	assert_int_equal(answer(b, EVENT_HEADED, id), OK);
	assert_int_equal(listing_by_id(b->listing, id)->header, 8);
	put(b, header(id, "A: bc\r\n\r\n"));
	assert_int_equal(answer(b, EVENT_HEADED, id), OK);
	assert_int_equal(listing_by_id(b->listing, id)->header, 9);

	/* the body knows better */
	put(b, chunk(id, 0, 50));
	put(b, body(id, 1, 50));
	assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
	put(b, header(id, "A: bcd\r\n\r\n"));
	assert_int_equal(answer(b, EVENT_HEADED, id), OK);
	assert_int_equal(listing_by_id(b->listing, id)->header, 3);
	expect_stored(b, 50);

	put(b, header(id + 1, "A: b\r\n\r\n"));
	assert_int_equal(answer(b, EVENT_HEADED, id + 1), OK);
}

/* Its header is 'B' where TOP gave 'A'. */
static struct task *other_body(int64_t id, unsigned doubts, bool sure)
{
	struct task *t = body(id, 1, 50);

	t->body->learnt = learn('B');
	t->body->doubts = doubts;
	t->body->sure = sure;
	memset(t->body->sha256, 0x55, sizeof(t->body->sha256));
	return t;
}

static void a_body_with_another_header_is_doubted_until_it_is_sure(void **state)
{
	struct bench *b = *state;
	struct job *j;
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	put(b, chunk(id, 0, 50));
	put(b, other_body(id, 1, false));
	j = next_job(b, JOB_DOUBTED);
	assert_int_equal(j->id, id);
	assert_int_equal(j->doubts, 2);
	assert_int_equal(j->hash[31], 0x55);
	job_free(j);
	assert_int_equal(flags_of(b, id), 0);
	expect_stored(b, 50);

	put(b, chunk(id, 0, 50));
	put(b, other_body(id, 2, true));
	assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
	assert_int_equal(flags_of(b, id), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
}

static void a_body_fetched_between_draft_and_listing_is_kept(void **state)
{
	struct bench *b = *state;
	struct draft *d = draft_create();
	struct task *publish = task_create(TASK_PUBLISH);
	struct event *e;
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	draft_uidl(d, 1, slice_of("a"));
	draft_listed(d, 1, 100);
	draft_uidl(d, 2, slice_of("new"));
	draft_listed(d, 2, 100);
	draft_close(d);
	d->rows[0].kind = ROW_KNOWN;
	d->rows[0].id = id;
	publish->draft = d;
	put(b, chunk(id, 0, 50));
	put(b, body(id, 1, 50));
	put(b, publish);
	assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
	e = next_event(b, EVENT_LISTED);
	assert_int_equal(e->listing->count, 2);
	assert_int_equal(message_size(listing_by_id(e->listing, id)), 50);
	assert_int_equal(e->listing->cached, 1);
	event_free(e);
}

static void one_bad_task_costs_only_itself(void **state)
{
	struct bench *b = *state;
	int64_t a, c, nobody = 4711;
	size_t rounds = 20;
	enum error code;

	start(b);
	list(b, 'a', 3);
	a = id_of(b, "a");
	c = id_of(b, "c");
	/* queued faster than they are done: most of these share a transaction with a bad one */
	for (size_t i = 0; i < rounds; i++) {
		put(b, chunk(a, 0, 50));
		put(b, body(a, 1, 50));
		put(b, chunk(nobody, 0, 50));
		put(b, body(nobody, 1, 50));
		put(b, about(TASK_UNLINK, c));
		put(b, about(TASK_UNDELETE, nobody));
		put(b, chunk(c, 0, 50));
		put(b, body(c, 1, 51)); /* a piece is missing */
	}
	for (size_t i = 0; i < rounds; i++) {
		assert_int_equal(answer(b, EVENT_FETCHED, a), OK);
		code = answer(b, EVENT_FETCHED, nobody); /* its piece may have gone before it */
		assert_true(code == E_VANISHED || code == E_STORE);
		assert_int_equal(answer(b, EVENT_UNLINKED, c), OK);
		assert_int_equal(answer(b, EVENT_UNDELETED, nobody), E_VANISHED);
		assert_int_equal(answer(b, EVENT_FETCHED, c), E_STORE);
	}
	expect_stored(b, rounds * 3 * 50);
	assert_int_equal(flags_of(b, a), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
	assert_int_equal(flags_of(b, c), 0);
	stop(b);
	assert_int_equal(look(b, "SELECT count(*) FROM chunk"), 1);
	assert_int_equal(look(b, "SELECT count(*) FROM intention"), 1);
}

static void on_a_full_disk_a_body_fails_and_the_rest_goes_on(void **state)
{
	struct bench *b = *state;
	char sql[64];
	int64_t a, c;

	storage_run(b->storage, "PRAGMA wal_checkpoint(TRUNCATE)");
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
	    (long long)storage_number(b->storage, "PRAGMA page_count") + 20);
	storage_number(b->storage, sql);
	start(b);
	list(b, 'a', 3);
	a = id_of(b, "a");
	c = id_of(b, "c");
	for (uint32_t i = 0; i < 20; i++)
		put(b, chunk(a, i, CHUNK_OCTETS));
	put(b, body(a, 20, 20 * CHUNK_OCTETS));
	put(b, chunk(c, 0, 60));
	put(b, body(c, 1, 60));
	put(b, about(TASK_UNLINK, c));
	assert_int_equal(answer(b, EVENT_FETCHED, a), E_FULL);
	assert_int_equal(answer(b, EVENT_FETCHED, c), OK);
	assert_int_equal(answer(b, EVENT_UNLINKED, c), OK);
	expect_stored(b, 20 * CHUNK_OCTETS + 60);
	assert_int_equal(flags_of(b, a), 0);

	/* the same message once more, and it fits */
	put(b, chunk(a, 0, 70));
	put(b, body(a, 1, 70));
	assert_int_equal(answer(b, EVENT_FETCHED, a), OK);
	stop(b);
	assert_int_equal(look(b, "SELECT count(*) FROM chunk"), 2);
}

static void deletions_go_through_the_journal(void **state)
{
	struct bench *b = *state;
	struct task *mark = task_create(TASK_MARK), *outcomes = task_create(TASK_OUTCOMES);
	struct job *j;
	struct event *e;
	int64_t id;

	start(b);
	list(b, 'a', 3);
	id = id_of(b, "b");
	put(b, about(TASK_UNLINK, id));
	assert_int_equal(answer(b, EVENT_UNLINKED, id), OK);
	put(b, task_create(TASK_INTENTIONS));
	j = next_job(b, JOB_INTENTIONS);
	assert_int_equal(j->intentions->count, 1);
	assert_int_equal(j->intentions->all[0].state, INTENTION_PENDING);
	job_free(j);

	mark->ids = xmemdup(&id, sizeof(id));
	mark->count = 1;
	put(b, mark);
	j = next_job(b, JOB_MARKED);
	assert_int_equal(j->failure.code, OK);
	job_free(j);
	put(b, about(TASK_UNDELETE, id));
	assert_int_equal(answer(b, EVENT_UNDELETED, id), E_FORBIDDEN);

	outcomes->outcomes = xnew(struct outcome);
	*outcomes->outcomes = (struct outcome){id, OUTCOME_DELETED};
	outcomes->count = 1;
	put(b, outcomes);
	e = next_event(b, EVENT_INTENTIONS);
	assert_int_equal(e->intentions->all[0].state, INTENTION_ASSUMED);
	event_free(e);

	/* still listed: armed again; then it is gone, and with it the intention */
	assert_true(list(b, 'a', 3));
	assert_false(list(b, 'c', 1));
	stop(b);
	assert_int_equal(look(b, "SELECT count(*) FROM intention"), 0);
}

static void a_mark_of_what_was_undeleted_fails(void **state)
{
	struct bench *b = *state;
	struct task *mark = task_create(TASK_MARK);
	struct job *j;
	int64_t ids[2];

	start(b);
	list(b, 'a', 3);
	ids[0] = id_of(b, "a");
	ids[1] = id_of(b, "b");
	put(b, about(TASK_UNLINK, ids[0]));
	put(b, about(TASK_UNLINK, ids[1]));
	put(b, about(TASK_UNDELETE, ids[1]));
	mark->ids = xmemdup(ids, sizeof(ids));
	mark->count = 2;
	put(b, mark);
	j = next_job(b, JOB_MARKED);
	assert_int_equal(j->failure.code, E_VANISHED);
	job_free(j);
	stop(b);
	assert_int_equal(look(b, "SELECT count(*) FROM intention WHERE state = 0"), 1);
}

static void what_must_be_on_disk_is_synced_before_its_answer(void **state)
{
	struct bench *b = *state;
	size_t before;
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	put(b, about(TASK_UNLINK, id));
	assert_int_equal(answer(b, EVENT_UNLINKED, id), OK);
	before = atomic_load(&syncs);
	put(b, about(TASK_UNDELETE, id));
	assert_int_equal(answer(b, EVENT_UNDELETED, id), OK);
	assert_true(atomic_load(&syncs) > before);

	/* an unlink is synced without anybody asking: this waits until it has been */
	before = atomic_load(&syncs);
	put(b, about(TASK_UNLINK, id));
	assert_int_equal(answer(b, EVENT_UNLINKED, id), OK);
	wait_for_sync(before);
}

/* Who asked for it hears of it, so that no DELE goes out; who did not is on disk a little later. */
static void what_could_not_be_synced_is_told_and_tried_again(void **state)
{
	struct bench *b = *state;
	struct task *mark = task_create(TASK_MARK);
	struct job *j;
	size_t before;
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	before = atomic_load(&syncs);
	atomic_store(&sync_error, EIO);
	put(b, about(TASK_UNLINK, id));
	assert_int_equal(answer(b, EVENT_UNLINKED, id), OK);
	wait_for_sync(before + 1);
	mark->ids = xmemdup(&id, sizeof(id));
	mark->count = 1;
	put(b, mark);
	j = next_job(b, JOB_MARKED);
	assert_int_equal(j->failure.code, E_STORE);
	assert_non_null(strstr(j->failure.words, "on disk"));
	job_free(j);
	atomic_store(&sync_error, 0);
	put(b, about(TASK_SYNC, id));
	assert_int_equal(answer(b, EVENT_SYNCED, id), OK);
	stop(b);
	assert_int_equal(look(b, "SELECT count(*) FROM intention"), 1);
}

static void facts_and_openings_are_kept(void **state)
{
	struct bench *b = *state;
	struct task *t = task_create(TASK_REMEMBER);
	int64_t id;

	start(b);
	list(b, 'a', 1);
	id = id_of(b, "a");
	t->key = xstrdup("key");
	t->value = xstrdup("value");
	put(b, t);
	t = task_create(TASK_USED);
	t->ids = xmemdup(&id, sizeof(id));
	t->count = 1;
	put(b, t);
	stop(b);
	assert_int_equal(look(b, "SELECT count(*) FROM fact WHERE key = 'key'"), 1);
	assert_int_equal(look(b, "SELECT used > 1000 FROM message"), 1);
}

static void a_crash_keeps_what_was_answered(void **state)
{
	struct bench *b = *state;
	struct storage crashed;
	int64_t id;

	start(b);
	list(b, 'a', 2);
	id = id_of(b, "a");
	put(b, chunk(id, 0, 40));
	put(b, body(id, 1, 40));
	assert_int_equal(answer(b, EVENT_FETCHED, id), OK);
	put(b, about(TASK_UNLINK, id));
	assert_int_equal(answer(b, EVENT_UNLINKED, id), OK);
	put(b, chunk(id_of(b, "b"), 0, 40)); /* whose end never comes */
	put(b, about(TASK_SYNC, 1));
	assert_int_equal(answer(b, EVENT_SYNCED, 1), OK);

	crashed = *b->storage;
	snprintf(crashed.path, sizeof(crashed.path), "%s/crashed.db", crashed.directory);
	storage_crash_copy(b->storage, crashed.path);
	storage_open(&crashed);
	assert_int_equal(storage_number(&crashed, "SELECT count(*) FROM intention"), 1);
	assert_int_equal(storage_number(&crashed, "SELECT count(*) FROM chunk"), 1);
	assert_int_equal(storage_number(&crashed, "SELECT count(*) FROM message"), 2);
	storage_close(&crashed);
}

static void many_tasks_are_answered_each_and_in_order(void **state)
{
	struct bench *b = *state;

	start(b);
	for (int64_t i = 1; i <= 5000; i++)
		put(b, about(TASK_SYNC, i));
	for (int64_t i = 1; i <= 5000; i++)
		assert_int_equal(answer(b, EVENT_SYNCED, i), OK);
}

static void a_store_that_cannot_be_read_starts_no_thread(void **state)
{
	struct bench *b = *state;
	struct failure why = {0};

	storage_run(b->storage, "DROP TABLE intention");
	assert_int_equal(
	    storer_start(&b->storer, b->storage->store, NULL, &b->queues, &why), E_STORE);
	assert_null(b->storer);
	assert_null(queue_take(&b->queues.events));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(the_first_event_is_what_earlier_mounts_knew),
	    TEST(a_body_is_in_the_model_before_anybody_hears_of_it),
	    TEST(a_body_that_comes_again_is_marked_only_if_it_is_another),
	    TEST(a_body_is_in_the_model_before_the_session_hears_of_it),
	    TEST(a_header_is_in_the_model_before_anybody_hears_of_it),
	    TEST(a_body_with_another_header_is_doubted_until_it_is_sure),
	    TEST(a_body_fetched_between_draft_and_listing_is_kept),
	    TEST(one_bad_task_costs_only_itself),
	    TEST(on_a_full_disk_a_body_fails_and_the_rest_goes_on),
	    TEST(deletions_go_through_the_journal),
	    TEST(a_mark_of_what_was_undeleted_fails),
	    TEST(what_must_be_on_disk_is_synced_before_its_answer),
	    TEST(what_could_not_be_synced_is_told_and_tried_again),
	    TEST(facts_and_openings_are_kept),
	    TEST(a_crash_keeps_what_was_answered),
	    TEST(many_tasks_are_answered_each_and_in_order),
	    TEST(a_store_that_cannot_be_read_starts_no_thread),
	};

	return cmocka_run_group_tests_name("storer", tests, NULL, NULL);
}
