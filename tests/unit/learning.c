#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "desk.h"

#define HEADER "+OK\nSubject: one\n\n"

/* A draft as the store gives it back, one letter a row: n, k, d, t, and m for nameless. Its UIDLs
 * are "a", "b" ... and each has 100 octets. */
static void give(struct desk *d, const char *kinds)
{
	static const char letters[] = "nkdtm"; /* in the order of enum row_kind */
	struct draft *draft = draft_create();

	for (uint32_t i = 0; kinds[i]; i++) {
		char uidl = (char)('a' + i);

		if (kinds[i] != 'm')
			draft_uidl(draft, i + 1, slice_make(&uidl, 1));
		draft_listed(draft, i + 1, 100);
	}
	draft_close(draft);
	for (size_t i = 0; kinds[i]; i++)
		draft->rows[i].kind = (enum row_kind)(strchr(letters, kinds[i]) - letters);
	draft_free(take(&d->session.survey.draft));
	d->session.survey.draft = draft;
	d->session.line = LINE_SURVEYING;
}

static void start(struct desk *d, const char *kinds)
{
	struct failure why = {0};

	give(d, kinds);
	assert_int_equal(learning_start(&d->session, &why), OK);
}

/* The answer to the TOP, or RETR, of a message. */
static void answer(struct desk *d, enum verb verb, uint32_t number, const char *text)
{
	struct failure why = {0};

	if (desk_answer(d, learning_answer, verb, number - 1, text, &why) != OK)
		fail_msg("%s", why.words);
}

static void answer_list(struct desk *d, const char *text, enum error code)
{
	struct failure why = {0};

	assert_int_equal(desk_answer(d, survey_answer, VERB_LIST, 1, text, &why), code);
}

/* The draft is the store's again; which rows have learnt their header: "yn". */
static void published(struct desk *d, const char *want)
{
	struct task *t = desk_task(d, TASK_PUBLISH);

	assert_null(d->session.survey.draft);
	assert_int_equal(t->draft->count, strlen(want));
	for (size_t i = 0; i < t->draft->count; i++)
		assert_int_equal(t->draft->rows[i].learnt != NULL, want[i] == 'y');
	task_free(t);
}

static void nothing_is_asked_where_all_is_known(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "kkk");
	desk_sent(&d, "");
	published(&d, "nnn");
	desk_finish(&d);
}

static void the_newest_are_asked_for_first_and_one_by_one(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "nkdt");
	desk_sent(&d, "TOP 4;");
	answer(&d, VERB_TOP, 4, HEADER);
	desk_sent(&d, "TOP 3;");
	answer(&d, VERB_TOP, 3, HEADER);
	desk_sent(&d, "TOP 1;");
	desk_quiet(&d);
	answer(&d, VERB_TOP, 1, HEADER);
	published(&d, "ynyy");
	desk_finish(&d);
}

static void with_pipelining_they_are_asked_for_together(void **state)
{
	struct desk d;

	desk_start(&d);
	d.talk.capabilities.pipelining = true;
	start(&d, "nnn");
	desk_sent(&d, "TOP 3;TOP 2;TOP 1;LIST 1;");
	answer(&d, VERB_TOP, 3, HEADER);
	answer(&d, VERB_TOP, 2, "-ERR it is gone");
	answer(&d, VERB_TOP, 1, HEADER);
	desk_quiet(&d);
	answer_list(&d, "+OK 1 100", OK);
	published(&d, "yny");
	desk_finish(&d);
}

/* A reply too many, and each header is taken for the next message's. */
static void headers_that_came_out_of_step_are_none(void **state)
{
	static const struct {
		const char *list; /* the answer to LIST 1 */
		enum error code;
	} cases[] = {
	    {"+OK 1 100", OK}, {"+OK 1", E_PROTOCOL}, {"+OK 2 100", E_PROTOCOL},
	    {"+OK top follows", E_PROTOCOL}, {"-ERR no numbers here", OK}, /* it cannot be proved */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		d.talk.capabilities.pipelining = true;
		start(&d, "nn");
		answer(&d, VERB_TOP, 2, HEADER);
		answer(&d, VERB_TOP, 1, HEADER);
		assert_true(pipelining_is_used(s)); /* it is to blame, if anything is */
		answer_list(&d, cases[i].list, cases[i].code);
		if (cases[i].code == OK)
			published(&d, "yy");
		desk_finish(&d);
	}
}

