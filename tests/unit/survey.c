#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "desk.h"

/* A server's answers to STAT, UIDL and LIST (NULL: it is not asked), and what is made of them. */
struct survey_case {
	const char *what, *stat, *uidl, *list;
	enum error want;
	size_t count, nameless, bad_lines;
	bool partial;
};

static const struct survey_case cases[] = {
    {"all three agree", "+OK 2 30", "+OK\n1 a\n2 b\n", "+OK\n1 10\n2 20\n", OK, 2},
    {"an empty maildrop", "+OK 0 0", "+OK\n", "+OK\n", OK, 0},
    {"an empty maildrop, whose lists are refused", "+OK 0 0", "-ERR none", "-ERR none", OK, 0},
    {"one that STAT counts is not listed", "+OK 3 30", "+OK\n1 a\n2 b\n", "+OK\n1 10\n2 20\n",
	E_PROTOCOL},
    {"an empty maildrop that cannot be had now", "+OK 0 0", "-ERR [SYS/TEMP] later", NULL, E_LATER},
    {"an empty maildrop that cannot be had", "+OK 0 0", "-ERR [SYS/PERM] lost", NULL, E_REFUSED},
    {"a reply too many", "+OK 2 30", "+OK\n+OK 2 messages\n1 a\n2 b\n",
	"+OK\n+OK 2 20\n1 10\n2 20\n", OK, 2, 0, 2},
    {"a reply too many, and too few lines", "+OK 2 30", "+OK\n+OK 2 messages\n1 a\n", "+OK\n1 10\n",
	E_PROTOCOL},
    {"+OK before each line", "+OK 2 30", "+OK\n+OK 1 a\n+OK 2 b\n", "+OK\n+OK 1 10\n+OK 2 20\n", OK,
	2},
    {"+OK before the only line", "+OK 1 10", "+OK\n+OK 1 a\n", "+OK\n+OK 1 10\n", OK, 1},
    {"LIST is short", "+OK 2 30", "+OK\n1 a\n2 b\n", "+OK\n1 10\n", E_PROTOCOL},
    {"UIDL is short: it has no name", "+OK 2 30", "+OK\n1 a\n", "+OK\n1 10\n2 20\n", OK, 2, 1},
    {"one that came since STAT", "+OK 1 10", "+OK\n1 a\n2 b\n", "+OK\n1 10\n2 20\n", OK, 2},
    {"a bad line stands for a message", "+OK 2 30", "+OK\n1 a\nnonsense\n", "+OK\n1 10\nnonsense\n",
	OK, 1, 0, 2, true},
    {"a size that is none", "+OK 1 10", "+OK\n1 a\n", "+OK\n1 many\n", OK, 1, 0, 1},
    {"no STAT, the lists agree", "-ERR what", "+OK\n1 a\n", "+OK\n1 10\n", OK, 1},
    {"a STAT that makes no sense", "+OK so many", "+OK\n1 a\n", "+OK\n1 10\n", OK, 1},
    {"no STAT, LIST has more", "-ERR what", "+OK\n1 a\n", "+OK\n1 10\n2 20\n", E_PROTOCOL},
    {"no STAT, UIDL has more", "-ERR what", "+OK\n1 a\n2 b\n", "+OK\n1 10\n", E_PROTOCOL},
    {"a STAT that cannot be had now", "-ERR [SYS/TEMP] later", NULL, NULL, E_LATER},
    {"a LIST that is refused", "+OK 1 10", "+OK\n1 a\n", "-ERR no", E_REFUSED},
    {"a LIST that cannot be had now", "+OK 1 10", "+OK\n1 a\n", "-ERR [SYS/TEMP] no", E_LATER},
    {"an announced UIDL that is refused", "+OK 1 10", "-ERR no", NULL, E_REFUSED},
};

static void check_draft(struct desk *d, const struct survey_case *c)
{
	struct task *t = desk_task(d, TASK_MERGE);
	const struct draft *draft = t->draft;

	assert_int_equal(draft->count, c->count);
	assert_int_equal(draft->nameless, c->nameless);
	assert_int_equal(draft->bad_lines, c->bad_lines);
	assert_int_equal(draft->partial, c->partial);
	assert_int_equal(draft->line, d->session.lines);
	for (size_t i = 0; i < draft->count; i++) /* none is longer here */
		assert_in_range(row_uidl(draft, &draft->rows[i]).len, 0, 1);
	assert_null(d->session.survey.draft); /* the store has it */
	task_free(t);
}

static void a_listing_is_what_the_three_answers_agree_on(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct survey_case *c = &cases[i];
		struct desk d;
		struct session *s = desk_start(&d);
		struct failure why = {0};
		enum error error = survey_start(s, &why);

		desk_sent(&d, "STAT;"); /* one at a time: no PIPELINING */
		if (!error)
			error = desk_answer(&d, survey_answer, VERB_STAT, 0, c->stat, &why);
		if (!error && c->uidl) {
			desk_sent(&d, "UIDL;");
			error = desk_answer(&d, survey_answer, VERB_UIDL, 0, c->uidl, &why);
		}
		if (!error && c->list) {
			desk_sent(&d, "LIST;");
			error = desk_answer(&d, survey_answer, VERB_LIST, 0, c->list, &why);
		}
		if (error != c->want)
			fail_msg("%s: %d, %s", c->what, error, why.words);
		desk_sent(&d, "");
		if (!error)
			check_draft(&d, c);
		desk_finish(&d);
	}
}

