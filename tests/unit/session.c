#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "scripted.h"
#include "session.h"

#define PATIENCE_MS 20000 /* for what must come: far more than it takes */

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Three messages, of which the third is the one that DELE and RETR are about. */
#define FIRST_ID 100
#define MESSAGES 3

#define LISTING                                                                                    \
	{"STAT", "+OK 3 30\r\n"}, {"UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"},                   \
	{                                                                                          \
		"LIST", "+OK\r\n1 10\r\n2 8\r\n3 12\r\n.\r\n"                                      \
	}

/* The session, and the test in the place of the store thread and the fs thread. */
struct bench {
	struct scripted server;
	struct secret *secret;
	struct queues queues;
	struct session *session;
};

static void start(struct bench *b, const struct scripted_row *rows, size_t count)
{
	struct session_plan plan = {
	    .host = "127.0.0.1",
	    .user = "user",
	    .tls = SESSION_TLS_OFF,
	    .timeout_ms = PATIENCE_MS,
	    .idle_ms = 1000 * PATIENCE_MS,
	    .commit_ms = PATIENCE_MS,
	};
	struct failure why = {0};

	assert_true(queue_init(&b->queues.jobs));
	assert_true(queue_init(&b->queues.tasks));
	assert_true(queue_init(&b->queues.events));
	scripted_start(&b->server, rows, count);
	b->secret = secret_create(slice_of("secret"));
	plan.port = b->server.port;
	plan.password = b->secret;
	if (session_start(&b->session, &plan, &b->queues, &why) != OK)
		fail_msg("%s", why.words);
}

static void put(struct bench *b, struct job *j)
{
	queue_put(&b->queues.jobs, &j->item);
}

/* ---- what comes from the session ---- */

/* TASK_REMEMBER may come at any time, and is passed over. */
static struct task *next_task(struct bench *b, enum task_kind kind)
{
	struct task *t;

	for (;;) {
		if (!queue_wait(&b->queues.tasks, clock_in(PATIENCE_MS)))
			fail_msg("no task of kind %d came", kind);
		t = (struct task *)queue_take(&b->queues.tasks);
		if (t->kind != TASK_REMEMBER)
			break;
		task_free(t);
	}
	if (t->kind != kind)
		fail_msg("a task of kind %d came, not %d", t->kind, kind);
	return t;
}

/* So may EVENT_STATE, unless it is what is waited for. */
static struct event *next_event(struct bench *b, enum event_kind kind)
{
	struct event *e;

	for (;;) {
		if (!queue_wait(&b->queues.events, clock_in(PATIENCE_MS)))
			fail_msg("no event of kind %d came", kind);
		e = (struct event *)queue_take(&b->queues.events);
		if (e->kind == kind || e->kind != EVENT_STATE)
			break;
		event_free(e);
	}
	if (e->kind != kind)
		fail_msg("an event of kind %d came, not %d", e->kind, kind);
	return e;
}

/* The end of the thread: nobody waits for anything any more. */
static void end(struct bench *b)
{
	struct task *t;
	struct event *e;

	put(b, job_create(JOB_END));
	session_join(b->session);
	scripted_finish(&b->server);
	secret_free(b->secret);
	while ((t = (struct task *)queue_take(&b->queues.tasks)) != NULL) {
		assert_int_equal(t->kind, TASK_REMEMBER);
		task_free(t);
	}
	while ((e = (struct event *)queue_take(&b->queues.events)) != NULL) {
		assert_int_equal(e->kind, EVENT_STATE);
		event_free(e);
	}
	queue_finish(&b->queues.jobs);
	queue_finish(&b->queues.tasks);
	queue_finish(&b->queues.events);
}

/* ---- the store's part ---- */

/* All messages are known: their ids go by their numbers, so that no header is wanted. */
static struct draft *merge(struct bench *b)
{
	struct task *t = next_task(b, TASK_MERGE);
	struct job *j = job_create(JOB_MERGED);
	struct draft *d = take(&t->draft);

	for (size_t i = 0; i < d->count; i++)
		d->rows[i].kind = ROW_KNOWN;
	j->draft = d;
	put(b, j);
	task_free(t);
	t = next_task(b, TASK_PUBLISH);
	d = take(&t->draft);
	task_free(t);
	return d;
}

static void publish(struct bench *b, struct draft *d)
{
	struct job *j = job_create(JOB_PUBLISHED);

	j->listing = listing_create(d->count, 1);
	j->numbers = xreallocarray(NULL, d->count + 1, sizeof(*j->numbers));
	for (size_t i = 0; i < d->count; i++) {
		struct message *m = &j->listing->messages[i];

		m->id = FIRST_ID + row_uidl(d, &d->rows[i]).at[0] - 'a';
		atomic_init(&m->fact, d->rows[i].listed << 8);
		j->numbers[i] = d->rows[i].number;
	}
	j->draft = d;
	put(b, j);
}