static void one_header_needs_no_proof(void **state)
{
	struct desk d;

	desk_start(&d);
	d.talk.capabilities.pipelining = true;
	start(&d, "nkk");
	desk_sent(&d, "TOP 1;");
	answer(&d, VERB_TOP, 1, HEADER);
	published(&d, "ynn");
	desk_finish(&d);
}

/* A second lot would cost a round trip; but long headers are not asked for by the thousand. */
static void as_many_go_out_as_a_listing_may_have(void **state)
{
	enum { MANY = 10000, LONG = 100000 };
	CLEANUP(freep) char *kinds = xasprintf("%0*d", MANY, 0);
	CLEANUP(freep) char *header = xasprintf("+OK\nA: %0*d\n\n", LONG, 0);
	struct desk d;

	memset(kinds, 'n', MANY);
	desk_start(&d);
	d.plan.headers = MANY;
	d.talk.capabilities.pipelining = true;
	start(&d, kinds);
	assert_int_equal(d.talk.waiting, MANY + 1); /* and LIST behind them */
	desk_finish(&d);

	desk_start(&d);
	d.plan.headers = MANY;
	start(&d, kinds); /* one by one, so that it is seen how long they are */
	for (uint32_t n = MANY; n > MANY - 50; n--)
		answer(&d, VERB_TOP, n, header);
	d.talk.capabilities.pipelining = true;
	answer(&d, VERB_TOP, MANY - 50, header);
	assert_in_range(d.talk.waiting, 100, 1000);
	desk_finish(&d);
}

static void they_show_what_the_line_does(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "n");
	assert_false(d.session.fetching.pace.begun);
	answer(&d, VERB_TOP, 1, HEADER);
	assert_true(d.session.fetching.pace.begun);
	published(&d, "y");
	desk_finish(&d);
}

/* headers= bounds how many new ones are asked for; what is doubtful needs its header all the same.
 */
static void no_more_new_ones_than_the_plan_says(void **state)
{
	struct desk d;

	desk_start(&d);
	d.plan.headers = 1;
	start(&d, "dnn");
	desk_sent(&d, "TOP 3;");
	answer(&d, VERB_TOP, 3, HEADER);
	desk_sent(&d, "TOP 1;");
	answer(&d, VERB_TOP, 1, HEADER);
	published(&d, "yny");
	desk_finish(&d);
}

static void without_top_only_the_nameless_are_fetched(void **state)
{
	struct desk d;

	desk_start(&d);
	d.talk.capabilities.top = false;
	start(&d, "nmd");
	desk_sent(&d, "RETR 2;");
	assert_true(d.session.fetching.read_here); /* a server that eats what was read must know */
	answer(&d, VERB_RETR, 2, HEADER "and the body");
	published(&d, "nyn");
	desk_finish(&d);
}

/* No CAPA: the first TOP finds out, and the nameless one is asked for again in the other way. */
static void a_top_that_is_not_there_is_found_out(void **state)
{
	struct desk d;

	desk_start(&d);
	d.talk.capabilities.known = d.talk.capabilities.top = false;
	start(&d, "mnm");
	desk_sent(&d, "TOP 3;");
	answer(&d, VERB_TOP, 3, "-ERR unknown command");
	desk_sent(&d, "RETR 3;");
	answer(&d, VERB_RETR, 3, HEADER);
	desk_sent(&d, "RETR 1;");
	answer(&d, VERB_RETR, 1, HEADER);
	published(&d, "yny");
	assert_false(learning_top_is_there(&d.session));
	start(&d, "n"); /* and is not asked again */
	desk_sent(&d, "");
	published(&d, "n");
	desk_finish(&d);
}

