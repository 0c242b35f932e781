#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "desk.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void go(struct desk *d)
{
	struct failure why = {0};

	if (fetching_go(&d->session, &why) != OK)
		fail_msg("%s", why.words);
}

static enum error answer(struct desk *d, enum verb verb, uint64_t tag, const char *text)
{
	return desk_answer(d, fetching_answer, verb, tag, text, NULL);
}

static void comes(struct desk *d, enum verb verb, const char *text)
{
	assert_int_equal(answer(d, verb, 0, text), OK);
}

/* The store has the body of this message, and says so. */
static void stored(struct desk *d, int64_t id)
{
	struct task *t = desk_task(d, TASK_BODY);

	assert_int_equal(t->id, id);
	assert_int_equal(t->body->size, DESK_OCTETS);
	assert_int_equal(t->body->lines, 3);
	assert_int_equal(t->len, DESK_OCTETS);
	assert_memory_equal(t->data, "A: b\r\n\r\nxx\r\n", DESK_OCTETS);
	task_free(t);
	fetching_kept(&d->session, id);
}

static void told(struct desk *d, int64_t id, enum error code)
{
	struct event *e = desk_event(d, EVENT_FETCHED);

	assert_int_equal(e->id, id);
	assert_int_equal(e->failure.code, code);
	event_free(e);
}

/* What is not believed is small, and the store has heard nothing of it. */
static void nothing_stored(struct desk *d)
{
	struct task *t;

	while ((t = (struct task *)queue_take(&d->queues.tasks)) != NULL) {
		assert_int_equal(t->kind, TASK_REMEMBER);
		task_free(t);
	}
}

/* A line on which several RETRs may be out. */
static struct session *start_pipelined(struct desk *d)
{
	struct session *s = desk_start(d);

	d->talk.capabilities.pipelining = true;
	s->facts.of[FACT_LONE_FETCHES] = 2;
	desk_list(d, 5);
	return s;
}

static void a_reader_goes_before_what_is_fetched_ahead(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 3);
	fetching_want(s, 1, false, false);
	fetching_want(s, 2, false, false);
	assert_false(fetching_waited_for(s));
	fetching_want(s, 3, true, false);
	assert_true(fetching_waited_for(s));
	fetching_want(s, 2, false, false); /* it is asked for once */
	assert_int_equal(fetching_queue(s), 3);
	go(&d);
	desk_sent(&d, "RETR 3;");
	go(&d); /* one at a time */
	desk_sent(&d, "");
	comes(&d, VERB_RETR, DESK_BODY);
	stored(&d, 3);
	fetching_want(s, 2, true, false); /* and now somebody waits for this one */
	go(&d);
	desk_sent(&d, "RETR 2;");
	comes(&d, VERB_RETR, DESK_BODY);
	stored(&d, 2);
	go(&d);
	desk_sent(&d, "RETR 1;");
	comes(&d, VERB_RETR, DESK_BODY);
	stored(&d, 1);
	assert_false(fetching_wanted(s));
	go(&d);
	desk_sent(&d, "");
	desk_finish(&d);
}

static void what_is_there_or_gone_is_not_asked_for(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 4);
	message_set_body(s->listing, &s->listing->messages[0], DESK_OCTETS, 3, 8, true);
	message_set_body(s->listing, &s->listing->messages[1], DESK_OCTETS, 3, 8, true);
	s->numbers[2] = 0; /* it is kept in a partial listing, and has no number */
	fetching_want(s, 1, true, false);
	fetching_want(s, 3, true, false);
	fetching_want(s, 77, true, false);
	fetching_want(s, 2, true, true); /* what the cache has of it is damaged */
	go(&d);
	told(&d, 1, OK);
	told(&d, 3, E_VANISHED);
	told(&d, 77, E_VANISHED);
	desk_sent(&d, "RETR 2;");
	desk_finish(&d);
}

static void what_the_store_has_is_not_asked_for_again(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 1);
	fetching_want(s, 1, true, false);
	go(&d);
	comes(&d, VERB_RETR, DESK_BODY);
	desk_sent(&d, "RETR 1;");
	fetching_want(s, 1, true, false); /* the store has not said so yet */
	assert_false(fetching_wanted(s));
	go(&d);
	desk_sent(&d, "");
	stored(&d, 1);
	fetching_want(s, 1, true, false);
	go(&d);
	desk_sent(&d, "RETR 1;");
	desk_finish(&d);
}