static void ask_for_listing(struct bench *b, int64_t number)
{
	struct job *j = job_create(JOB_REFRESH);

	j->waited_for = true;
	j->number = number;
	put(b, j);
}

static void check_refreshed(struct bench *b, int64_t number)
{
	struct event *e = next_event(b, EVENT_REFRESHED);

	assert_int_equal(e->number, number);
	event_free(e);
}

static void list(struct bench *b)
{
	ask_for_listing(b, 1);
	publish(b, merge(b));
	check_refreshed(b, 1);
}

/* The journal holds one intention, of the third message; or none. */
static void answer_intentions(struct bench *b, size_t count)
{
	struct job *j = job_create(JOB_INTENTIONS);

	task_free(next_task(b, TASK_INTENTIONS));
	j->intentions = xzalloc(sizeof(*j->intentions) + count * sizeof(struct intention));
	j->intentions->count = count;
	if (count > 0)
		j->intentions->all[0] = (struct intention){.id = FIRST_ID + 2, .name = "c"};
	put(b, j);
}

static void mark(struct bench *b)
{
	struct task *t = next_task(b, TASK_MARK);

	assert_int_equal(t->count, 1);
	assert_int_equal(t->ids[0], FIRST_ID + 2);
	task_free(t);
	put(b, job_create(JOB_MARKED));
}

static void check_outcome(struct bench *b, enum outcome_kind kind)
{
	struct task *t = next_task(b, TASK_OUTCOMES);

	assert_int_equal(t->count, 1);
	assert_int_equal(t->outcomes[0].id, FIRST_ID + 2);
	assert_int_equal(t->outcomes[0].kind, kind);
	task_free(t);
}

static void commit(struct bench *b, bool final)
{
	struct job *j = job_create(JOB_COMMIT);

	j->final = final;
	put(b, j);
}

static void check_committed(struct bench *b, const struct commit_result *want, enum error code)
{
	struct event *e = next_event(b, EVENT_COMMITTED);

	assert_int_equal(e->failure.code, code);
	assert_int_equal(e->commit.deleted, want->deleted);
	assert_int_equal(e->commit.waiting, want->waiting);
	assert_int_equal(e->commit.dropped, want->dropped);
	assert_int_equal(e->commit.proved, want->proved);
	event_free(e);
}

/* ---- listings ---- */

static void a_listing_goes_to_the_store_and_back(void **state)
{
	static const struct scripted_row rows[] = {LISTING, SCRIPTED_LOGIN};
	static const uint64_t octets[] = {10, 8, 12};
	struct bench b;
	struct draft *d;

	start(&b, rows, COUNT(rows));
	ask_for_listing(&b, 5);
	d = merge(&b);
	assert_int_equal(d->count, MESSAGES);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		assert_int_equal(d->rows[i].number, i + 1);
		assert_int_equal(d->rows[i].listed, octets[i]);
		assert_int_equal(row_uidl(d, &d->rows[i]).at[0], 'a' + (char)i);
	}
	assert_false(d->partial);
	publish(&b, d);
	check_refreshed(&b, 5);
	end(&b);
}

static void a_refresh_that_fails_says_why(void **state)
{
	static const struct {
		struct scripted_row row;
		enum error code;
	} cases[] = {
	    {{"PASS secret", "-ERR [AUTH] no\r\n"}, E_LOGIN},
	    {{"PASS secret", "-ERR [IN-USE] no\r\n"}, E_LOCKED},
	    {{"UIDL", "-ERR no\r\n"}, E_REFUSED},
	    {{"LIST", "-ERR [SYS/TEMP] later\r\n"}, E_LATER},
	    {{"LIST", "+OK\r\n1 10\r\n.\r\n"}, E_PROTOCOL}, /* STAT counts more */
	    {{"LIST", NULL, .closes = true}, E_CLOSED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].row, LISTING, SCRIPTED_LOGIN};
		struct bench b;
		struct event *e;

		start(&b, rows, COUNT(rows));
		ask_for_listing(&b, 5);
		e = next_event(&b, EVENT_NOT_LISTED);
		assert_int_equal(e->number, 5);
		assert_int_equal(e->failure.code, cases[i].code);
		event_free(e);
		end(&b);
	}
}

static void a_line_that_breaks_while_it_lists_is_replaced_once(void **state)
{
	static const struct scripted_row rows[] = {
	    {"LIST", "+OK\r\n1 10\r\n", .closes = true, .session = 1}, LISTING, SCRIPTED_LOGIN};
	struct bench b;

	start(&b, rows, COUNT(rows));
	list(&b);
	end(&b);
}