static void one_that_works_is_not_given_up_for_a_refusal(void **state)
{
	struct desk d;

	desk_start(&d);
	d.talk.capabilities.known = d.talk.capabilities.top = false;
	start(&d, "nn");
	answer(&d, VERB_TOP, 2, HEADER);
	answer(&d, VERB_TOP, 1, "-ERR it is gone");
	published(&d, "ny");
	assert_true(learning_top_is_there(&d.session));
	desk_finish(&d);
}

static void three_refusals_in_a_row_are_enough_for_this_listing(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "nnnnnn");
	answer(&d, VERB_TOP, 6, "-ERR no");
	answer(&d, VERB_TOP, 5, "-ERR no");
	answer(&d, VERB_TOP, 4, HEADER);
	answer(&d, VERB_TOP, 3, "-ERR no");
	answer(&d, VERB_TOP, 2, "-ERR no");
	answer(&d, VERB_TOP, 1, "-ERR no");
	published(&d, "nnnynn");
	start(&d, "nnnn");
	answer(&d, VERB_TOP, 4, "-ERR no");
	answer(&d, VERB_TOP, 3, "-ERR no");
	answer(&d, VERB_TOP, 2, "-ERR no");
	published(&d, "nnnn");
	desk_finish(&d);
}

static void a_reply_too_many_is_no_header(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "nnm");
	answer(&d, VERB_TOP, 3, "+OK\n+OK top follows\nSubject: one\n\n"); /* or it has no name */
	answer(&d, VERB_TOP, 2, "+OK\n-ERR late\nSubject: one\n\n");
	answer(&d, VERB_TOP, 1, HEADER);
	published(&d, "yny");
	desk_finish(&d);
}

static void an_empty_answer_teaches_nothing(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "nm");
	answer(&d, VERB_TOP, 2, "+OK"); /* but a nameless one's header may be empty */
	answer(&d, VERB_TOP, 1, "+OK");
	published(&d, "ny");
	desk_finish(&d);
}

/* The line breaks under a header: the next listing does without that one, and with the others. */
static void a_header_that_breaks_the_line_is_left_out(void **state)
{
	static const struct {
		const char *kinds;
		size_t answered; /* before the line broke */
		enum error code;
		const char *next; /* sent first on the next line */
		const char *then;
	} cases[] = {
	    {"nnn", 0, E_CLOSED, "TOP 2;", "yyn"}, /* the first that is out */
	    {"nnn", 1, E_CLOSED, "TOP 3;", "yny"},
	    {"nnn", 1, E_PROTOCOL, "TOP 2;", "yyn"}, /* out of step behind the last answer */
	    {"mmm", 0, E_CLOSED, "TOP 2;", "yyn"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = cases[i].code, .words = "broken"};
		struct desk d;
		struct session *s = desk_start(&d);

		start(&d, cases[i].kinds);
		if (cases[i].answered)
			answer(&d, VERB_TOP, 3, HEADER);
		assert_true(learning_broken(s, &why));
		learning_forget(s);
		d.talk.waiting = 0;
		buf_clear(&d.talk.sent);
		start(&d, cases[i].kinds);
		desk_sent(&d, cases[i].next);
		answer(&d, VERB_TOP, (uint32_t)cases[i].next[4] - '0', HEADER);
		answer(&d, VERB_TOP, 1, HEADER);
		published(&d, cases[i].then);
		desk_finish(&d);
	}
}

