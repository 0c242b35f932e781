#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "played.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define A PLAYED_FIRST
#define B (PLAYED_FIRST + 1)
#define C (PLAYED_FIRST + 2)

/* None is smaller than LIST says. */
#define BODY   "\r\nthe body\r\n.\r\n"
#define MAIL_A "+OK\r\nA: a\r\n" BODY
#define MAIL_B "+OK\r\nB: b\r\n" BODY
#define MAIL_C "+OK\r\nC: c\r\n" BODY
#define IN_STEP                                                                                    \
	{"LIST 2", "+OK 2 8\r\n"},                                                                 \
	{                                                                                          \
		"LIST 3", "+OK 3 12\r\n"                                                           \
	}
#define ANOTHER "+OK\r\nX: x\r\n" BODY /* what stands in for another */

/* TASK_BODY of the message: it is believed as far as the session goes. The caller's. */
static struct task *body(struct played *p, int64_t id)
{
	struct task *t = played_task(p, TASK_BODY);

	assert_int_equal(t->id, id);
	return t;
}

/* The store doubts it: the session fetches it again. */
static void doubt(struct played *p, struct task *t)
{
	struct job *j = job_create(JOB_DOUBTED);

	j->id = t->id;
	j->doubts = t->body->doubts + 1;
	memcpy(j->hash, t->body->sha256, sizeof(j->hash));
	played_put(p, j);
	task_free(t);
}

/* The store has it. */
static void keep(struct played *p, struct task *t)
{
	struct job *j = job_create(JOB_KEPT);

	j->id = t->id;
	played_put(p, j);
	task_free(t);
}

/* The session is on another line: it lists there. */
static void list_again(struct played *p)
{
	played_publish(p, played_merge(p));
	played_refreshed(p, 1);
}

/* ---- with another header than TOP's ---- */

static void the_same_stray_reply_on_two_lines_is_not_believed(void **state)
{
	/* a reply too many behind each RETR, taken for the next one's */
	static const struct scripted_row rows[] = {{"RETR 1", MAIL_A, .session = 1},
	    {"RETR 2", ANOTHER, .session = 1}, {"RETR 3", ANOTHER, .session = 1},
	    {"RETR 2", MAIL_B, .session = 2}, {"RETR 3", ANOTHER, .session = 2},
	    {"RETR 3", MAIL_C, .session = 3}, IN_STEP, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played p;
	struct task *b, *c;

	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	played_fetch(&p, A);
	keep(&p, body(&p, A));
	played_fetch(&p, B);
	b = body(&p, B);
	played_fetch(&p, C);
	c = body(&p, C);
	doubt(&p, c);
	doubt(&p, b);
	list_again(&p);
	b = body(&p, B);
	assert_false(b->body->sure);
	keep(&p, b);
	list_again(&p); /* for c, which is not asked for behind b */
	c = body(&p, C);
	assert_false(c->body->sure);
	assert_int_equal(c->body->size, strlen("C: c\r\n\r\nthe body\r\n"));
	keep(&p, c);
	played_end(&p);
}

static void what_comes_twice_first_of_two_lines_is_sure(void **state)
{
	static const struct scripted_row rows[] = {
	    {"RETR 1", MAIL_A}, {"RETR 2", ANOTHER}, IN_STEP, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played p;
	struct task *b;

	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	played_fetch(&p, A);
	keep(&p, body(&p, A));
	played_fetch(&p, B);
	for (unsigned line = 1; line <= 2; line++) {
		b = body(&p, B);
		assert_false(b->body->sure); /* at first behind a; then alone on one line only */
		doubt(&p, b);
		list_again(&p);
	}
	b = body(&p, B);
	assert_true(b->body->sure);
	keep(&p, b);
	played_end(&p);
}

/* ---- without a header to compare ---- */

static void without_a_header_a_line_in_step_is_the_proof(void **state)
{
	static const struct {
		const char *body;
		bool unproven;
	} cases[] = {
	    {MAIL_B, false},
	    {"+OK\r\n+OK 9 octets\r\nB: b\r\n" BODY, true},
	    {"+OK\r\n-ERR no\r\n" BODY, true},
	    {"+OK\r\n+O\r\n" BODY, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {
		    {"RETR 2", cases[i].body}, IN_STEP, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played p;
		struct task *b;

		played_start(&p, rows, COUNT(rows));
		p.headless = true;
		played_list(&p);
		played_fetch(&p, B);
		b = body(&p, B);
		assert_int_equal(b->body->unproven, cases[i].unproven);
		assert_false(b->body->sure);
		keep(&p, b);
		played_end(&p);
	}
}

static void where_the_line_is_not_in_step_another_one_is_needed(void **state)
{
	static const struct scripted_row lists[] = {{"LIST 2", NULL, .closes = true},
	    {"LIST 2", NULL}, {"LIST 2", ANOTHER}, {"LIST 2", "+OK\r\n"},
	    {"LIST 2", "+OK 3 12\r\n"}, {"LIST 2", "-ERR no\r\n"}};

	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct scripted_row rows[] = {
		    {"RETR 2", MAIL_B}, lists[i], PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played p;
		struct task *t;

		played_start(&p, rows, COUNT(rows));
		p.headless = true;
		played_list(&p);
		played_fetch(&p, B);
		list_again(&p); /* the store has heard nothing of it */
		t = body(&p, B);
		assert_true(t->body->sure);
		keep(&p, t);
		played_end(&p);
	}
}

static void what_comes_otherwise_each_time_is_told(void **state)
{
	static const struct scripted_row rows[] = {{"RETR 2", "+OK\r\nN: 1\r\n" BODY, .session = 1},
	    {"RETR 2", "+OK\r\nN: 2\r\n" BODY, .session = 2},
	    {"RETR 2", "+OK\r\nN: 3\r\n" BODY, .session = 3},
	    {"RETR 2", "+OK\r\nN: 4\r\n" BODY, .session = 4}, IN_STEP, PLAYED_LISTING,
	    SCRIPTED_LOGIN};
	struct played p;
	struct event *e;

	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	played_fetch(&p, B);
	for (unsigned line = 1; line < 4; line++) {
		doubt(&p, body(&p, B));
		list_again(&p);
	}
	e = played_event(&p, EVENT_FETCHED);
	assert_int_equal(e->id, B);
	assert_int_equal(e->failure.code, E_PROTOCOL);
	event_free(e);
	played_end(&p);
}

/* ---- what is in the store ---- */

static void what_is_asked_for_anew_while_it_is_stored_is_fetched_again(void **state)
{
	static const struct scripted_row rows[] = {
	    {"RETR 2", MAIL_B}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct job *j = job_create(JOB_FETCH);
	struct played p;
	struct task *t;

	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	played_fetch(&p, B);
	t = body(&p, B);
	j->id = B;
	j->again = true; /* it was seen to be cached, and is damaged */
	played_put(&p, j);
	keep(&p, t);
	keep(&p, body(&p, B));
	played_end(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_stray_reply_on_two_lines_is_not_believed),
	    cmocka_unit_test(what_comes_twice_first_of_two_lines_is_sure),
	    cmocka_unit_test(without_a_header_a_line_in_step_is_the_proof),
	    cmocka_unit_test(where_the_line_is_not_in_step_another_one_is_needed),
	    cmocka_unit_test(what_comes_otherwise_each_time_is_told),
	    cmocka_unit_test(what_is_asked_for_anew_while_it_is_stored_is_fetched_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