/* ---- fetches ---- */

static void fetch(struct bench *b, int64_t id)
{
	struct job *j = job_create(JOB_FETCH);

	j->id = id;
	j->urgent = true;
	put(b, j);
}

static void a_body_goes_to_the_store_in_pieces(void **state)
{
	static const struct scripted_row rows[] = {
	    {"RETR 3", "+OK\r\nA: b\r\n\r\n..x\r\n.\r\n"}, LISTING, SCRIPTED_LOGIN};
	static const char text[] = "A: b\r\n\r\n.x\r\n";
	struct bench b;
	struct task *t;
	struct job *j;

	start(&b, rows, COUNT(rows));
	list(&b);
	fetch(&b, FIRST_ID + 2);
	t = next_task(&b, TASK_CHUNK);
	assert_int_equal(t->id, FIRST_ID + 2);
	assert_int_equal(t->len, strlen(text));
	assert_memory_equal(t->data, text, t->len);
	task_free(t);
	t = next_task(&b, TASK_BODY);
	assert_int_equal(t->id, FIRST_ID + 2);
	assert_int_equal(t->body->size, strlen(text));
	assert_int_equal(t->body->header, strlen("A: b\r\n\r\n"));
	assert_int_equal(t->body->chunks, 1);
	task_free(t);
	j = job_create(JOB_STORED);
	j->octets = strlen(text);
	put(&b, j);
	j = job_create(JOB_KEPT);
	j->id = FIRST_ID + 2;
	put(&b, j);
	end(&b);
}

static void a_body_that_cannot_be_had_says_why(void **state)
{
	static const struct {
		const char *answer;
		int64_t id;
		enum error code;
	} cases[] = {
	    {"-ERR no\r\n", FIRST_ID + 2, E_REFUSED},
	    {"-ERR [SYS/TEMP] later\r\n", FIRST_ID + 2, E_LATER},
	    {"+OK\r\n.\r\n", FIRST_ID + 77, E_VANISHED}, /* it is not listed */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {
		    {"RETR 3", cases[i].answer}, LISTING, SCRIPTED_LOGIN};
		struct bench b;
		struct event *e;

		start(&b, rows, COUNT(rows));
		list(&b);
		fetch(&b, cases[i].id);
		e = next_event(&b, EVENT_FETCHED);
		assert_int_equal(e->id, cases[i].id);
		assert_int_equal(e->failure.code, cases[i].code);
		event_free(e);
		end(&b);
	}
}

static void a_fetch_opens_a_line_and_is_not_had_without_one(void **state)
{
	static const struct scripted_row rows[] = {
	    {"PASS secret", "-ERR [AUTH] no\r\n"}, SCRIPTED_LOGIN};
	struct bench b;
	struct event *e;

	start(&b, rows, COUNT(rows));
	fetch(&b, FIRST_ID);
	e = next_event(&b, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_LOGIN);
	event_free(e);
	end(&b);
}

/* ---- deletions ---- */

static void a_deletion_is_marked_sent_and_proved(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", "+OK\r\n"},
	    {"STAT", "+OK 2 18\r\n", .session = 2},
	    {"UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n", .session = 2},
	    {"LIST", "+OK\r\n1 10\r\n2 8\r\n.\r\n", .session = 2},
	    LISTING,
	    SCRIPTED_LOGIN,
	};
	struct bench b;

	start(&b, rows, COUNT(rows));
	list(&b);
	commit(&b, false);
	answer_intentions(&b, 1);
	answer_intentions(&b, 1); /* again, by the numbers of the line that is used */
	mark(&b);
	check_outcome(&b, OUTCOME_DELETED);
	publish(&b, merge(&b));
	check_refreshed(&b, 1);
	check_committed(&b, &(struct commit_result){.deleted = 1, .proved = true}, OK);
	end(&b);
}

static void what_is_still_listed_was_not_deleted(void **state)
{
	static const struct scripted_row rows[] = {{"DELE 3", "+OK\r\n"}, LISTING, SCRIPTED_LOGIN};
	struct bench b;

	start(&b, rows, COUNT(rows));
	list(&b);
	commit(&b, false);
	answer_intentions(&b, 1);
	answer_intentions(&b, 1);
	mark(&b);
	check_outcome(&b, OUTCOME_DELETED);
	publish(&b, merge(&b));
	check_refreshed(&b, 1);
	check_committed(&b, &(struct commit_result){.waiting = 1, .proved = true}, E_REFUSED);
	end(&b);
}