/* After some lines it goes without headers; and where a name needs one, it fails in the end. */
static void lines_that_break_again_and_again_are_not_opened_for_ever(void **state)
{
	static const struct {
		const char *kinds;
		size_t breaks; /* that are put up with */
		bool published;
	} cases[] = {
	    {"nnnnnnnnnnnnnn", 4, true},
	    {"mmmmmmmmmmmmmm", 8, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = E_CLOSED, .words = "broken"};
		struct desk d;
		struct session *s = desk_start(&d);
		size_t breaks = 0;

		give(&d, cases[i].kinds);
		assert_false(
		    learning_broken(s, &why)); /* nothing was asked: not a header's fault */
		start(&d, cases[i].kinds);
		while (s->survey.draft && learning_broken(s, &why)) {
			breaks++;
			d.talk.waiting = 0;
			start(&d, cases[i].kinds);
		}
		assert_int_equal(breaks, cases[i].breaks);
		assert_int_equal(s->survey.draft == NULL, cases[i].published);
		if (cases[i].published)
			published(&d, "nnnnnnnnnnnnnn");
		desk_finish(&d);
	}
}

/* What lies beyond that is shown without, or has no name. */
static void no_more_is_asked_for_than_may_be_received(void **state)
{
	struct desk d;

	desk_start(&d);
	start(&d, "nnn");
	desk_sent(&d, "TOP 3;");
	d.session.learning.received = UINT64_C(300) << 20;
	answer(&d, VERB_TOP, 3, HEADER);
	desk_sent(&d, "");
	published(&d, "nny");
	desk_finish(&d);
}

/* Whole messages in the place of headers, or one that has no end. */
static void what_has_no_end_is_cut_and_the_listing_goes_without(void **state)
{
	struct failure why = {0};
	struct desk d;
	struct session *s = desk_start(&d);

	start(&d, "nnn");
	s->learning.received = UINT64_C(1) << 30;
	assert_int_equal(desk_answer(&d, learning_answer, VERB_TOP, 2, HEADER, &why), E_REFUSED);
	assert_true(learning_broken(s, &why));
	learning_forget(s);
	start(&d, "nnn");
	published(&d, "nnn");
	desk_finish(&d);
}

/* A header has no name to lose, but a message without UIDL has: it is asked for on every line. */
static void what_needs_a_name_is_asked_for_one_by_one_then(void **state)
{
	struct failure why = {0};
	struct desk d;
	struct session *s = desk_start(&d);

	d.talk.capabilities.pipelining = true;
	start(&d, "mnm");
	s->learning.received = UINT64_C(1) << 30;
	assert_int_equal(desk_answer(&d, learning_answer, VERB_TOP, 2, HEADER, &why), E_REFUSED);
	assert_true(learning_broken(s, &why));
	learning_forget(s);
	d.talk.waiting = 0;
	buf_clear(&d.talk.sent);
	start(&d, "mnm");
	desk_sent(&d, "TOP 3;");
	answer(&d, VERB_TOP, 3, HEADER);
	desk_sent(&d, "TOP 1;");
	answer(&d, VERB_TOP, 1, HEADER);
	published(&d, "yny");
	desk_finish(&d);
}

static enum error text_comes(struct desk *d, uint64_t octets, struct failure *why)
{
	CLEANUP(freep) char *text = xzalloc(1 << 20);
	struct answer a = {.kind = ANSWER_STATUS, .verb = VERB_TOP, .tag = 2};
	enum error error;

	a.status.sign = REPLY_OK;
	error = learning_answer(&d->session, &a, why);
	a.kind = ANSWER_TEXT;
	a.text = slice_make(text, 1 << 20);
	for (uint64_t i = 0; !error && i < octets; i += 1 << 20)
		error = learning_answer(&d->session, &a, why);
	return error;
}

/* The others have theirs, and the times that go with them. */
static void one_answer_that_has_no_end_costs_its_own_header(void **state)
{
	struct failure why = {0};
	struct desk d;
	struct session *s = desk_start(&d);

	start(&d, "nnn");
	assert_int_equal(text_comes(&d, UINT64_C(1) << 30, &why), E_REFUSED);
	assert_true(learning_broken(s, &why));
	learning_forget(s);
	d.talk.waiting = 0;
	buf_clear(&d.talk.sent);
	start(&d, "nnn");
	answer(&d, VERB_TOP, 2, HEADER);
	answer(&d, VERB_TOP, 1, HEADER);
	published(&d, "yyn");
	desk_finish(&d);
}