/* The rest may come where the next reply should be. */
static void a_body_shorter_than_list_says_waits_for_the_next_reply(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	struct task *t;

	desk_list(&d, 1);
	fetching_want(s, 1, true, false);
	go(&d);
	comes(&d, VERB_RETR, "+OK\nA: b\n");
	desk_sent(&d, "RETR 1;NOOP;");
	desk_quiet(&d);
	comes(&d, VERB_NOOP, "+OK");
	/* a header, and LIST counts more: a body may have been lost, so once more */
	nothing_stored(&d);
	go(&d);
	comes(&d, VERB_RETR, "+OK\nA: b\n");
	desk_sent(&d, "RETR 1;LIST 1;"); /* now that it is doubted, a "+OK" alone will not do */
	assert_int_equal(answer(&d, VERB_LIST, 1, "+OK 1 12"), OK);
	t = desk_task(&d, TASK_BODY);
	assert_false(t->body->unproven);
	task_free(t);
	desk_finish(&d);
}

static void a_refusal_is_told_and_the_next_goes_on(void **state)
{
	static const struct {
		const char *answer;
		enum error code;
		bool lists; /* another session may have deleted it */
	} cases[] = {
	    {"-ERR no such message", E_REFUSED, true},
	    {"-ERR [SYS/PERM] broken", E_REFUSED, false},
	    {"-ERR [SYS/TEMP] later", E_LATER, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		desk_list(&d, 2);
		fetching_want(s, 1, true, false);
		fetching_want(s, 2, true, false);
		go(&d);
		comes(&d, VERB_RETR, cases[i].answer);
		told(&d, 1, cases[i].code);
		assert_int_equal(s->refresh_wanted, cases[i].lists);
		desk_sent(&d, "RETR 1;");
		go(&d);
		desk_sent(&d, "RETR 2;"); /* alone: this server takes one command at a time */
		desk_finish(&d);
	}
}

static void a_window_is_believed_when_what_closes_it_is_answered(void **state)
{
	struct desk d;
	struct session *s = start_pipelined(&d);

	for (int64_t id = 1; id <= 3; id++)
		fetching_want(s, id, false, false);
	go(&d);
	desk_sent(&d, "RETR 1;RETR 2;RETR 3;NOOP;");
	for (int64_t id = 1; id <= 3; id++) {
		comes(&d, VERB_RETR, DESK_BODY);
	}
	desk_quiet(&d);
	assert_int_equal(fetching_queue(s), 3);
	comes(&d, VERB_NOOP, "+OK");
	for (int64_t id = 1; id <= 3; id++)
		stored(&d, id);
	assert_false(fetching_wanted(s));
	desk_finish(&d);
}

static void a_reader_closes_his_window(void **state)
{
	struct desk d;
	struct session *s = start_pipelined(&d);

	fetching_want(s, 1, true, false);
	fetching_want(s, 2, false, false);
	fetching_want(s, 3, false, false);
	go(&d);
	desk_sent(&d, "RETR 1;NOOP;RETR 2;RETR 3;NOOP;");
	comes(&d, VERB_RETR, DESK_BODY);
	comes(&d, VERB_NOOP, "+OK");
	stored(&d, 1);
	desk_finish(&d);
}

static void an_answer_out_of_turn_is_out_of_step(void **state)
{
	static const struct {
		enum verb verb;
		const char *text;
	} cases[] = {{VERB_NOOP, "+OK"}, {VERB_TOP, "+OK"}, {VERB_RETR, DESK_BODY}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;

		desk_start(&d);
		desk_list(&d, 1);
		d.talk.waiting = 1;
		assert_int_equal(answer(&d, cases[i].verb, 0, cases[i].text), E_PROTOCOL);
		desk_finish(&d);
	}
}

/* TOP told nothing of it: the line must be in step. */
static void without_a_known_header_the_number_must_be_answered(void **state)
{
	static const struct {
		const char *answer;
		enum error want;
	} cases[] = {
	    {"+OK 2 12", OK},
	    {"+OK 2 99", OK},
	    {"+OK 1 12", E_PROTOCOL},
	    {"+OK", E_PROTOCOL},
	    {"-ERR", E_PROTOCOL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		desk_list(&d, 2);
		atomic_store(&s->listing->messages[1].header, 0);
		fetching_want(s, 2, true, false);
		go(&d);
		comes(&d, VERB_RETR, DESK_BODY);
		desk_sent(&d, "RETR 2;LIST 2;");
		desk_quiet(&d);
		assert_int_equal(answer(&d, VERB_LIST, 2, cases[i].answer), cases[i].want);
		if (cases[i].want == OK)
			stored(&d, 2);
		else
			line_close(s);
		if (cases[i].want != OK)
			nothing_stored(&d);
		desk_finish(&d);
	}
}

static void what_was_out_is_wanted_again_in_its_order(void **state)
{
	struct desk d;
	struct session *s = start_pipelined(&d);

	for (int64_t id = 1; id <= 3; id++)
		fetching_want(s, id, false, false);
	go(&d);
	comes(&d, VERB_RETR, DESK_BODY); /* and is held */
	fetching_line_closed(s);
	nothing_stored(&d);
	d.talk.waiting = 0;
	desk_sent(&d, "RETR 1;RETR 2;RETR 3;NOOP;");
	go(&d);
	desk_sent(&d, "RETR 1;RETR 2;RETR 3;NOOP;");
	desk_finish(&d);
}

static enum error text_comes(struct session *s, struct slice text)
{
	return fetching_answer(
	    s, &(struct answer){.kind = ANSWER_TEXT, .verb = VERB_RETR, .text = text}, NULL);
}

/* Of the only message, which somebody waits for. */
static struct session *body_begins(struct desk *d)
{
	struct answer begun = {.kind = ANSWER_STATUS, .verb = VERB_RETR};
	struct session *s = desk_start(d);

	begun.status.sign = REPLY_OK;
	desk_list(d, 1);
	fetching_want(s, 1, true, false);
	go(d);
	s->fetching.came = UINT64_MAX / 2; /* of another, before */
	assert_int_equal(fetching_answer(s, &begun, NULL), OK);
	return s;
}

static void a_body_cut_in_the_middle_leaves_nothing(void **state)
{
	struct desk d;
	struct session *s = body_begins(&d);

	assert_int_equal(text_comes(s, slice_of("A: b\r\n\r\n")), OK);
	line_close(s);
	nothing_stored(&d);
	assert_true(fetching_waited_for(s)); /* he goes on waiting, for the next line */
	desk_finish(&d);
}

/* The pieces that the store has by then go again, before anything else comes. */
static void what_came_of_a_large_body_is_taken_back(void **state)
{
	CLEANUP(freep) char *octets = xmalloc(CHUNK_OCTETS + 1);
	struct desk d;
	struct session *s = body_begins(&d);
	struct task *t;

	memset(octets, 'x', CHUNK_OCTETS + 1);
	assert_int_equal(text_comes(s, slice_make(octets, CHUNK_OCTETS + 1)), OK);
	task_free(desk_task(&d, TASK_CHUNK));
	line_close(s);
	t = desk_task(&d, TASK_DISCARD);
	assert_int_equal(t->id, 1);
	task_free(t);
	nothing_stored(&d);
	desk_finish(&d);
}

/* LIST is no end of a body; but a server that sends on and on would fill the disk. */
static void a_body_without_an_end_is_cut(void **state)
{
	static const struct {
		uint64_t came; /* octets of it, so far */
		enum error code;
	} cases[] = {
	    {DESK_OCTETS * 100, OK},
	    {UINT64_C(2) << 30, OK},
	    {UINT64_C(5) << 30, E_REFUSED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = body_begins(&d);

		assert_int_equal(text_comes(s, slice_of("A: b\r\n\r\n")), OK);
		s->fetching.came = cases[i].came;
		assert_int_equal(text_comes(s, slice_of("A: b\r\n\r\n")), cases[i].code);
		desk_finish(&d);
	}
}

static void a_line_that_breaks_twice_under_one_message_is_told(void **state)
{
	static const struct {
		enum error code;
		unsigned lines; /* that break before its reader is told */
	} cases[] = {{E_CLOSED, 2}, {E_PROTOCOL, 2}, {E_REFUSED, 2}, {E_TIMEOUT, 1}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct failure why = {.code = cases[i].code, .words = "broken"};
		struct desk d;
		struct session *s = desk_start(&d);

		for (unsigned line = 1; line <= cases[i].lines; line++) {
			desk_quiet(&d);
			s->talk = &d.talk;
			d.talk.closed = false;
			d.talk.waiting = 0;
			s->line = LINE_READY;
			desk_list(&d, 2);
			fetching_want(s, 2, false, false);
			fetching_want(s, 1, true, false);
			go(&d);
			desk_sent(&d, "RETR 1;");
			fetching_broken(s, &why);
			line_close(s);
		}
		told(&d, 1, cases[i].code);
		assert_int_equal(fetching_queue(s), 1); /* the other has nothing to do with it */
		desk_finish(&d);
	}
}

static void when_nobody_can_be_served_all_are_told(void **state)
{
	struct failure why = {.code = E_LOGIN, .words = "refused"};
	struct desk d;
	struct session *s = start_pipelined(&d);

	for (int64_t id = 1; id <= 3; id++)
		fetching_want(s, id, id == 2, false);
	go(&d);
	comes(&d, VERB_RETR, DESK_BODY);
	fetching_fail_all(s, &why);
	nothing_stored(&d);
	told(&d, 2, E_LOGIN);
	told(&d, 1, E_LOGIN);
	told(&d, 3, E_LOGIN);
	assert_false(fetching_wanted(s));
	desk_finish(&d);
}

/* Three messages in a window, the second of which has not LIST's size. */
static struct session *start_with_an_odd_one(struct desk *d)
{
	static const char *const bodies[] = {DESK_BODY, "+OK\nA: b\n\nodd", DESK_BODY};
	struct session *s = start_pipelined(d);

	for (int64_t id = 1; id <= 3; id++)
		fetching_want(s, id, false, false);
	go(d);
	for (size_t i = 0; i < 3; i++) {
		comes(d, VERB_RETR, bodies[i]);
	}
	comes(d, VERB_NOOP, "+OK");
	nothing_stored(d);
	desk_quiet(d); /* the others wait for it */
	go(d);
	desk_sent(d, "RETR 1;RETR 2;RETR 3;NOOP;RETR 2;");
	return s;
}

static void what_waits_for_an_odd_one_is_believed_when_that_is_refused(void **state)
{
	struct desk d;
	struct session *s = start_with_an_odd_one(&d);

	comes(&d, VERB_RETR, "-ERR [SYS/PERM] broken");
	stored(&d, 1);
	stored(&d, 3);
	told(&d, 2, E_REFUSED);
	assert_false(fetching_wanted(s));
	desk_finish(&d);
}

/* The store knows another header; whoever wanted it has gone. */
static void what_is_doubted_is_fetched_again(void **state)
{
	struct job doubted = {.kind = JOB_DOUBTED, .id = 2, .doubts = 1};
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 3);
	fetching_doubted(s, &doubted);
	assert_true(fetching_waited_for(s));
	go(&d);
	desk_sent(&d, "RETR 2;");
	fetching_kept(s, 77); /* and of what nobody wants any more nothing follows */
	assert_int_equal(fetching_queue(s), 1);
	desk_finish(&d);
}

static void no_more_octets_are_out_than_the_pace_allows(void **state)
{
	struct desk d;
	struct session *s = start_pipelined(&d);

	for (size_t i = 0; i < 3; i++) {
		atomic_store(&s->listing->messages[i].fact, (PACE_FIRST / 4 * 3) << 8);
		fetching_want(s, (int64_t)i + 1, false, false);
	}
	go(&d);
	desk_sent(&d, "RETR 1;NOOP;RETR 2;");
	assert_int_equal(fetching_queue(s), 3);
	desk_finish(&d);
}

/* The user has said that it takes several; but not which of them it broke under. */
static void after_a_break_each_of_several_has_a_line_to_itself(void **state)
{
	struct failure broken = {.code = E_CLOSED, .words = "closed"};
	struct desk d;
	struct session *s = start_pipelined(&d);

	d.plan.pipelining = PIPELINING_ON;
	for (int64_t id = 1; id <= 3; id++)
		fetching_want(s, id, false, false);
	go(&d);
	desk_sent(&d, "RETR 1;RETR 2;RETR 3;NOOP;");
	comes(&d, VERB_RETR, DESK_BODY); /* and is held */
	line_over(s, &broken);
	nothing_stored(&d);
	desk_quiet(&d);
	s->talk = &d.talk;
	d.talk.closed = false;
	d.talk.waiting = 0;
	s->line = LINE_READY;
	desk_list(&d, 5);
	go(&d);
	desk_sent(&d, "RETR 1;");
	desk_finish(&d);
}

static void silence_behind_a_short_body_is_told_and_nothing_of_it_kept(void **state)
{
	struct failure silent = {.code = E_TIMEOUT, .words = "silent"};
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 1);
	fetching_want(s, 1, true, false);
	go(&d);
	comes(&d, VERB_RETR, "+OK\nA: b\n");
	desk_sent(&d, "RETR 1;NOOP;");
	line_over(s, &silent);
	nothing_stored(&d);
	told(&d, 1, E_TIMEOUT);
	assert_false(fetching_wanted(s));
	desk_finish(&d);
}

/* More than may wait here: behind an odd message, say. */
static void what_is_too_much_to_hold_waits_in_the_store(void **state)
{
	struct desk d;
	struct session *s = start_pipelined(&d);
	struct task *t;

	s->fetching.held = UINT64_C(1) << 30;
	fetching_want(s, 1, false, false);
	fetching_want(s, 2, false, false);
	go(&d);
	comes(&d, VERB_RETR, DESK_BODY);
	t = desk_task(&d, TASK_CHUNK);
	assert_int_equal(t->len, DESK_OCTETS);
	assert_int_equal(s->in_store, DESK_OCTETS);
	task_free(t);
	fetching_line_closed(s);
	t = desk_task(&d, TASK_DISCARD);
	assert_int_equal(t->id, 1);
	task_free(t);
	assert_int_equal(s->fetching.held, UINT64_C(1) << 30);
	desk_finish(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_reader_goes_before_what_is_fetched_ahead),
	    cmocka_unit_test(what_is_there_or_gone_is_not_asked_for),
	    cmocka_unit_test(what_the_store_has_is_not_asked_for_again),
	    cmocka_unit_test(a_body_shorter_than_list_says_waits_for_the_next_reply),
	    cmocka_unit_test(a_refusal_is_told_and_the_next_goes_on),
	    cmocka_unit_test(a_window_is_believed_when_what_closes_it_is_answered),
	    cmocka_unit_test(what_is_too_much_to_hold_waits_in_the_store),
	    cmocka_unit_test(a_reader_closes_his_window),
	    cmocka_unit_test(an_answer_out_of_turn_is_out_of_step),
	    cmocka_unit_test(without_a_known_header_the_number_must_be_answered),
	    cmocka_unit_test(what_was_out_is_wanted_again_in_its_order),
	    cmocka_unit_test(a_body_cut_in_the_middle_leaves_nothing),
	    cmocka_unit_test(what_came_of_a_large_body_is_taken_back),
	    cmocka_unit_test(a_body_without_an_end_is_cut),
	    cmocka_unit_test(a_line_that_breaks_twice_under_one_message_is_told),
	    cmocka_unit_test(when_nobody_can_be_served_all_are_told),
	    cmocka_unit_test(what_waits_for_an_odd_one_is_believed_when_that_is_refused),
	    cmocka_unit_test(what_is_doubted_is_fetched_again),
	    cmocka_unit_test(no_more_octets_are_out_than_the_pace_allows),
	    cmocka_unit_test(after_a_break_each_of_several_has_a_line_to_itself),
	    cmocka_unit_test(silence_behind_a_short_body_is_told_and_nothing_of_it_kept),
	};

	return cmocka_run_group_tests_name("fetching", tests, NULL, NULL);
}