/* The final commit, which no listing follows. */
static void the_answers_to_dele_and_quit_decide_the_outcome(void **state)
{
	static const struct {
		struct scripted_row row;
		enum outcome_kind outcome;
		struct commit_result result;
		enum error code;
	} cases[] = {
	    {{"DELE 3", "+OK\r\n"}, OUTCOME_DELETED, {.deleted = 1}, OK},
	    {{"DELE 3", "-ERR no\r\n"}, OUTCOME_REFUSED, {.waiting = 1}, E_REFUSED},
	    {{"DELE 3", NULL, .closes = true}, OUTCOME_UNKNOWN, {.waiting = 1}, E_CLOSED},
	    {{"QUIT", "-ERR not all\r\n", .closes = true}, OUTCOME_UNKNOWN, {.waiting = 1},
		E_REFUSED},
	    {{"QUIT", NULL, .closes = true}, OUTCOME_UNKNOWN, {.waiting = 1}, E_CLOSED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {
		    cases[i].row, {"DELE 3", "+OK\r\n"}, LISTING, SCRIPTED_LOGIN};
		struct bench b;

		start(&b, rows, COUNT(rows));
		list(&b);
		commit(&b, true);
		answer_intentions(&b, 1);
		answer_intentions(&b, 1);
		mark(&b);
		check_outcome(&b, cases[i].outcome);
		check_committed(&b, &cases[i].result, cases[i].code);
		end(&b);
	}
}

static void a_commit_of_nothing_needs_no_line(void **state)
{
	static const struct scripted_row rows[] = {{"", "-ERR nobody should come\r\n"}};
	struct bench b;

	start(&b, rows, COUNT(rows));
	commit(&b, false);
	answer_intentions(&b, 0);
	check_committed(&b, &(struct commit_result){.proved = true}, OK);
	end(&b);
}

static void an_unlink_that_was_taken_back_is_not_sent(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", NULL, .closes = true}, LISTING, SCRIPTED_LOGIN};
	struct bench b;
	struct job *j;

	start(&b, rows, COUNT(rows));
	list(&b);
	commit(&b, false);
	answer_intentions(&b, 1);
	answer_intentions(&b, 1);
	task_free(next_task(&b, TASK_MARK));
	j = job_create(JOB_MARKED);
	failed(&j->failure, E_VANISHED, "it was undeleted");
	put(&b, j);
	answer_intentions(&b, 0); /* it is asked again, and there is none */
	check_committed(&b, &(struct commit_result){.proved = true}, OK);
	end(&b);
}

/* ---- the end ---- */

static void after_the_final_commit_nothing_is_begun(void **state)
{
	static const struct scripted_row rows[] = {LISTING, SCRIPTED_LOGIN};
	struct bench b;
	struct event *e;

	start(&b, rows, COUNT(rows));
	commit(&b, true);
	answer_intentions(&b, 0);
	check_committed(&b, &(struct commit_result){.proved = true}, OK);
	ask_for_listing(&b, 3);
	e = next_event(&b, EVENT_NOT_LISTED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	fetch(&b, FIRST_ID);
	e = next_event(&b, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	end(&b);
}

static void the_end_answers_those_who_wait(void **state)
{
	static const struct scripted_row rows[] = {{"", NULL}};
	struct bench b;
	struct event *e;

	start(&b, rows, COUNT(rows));
	ask_for_listing(&b, 3);
	fetch(&b, FIRST_ID);
	put(&b, job_create(JOB_END));
	e = next_event(&b, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	e = next_event(&b, EVENT_NOT_LISTED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	end(&b);
}

static void it_may_end_before_anything_was_asked(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct bench b;

	start(&b, rows, COUNT(rows));
	end(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listing_goes_to_the_store_and_back),
	    cmocka_unit_test(a_refresh_that_fails_says_why),
	    cmocka_unit_test(a_line_that_breaks_while_it_lists_is_replaced_once),
	    cmocka_unit_test(a_body_goes_to_the_store_in_pieces),
	    cmocka_unit_test(a_body_that_cannot_be_had_says_why),
	    cmocka_unit_test(a_fetch_opens_a_line_and_is_not_had_without_one),
	    cmocka_unit_test(a_deletion_is_marked_sent_and_proved),
	    cmocka_unit_test(what_is_still_listed_was_not_deleted),
	    cmocka_unit_test(the_answers_to_dele_and_quit_decide_the_outcome),
	    cmocka_unit_test(a_commit_of_nothing_needs_no_line),
	    cmocka_unit_test(an_unlink_that_was_taken_back_is_not_sent),
	    cmocka_unit_test(after_the_final_commit_nothing_is_begun),
	    cmocka_unit_test(the_end_answers_those_who_wait),
	    cmocka_unit_test(it_may_end_before_anything_was_asked),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