/* Without UIDL and TOP: else such a maildrop could never be listed. */
static void a_body_in_the_place_of_a_header_may_be_as_long_as_list_says(void **state)
{
	struct failure why = {0};
	struct desk d;
	struct session *s = desk_start(&d);

	d.talk.capabilities.top = false;
	give(&d, "nnm");
	s->survey.draft->rows[2].listed = UINT64_C(700) << 20;
	assert_int_equal(learning_start(s, &why), OK);
	desk_sent(&d, "RETR 3;");
	assert_int_equal(text_comes(&d, UINT64_C(700) << 20, &why), OK);
	assert_int_equal(text_comes(&d, UINT64_C(1) << 30, &why), E_REFUSED);
	desk_finish(&d);
}

static void of_bodies_in_the_place_of_headers_a_few_are_out(void **state)
{
	char kinds[300];
	struct desk d;

	memset(kinds, 'm', sizeof(kinds) - 1);
	kinds[sizeof(kinds) - 1] = '\0';
	desk_start(&d);
	d.talk.capabilities.pipelining = true;
	d.talk.capabilities.top = false;
	start(&d, kinds);
	assert_int_equal(d.talk.waiting, 100);
	assert_memory_equal(buf_text(&d.talk.sent), "RETR 299;RETR 298;", 18);
	desk_finish(&d);
}

/* A merged draft, whose headers are wanted on a line that takes no command. */
static void a_line_that_takes_no_command_ends_the_listing(void **state)
{
	struct job *j = job_create(JOB_MERGED);
	struct desk d;
	struct session *s = desk_start(&d);

	give(&d, "n");
	j->draft = take(&s->survey.draft);
	j->draft->line = s->lines;
	d.talk.broken = true;
	orders_take(s, j);
	job_free(j);
	assert_true(d.talk.closed);
	assert_int_equal(s->line, LINE_NONE);
	desk_finish(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_asked_where_all_is_known),
	    cmocka_unit_test(the_newest_are_asked_for_first_and_one_by_one),
	    cmocka_unit_test(with_pipelining_they_are_asked_for_together),
	    cmocka_unit_test(headers_that_came_out_of_step_are_none),
	    cmocka_unit_test(one_header_needs_no_proof),
	    cmocka_unit_test(as_many_go_out_as_a_listing_may_have),
	    cmocka_unit_test(they_show_what_the_line_does),
	    cmocka_unit_test(no_more_new_ones_than_the_plan_says),
	    cmocka_unit_test(without_top_only_the_nameless_are_fetched),
	    cmocka_unit_test(a_top_that_is_not_there_is_found_out),
	    cmocka_unit_test(one_that_works_is_not_given_up_for_a_refusal),
	    cmocka_unit_test(three_refusals_in_a_row_are_enough_for_this_listing),
	    cmocka_unit_test(a_reply_too_many_is_no_header),
	    cmocka_unit_test(an_empty_answer_teaches_nothing),
	    cmocka_unit_test(a_header_that_breaks_the_line_is_left_out),
	    cmocka_unit_test(lines_that_break_again_and_again_are_not_opened_for_ever),
	    cmocka_unit_test(no_more_is_asked_for_than_may_be_received),
	    cmocka_unit_test(what_has_no_end_is_cut_and_the_listing_goes_without),
	    cmocka_unit_test(what_needs_a_name_is_asked_for_one_by_one_then),
	    cmocka_unit_test(one_answer_that_has_no_end_costs_its_own_header),
	    cmocka_unit_test(a_body_in_the_place_of_a_header_may_be_as_long_as_list_says),
	    cmocka_unit_test(of_bodies_in_the_place_of_headers_a_few_are_out),
	    cmocka_unit_test(a_line_that_takes_no_command_ends_the_listing),
	};

	return cmocka_run_group_tests_name("learning", tests, NULL, NULL);
}
