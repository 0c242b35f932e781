#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "desk.h"

#define HEADER      "+OK\nA: b\n\n"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A line that takes several commands at a time, and a mirror of any size; nothing is known of the
 * account. */
static struct session *start(struct desk *d)
{
	struct session *s = desk_start(d);

	d->talk.capabilities.pipelining = true;
	d->plan.mirror = UINT64_MAX;
	return s;
}

/* The store gives back a draft of two messages of DESK_OCTETS, all of this kind. */
static enum error merged(struct desk *d, enum row_kind kind)
{
	struct draft *draft = draft_create();
	struct failure why = {0};

	for (uint32_t i = 1; i <= 2; i++) {
		char uidl = (char)('a' + i);

		draft_uidl(draft, i, slice_make(&uidl, 1));
		draft_listed(draft, i, DESK_OCTETS);
	}
	draft_close(draft);
	for (size_t i = 0; i < 2; i++)
		draft->rows[i].kind = kind;
	d->session.line = LINE_SURVEYING;
	return survey_merged(&d->session, draft, &why);
}

static enum error answer(struct desk *d, enum verb verb, uint64_t tag, const char *text)
{
	struct failure why = {0};

	return desk_answer(d, survey_answer, verb, tag, text, &why);
}

/* Both headers, of the rows 1 and 0. */
static void headers_come(struct desk *d)
{
	assert_int_equal(answer(d, VERB_TOP, 1, HEADER), OK);
	assert_int_equal(answer(d, VERB_TOP, 0, HEADER), OK);
}

static void published(struct desk *d)
{
	task_free(desk_task(d, TASK_PUBLISH));
	assert_null(d->session.survey.draft);
}

/* The line is in step behind the headers. */
static void proven(struct desk *d)
{
	assert_int_equal(merged(d, ROW_NEW), OK);
	desk_sent(d, "TOP 2;TOP 1;LIST 1;RETR 1;");
	headers_come(d);
	assert_int_equal(answer(d, VERB_LIST, 1, "+OK 1 12"), OK);
	published(d);
}

/* Up to the moment at which the listing stands. */
static void listed(struct desk *d)
{
	proven(d);
	desk_list(d, 2);
	d->session.line = LINE_READY;
	ahead_listed(&d->session);
}

static void comes(struct desk *d, const char *text)
{
	struct failure why = {0};

	assert_int_equal(desk_answer(d, fetching_answer, VERB_RETR, 0, text, &why), OK);
}

static void stored(struct desk *d, int64_t id)
{
	struct task *t = desk_task(d, TASK_BODY);

	assert_int_equal(t->id, id);
	task_free(t);
	fetching_kept(&d->session, id);
}

static void it_comes_with_the_listing(void **state)
{
	struct desk d;
	struct session *s = start(&d);
	struct failure why = {0};

	assert_false(ahead_waits(s));
	listed(&d);
	assert_true(s->fetching.read_here);
	fetching_want(s, 1, false, false); /* the mirror's wish comes behind it */
	fetching_want(s, 2, false, false);
	assert_int_equal(fetching_go(s, &why), OK);
	desk_sent(&d, ""); /* nothing beside it */
	comes(&d, DESK_BODY);
	stored(&d, 1);
	assert_int_equal(s->facts.of[FACT_LONE_FETCHES], 1);
	assert_int_equal(fetching_go(s, &why), OK);
	desk_sent(&d, "RETR 2;");
	desk_finish(&d);
}

/* The mirror's wish may be there before the session knows of the listing. */
static void it_is_the_one_that_is_wanted(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	fetching_want(s, 1, true, false);
	listed(&d);
	assert_int_equal(fetching_queue(s), 1);
	comes(&d, DESK_BODY);
	stored(&d, 1);
	assert_int_equal(fetching_queue(s), 0);
	desk_finish(&d);
}

/* Only between the publishing and the listing. */
static void its_answer_waits_for_the_listing(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	assert_int_equal(merged(&d, ROW_NEW), OK);
	headers_come(&d);
	desk_quiet(&d);
	assert_false(ahead_waits(s));
	assert_int_equal(answer(&d, VERB_LIST, 1, "+OK 1 12"), OK);
	published(&d);
	assert_true(ahead_waits(s));
	desk_list(&d, 2);
	s->line = LINE_READY;
	ahead_listed(s);
	assert_false(ahead_waits(s));
	comes(&d, DESK_BODY);
	stored(&d, 1);
	desk_finish(&d);
}

static void mirror_of_one_octet_less(struct desk *d)
{
	d->plan.mirror = UINT64_C(2) * DESK_OCTETS - 1;
}

static void no_mirror(struct desk *d)
{
	d->plan.mirror = 0;
}

static void one_at_a_time(struct desk *d)
{
	d->plan.pipelining = PIPELINING_OFF;
}

static void no_capa(struct desk *d)
{
	d->talk.capabilities.known = false;
	d->plan.pipelining = PIPELINING_AUTO;
}

static void fetched_before(struct desk *d)
{
	d->session.facts.of[FACT_LONE_FETCHES] = 1;
}

static void tried_before(struct desk *d)
{
	d->session.ahead.went = true;
}

static void nothing_goes_ahead_where_it_may_not(void **state)
{
	static void (*const reasons[])(struct desk * d) = {mirror_of_one_octet_less, no_mirror,
	    one_at_a_time, no_capa, fetched_before, tried_before};

	for (size_t i = 0; i < COUNT(reasons); i++) {
		struct desk d;

		start(&d);
		reasons[i](&d);
		assert_int_equal(merged(&d, ROW_NEW), OK);
		assert_null(strstr(buf_text(&d.talk.sent), "RETR"));
		desk_finish(&d);
	}
}