static void where_pipelining_is_allowed_all_is_asked_at_once(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	struct failure why = {0};

	d.talk.capabilities.pipelining = true;
	assert_int_equal(survey_start(s, &why), OK);
	desk_sent(&d, "STAT;UIDL;LIST;");
	assert_int_equal(desk_answer(&d, survey_answer, VERB_STAT, 0, "+OK 1 1", &why), OK);
	assert_int_equal(desk_answer(&d, survey_answer, VERB_UIDL, 0, "+OK\n1 a\n", &why), OK);
	desk_quiet(&d); /* not before LIST has ended */
	assert_int_equal(desk_answer(&d, survey_answer, VERB_LIST, 0, "+OK\n1 10\n", &why), OK);
	task_free(desk_task(&d, TASK_MERGE));
	desk_finish(&d);
}

/* A server that does not announce it is asked no second time, and shows its messages all the same.
 */
static void a_uidl_that_is_not_there_makes_all_nameless(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	struct failure why = {0};
	struct task *t;

	d.talk.capabilities.known = d.talk.capabilities.uidl = false;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(survey_start(s, &why), OK);
		assert_int_equal(desk_answer(&d, survey_answer, VERB_STAT, 0, "+OK 1 1", &why), OK);
		if (!again)
			assert_int_equal(
			    desk_answer(&d, survey_answer, VERB_UIDL, 0, "-ERR what", &why), OK);
		desk_sent(&d, again ? "STAT;LIST;" : "STAT;UIDL;LIST;");
		assert_int_equal(
		    desk_answer(&d, survey_answer, VERB_LIST, 0, "+OK\n1 10\n", &why), OK);
		t = desk_task(&d, TASK_MERGE);
		assert_true(t->draft->no_uidl);
		assert_int_equal(t->draft->nameless, 1);
		task_free(t);
	}
	desk_finish(&d);
}

/* That would take the names away from all, and the deletions with them. */
static void a_uidl_that_was_shown_before_is_not_believed_to_be_gone(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	struct failure why = {0};

	d.talk.capabilities.known = d.talk.capabilities.uidl = false;
	s->facts.of[FACT_UIDL] = 1;
	assert_int_equal(survey_start(s, &why), OK);
	assert_int_equal(desk_answer(&d, survey_answer, VERB_STAT, 0, "+OK 1 1", &why), OK);
	assert_int_equal(
	    desk_answer(&d, survey_answer, VERB_UIDL, 0, "-ERR what", &why), E_REFUSED);
	desk_finish(&d);
}

static void a_line_that_cannot_be_sent_breaks_it(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	struct failure why = {0};

	d.talk.broken = true;
	assert_int_equal(survey_start(s, &why), E_CLOSED);
	desk_finish(&d);
}

static void that_the_server_has_uidls_is_remembered(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	CLEANUP(draft_freep) struct draft *draft = draft_create();

	survey_published(s, draft);
	assert_int_equal(s->facts.of[FACT_UIDL], 0); /* an empty listing shows none */
	draft_uidl(draft, 1, slice_of("a"));
	draft_close(draft);
	survey_published(s, draft);
	assert_int_equal(s->facts.of[FACT_UIDL], 1);
	desk_finish(&d);
}

static void whoever_waits_is_told_that_a_listing_is_held_back(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	CLEANUP(draft_freep) struct draft *draft = draft_create();
	struct event *e;

	d.plan.hold_ms = 60000;
	draft->verdict = DRAFT_HELD;
	draft->known = 30;
	draft->missing = 20;
	s->refresh_wanted = s->refresh_waited_for = true;
	s->refresh_asked = 4;
	survey_published(s, draft);
	assert_true(s->held);
	assert_int_equal(s->backoff.trouble.code, E_SHRUNK);
	e = desk_event(&d, EVENT_NOT_LISTED);
	assert_int_equal(e->number, 4);
	assert_non_null(strstr(e->failure.words, "20 of 30"));
	event_free(e);

	/* one who will believe it gets another listing instead */
	s->refresh_wanted = s->refresh_waited_for = s->refresh_sure = true;
	survey_published(s, draft);
	assert_true(s->refresh_wanted);
	desk_quiet(&d);

	draft->verdict = DRAFT_STANDS;
	survey_published(s, draft);
	assert_false(s->held);
	desk_finish(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listing_is_what_the_three_answers_agree_on),
	    cmocka_unit_test(where_pipelining_is_allowed_all_is_asked_at_once),
	    cmocka_unit_test(a_uidl_that_is_not_there_makes_all_nameless),
	    cmocka_unit_test(a_uidl_that_was_shown_before_is_not_believed_to_be_gone),
	    cmocka_unit_test(a_line_that_cannot_be_sent_breaks_it),
	    cmocka_unit_test(that_the_server_has_uidls_is_remembered),
	    cmocka_unit_test(whoever_waits_is_told_that_a_listing_is_held_back),
	};

	return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
