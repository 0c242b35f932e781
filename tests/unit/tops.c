/* Headers that somebody wants to see, on a line that is told by the test: what waits for what, and
 * what becomes of those that cannot be had. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "alloc.h"
#include "desk.h"

static void go(struct desk *d)
{
	struct failure why = {0};

	if (heading_go(&d->session, &why) != OK)
		fail_msg("%s", why.words);
}

static void told(struct desk *d, int64_t id, enum error code)
{
	struct event *e = desk_event(d, EVENT_HEADED);

	assert_int_equal(e->id, id);
	assert_int_equal(e->failure.code, code);
	event_free(e);
}

/* Bodies are out on this line, and their window is closed before a TOP goes out. */
static void a_header_waits_until_no_body_is_out(void **state)
{
	struct failure why = {0};
	struct desk d;
	struct session *s = desk_start(&d);

	d.talk.capabilities.pipelining = true;
	s->facts.of[FACT_LONE_FETCHES] = 2;
	desk_list(&d, 3);
	fetching_want(s, 1, false, false);
	fetching_want(s, 2, false, false);
	assert_int_equal(fetching_go(s, &why), OK);
	desk_sent(&d, "RETR 1;RETR 2;NOOP;");
	heading_want(s, 3, true);
	go(&d);
	desk_sent(&d, "");
	d.talk.waiting = 0;
	go(&d);
	desk_sent(&d, "TOP 3;");
	desk_finish(&d);
}

static void a_reply_too_many_is_no_header(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 1);
	heading_want(s, 1, true);
	go(&d);
	assert_int_equal(
	    desk_answer(&d, heading_answer, VERB_TOP, 0, "+OK\n+OK top\nA: b\n\n", NULL), OK);
	told(&d, 1, E_REFUSED);
	desk_finish(&d);
}

/* The others come on the next line; whoever waits for this one may have it from the body. */
static void an_answer_without_an_end_is_cut(void **state)
{
	struct answer begun = {.kind = ANSWER_STATUS, .verb = VERB_TOP};
	struct answer text = {.kind = ANSWER_TEXT, .verb = VERB_TOP, .text = slice_of("A: b\r\n")};
	struct failure why = {0};
	struct desk d;
	struct session *s = desk_start(&d);

	begun.status.sign = REPLY_OK;
	desk_list(&d, 2);
	heading_want(s, 1, true);
	heading_want(s, 2, true);
	go(&d);
	s->heading.octets = UINT64_MAX / 2; /* of another, before */
	assert_int_equal(heading_answer(s, &begun, &why), OK);
	assert_int_equal(heading_answer(s, &text, &why), OK);
	s->heading.octets = UINT64_C(1) << 30;
	assert_int_equal(heading_answer(s, &text, &why), E_REFUSED);
	line_over(s, &why);
	told(&d, 1, E_REFUSED);
	assert_true(heading_waited_for(s));
	desk_finish(&d);
}

/* Where CAPA does not say, the first answer does. */
static void a_server_that_knows_no_top_is_asked_once(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	d.talk.capabilities.known = false;
	desk_list(&d, 2);
	heading_want(s, 1, true);
	heading_want(s, 2, true);
	go(&d);
	desk_sent(&d, "TOP 1;");
	assert_int_equal(desk_answer(&d, heading_answer, VERB_TOP, 0, "-ERR what?", NULL), OK);
	told(&d, 1, E_REFUSED);
	go(&d);
	desk_sent(&d, "");
	told(&d, 2, E_REFUSED);
	desk_finish(&d);
}

static void when_nobody_can_be_served_all_are_told(void **state)
{
	struct failure why = {.code = E_LOGIN, .words = "refused"};
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 3);
	heading_want(s, 1, false);
	heading_want(s, 2, true);
	heading_want(s, 3, false);
	go(&d);
	desk_sent(&d, "TOP 2;");
	heading_fail_all(s, &why);
	told(&d, 2, E_LOGIN);
	told(&d, 1, E_LOGIN);
	told(&d, 3, E_LOGIN);
	assert_false(heading_wanted(s));
	desk_finish(&d);
}

static void what_is_wanted_while_the_mount_ends_is_refused(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);
	struct job *j = job_create(JOB_HEADER);

	s->ending = true;
	j->id = 1;
	orders_take(s, j);
	job_free(j);
	told(&d, 1, E_ENDING);
	desk_finish(&d);
}

/* The thread ends with wishes that nobody can hear of any more. */
static void what_is_wanted_at_the_end_is_forgotten(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 3);
	for (int64_t id = 1; id <= 3; id++)
		heading_want(s, id, id < 3);
	go(&d);
	desk_sent(&d, "TOP 1;");
	desk_finish(&d);
	assert_false(heading_wanted(s));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_waits_until_no_body_is_out),
	    cmocka_unit_test(a_reply_too_many_is_no_header),
	    cmocka_unit_test(an_answer_without_an_end_is_cut),
	    cmocka_unit_test(a_server_that_knows_no_top_is_asked_once),
	    cmocka_unit_test(when_nobody_can_be_served_all_are_told),
	    cmocka_unit_test(what_is_wanted_while_the_mount_ends_is_refused),
	    cmocka_unit_test(what_is_wanted_at_the_end_is_forgotten),
	};

	return cmocka_run_group_tests_name("tops", tests, NULL, NULL);
}