/* Their numbers may be other messages'. */
static void nothing_goes_ahead_of_what_is_doubtful(void **state)
{
	struct desk d;

	start(&d);
	assert_int_equal(merged(&d, ROW_DOUBTFUL), OK);
	desk_sent(&d, "TOP 2;TOP 1;LIST 1;");
	desk_finish(&d);
}

/* A reply too many among the headers: none of them is believed. */
static void a_line_out_of_step_publishes_nothing(void **state)
{
	static const char *const answers[] = {"+OK", "-ERR no", "+OK 2 12", "+OK 1234 octets"};

	for (size_t i = 0; i < COUNT(answers); i++) {
		struct desk d;
		struct session *s = start(&d);
		struct failure why;

		assert_int_equal(merged(&d, ROW_NEW), OK);
		headers_come(&d);
		assert_int_equal(answer(&d, VERB_LIST, 1, answers[i]), E_PROTOCOL);
		assert_true(pipelining_is_used(s));
		desk_quiet(&d);
		failed(&why, E_PROTOCOL, "out of step");
		s->refresh_wanted = true;
		line_over(s, &why);
		assert_true(s->refresh_wanted); /* the listing is had on another line */
		assert_false(pipelining_may_be(s));
		desk_finish(&d);
	}
}

/* The header before it is not to blame, and the next line goes without. */
static void what_breaks_under_it_is_listed_again(void **state)
{
	struct desk d;
	struct session *s = start(&d);
	struct failure why;

	assert_int_equal(merged(&d, ROW_NEW), OK);
	desk_sent(&d, "TOP 2;TOP 1;LIST 1;RETR 1;");
	headers_come(&d);
	failed(&why, E_CLOSED, "closed");
	s->refresh_wanted = true;
	line_over(s, &why);
	assert_true(s->refresh_wanted);
	assert_true(d.talk.closed);
	line_connect(s);
	assert_int_equal(merged(&d, ROW_NEW), OK);
	desk_sent(&d, "TOP 2;TOP 1;LIST 1;");
	headers_come(&d);
	assert_int_equal(answer(&d, VERB_LIST, 1, "+OK 1 12"), OK);
	published(&d);
	desk_finish(&d);
}

static void a_line_that_takes_no_command_is_over(void **state)
{
	struct desk d;
	struct session *s = start(&d);
	struct failure why = {0};

	assert_int_equal(merged(&d, ROW_NEW), OK);
	s->ahead.went = false;
	d.talk.broken = true;
	assert_int_equal(ahead_go(s, &why), E_CLOSED);
	desk_finish(&d);
}

/* Its answer would be nobody's. */
static void a_listing_without_it_costs_the_line(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	proven(&d);
	desk_list(&d, 0);
	s->line = LINE_READY;
	ahead_listed(s);
	assert_true(d.talk.closed);
	assert_int_equal(s->ahead.number, 0);
	desk_finish(&d);
}

/* They cannot be asked for in front of a body. */
static void a_store_that_asks_for_more_headers_gets_another_line(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	proven(&d);
	assert_int_equal(merged(&d, ROW_NEW), E_PROTOCOL);
	assert_true(s->ahead.number > 0);
	desk_finish(&d);
	assert_int_equal(s->ahead.number, 0);
}

/* Where the sizes differ, it may be the headers that were out of step. */
static void a_size_that_is_not_listed_shows_nothing(void **state)
{
	struct desk d;
	struct session *s = start(&d);
	struct failure why = {0};

	listed(&d);
	comes(&d, "+OK\nA: b\n\nxxyy");
	stored(&d, 1);
	assert_int_equal(s->facts.of[FACT_LONE_FETCHES], 0);
	assert_int_equal(s->facts.of[FACT_LIST_INEXACT], 0);
	fetching_want(s, 2, false, false);
	assert_int_equal(fetching_go(s, &why), OK);
	desk_sent(&d, "RETR 2;");
	comes(&d, "+OK\nA: b\n\nxxyy"); /* alone, it does */
	stored(&d, 2);
	assert_int_equal(s->facts.of[FACT_LIST_INEXACT], 1);
	desk_finish(&d);
}

/* The message that is refused costs itself alone. */
static void a_refusal_is_asked_again_on_another_line(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	listed(&d);
	comes(&d, "-ERR no");
	assert_int_equal(fetching_queue(s), 1);
	desk_finish(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_comes_with_the_listing),
	    cmocka_unit_test(it_is_the_one_that_is_wanted),
	    cmocka_unit_test(its_answer_waits_for_the_listing),
	    cmocka_unit_test(nothing_goes_ahead_where_it_may_not),
	    cmocka_unit_test(nothing_goes_ahead_of_what_is_doubtful),
	    cmocka_unit_test(a_line_out_of_step_publishes_nothing),
	    cmocka_unit_test(what_breaks_under_it_is_listed_again),
	    cmocka_unit_test(a_line_that_takes_no_command_is_over),
	    cmocka_unit_test(a_listing_without_it_costs_the_line),
	    cmocka_unit_test(a_store_that_asks_for_more_headers_gets_another_line),
	    cmocka_unit_test(a_size_that_is_not_listed_shows_nothing),
	    cmocka_unit_test(a_refusal_is_asked_again_on_another_line),
	};

	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
