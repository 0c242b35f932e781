/* Commits that are asked for while one is under way, answers that come when nobody waits for them
 * any more, and lines that break before a DELE was out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "desk.h"

#define COMMIT_MS 60000 /* no test takes so long */
#define UNLINKED  3     /* the id of the message that is unlinked, and its number */

static const struct failure fine = {.code = OK};

static struct session *start(struct desk *d)
{
	struct session *s = desk_start(d);

	d->plan.commit_ms = COMMIT_MS;
	desk_list(d, UNLINKED);
	return s;
}

/* Another line, which lists so many. */
static void connect_again(struct desk *d, size_t count)
{
	struct session *s = &d->session;

	s->talk = &d->talk;
	d->talk.closed = false;
	d->talk.waiting = 0;
	s->line = LINE_READY;
	desk_list(d, count);
}

/* The journal is asked for, and has this one; NULL: none. */
static void journal_says(struct desk *d, const struct intention *one)
{
	struct intentions *all = xzalloc(sizeof(*all) + sizeof(*all->all));

	task_free(desk_task(d, TASK_INTENTIONS));
	if (one) {
		all->count = 1;
		all->all[0] = *one;
	}
	committing_intentions(&d->session, &fine, all);
}

/* Up to "sent" on its way to the disk: from here on the journal's word is not looked at again. */
static void go_to_the_mark(struct desk *d, const struct intention *one)
{
	struct failure why = {0};

	journal_says(d, one);
	assert_true(committing_wants_line(&d->session));
	assert_int_equal(committing_start(&d->session, &why), OK);
	journal_says(d, one);
	task_free(desk_task(d, TASK_MARK));
}

/* And from there through DELE and QUIT. */
static void go_on_to_the_end(struct desk *d)
{
	struct failure why = {0};

	assert_int_equal(committing_marked(&d->session, &fine, &why), OK);
	desk_sent(d, "DELE 3;");
	assert_int_equal(desk_answer(d, committing_answer, VERB_DELE, 0, "+OK", &why), OK);
	desk_sent(d, "QUIT;");
	assert_int_equal(desk_answer(d, committing_answer, VERB_QUIT, 0, "+OK", &why), OK);
	task_free(desk_task(d, TASK_OUTCOMES));
	line_close(&d->session);
}

static void told(struct desk *d, bool final, size_t deleted, size_t waiting, enum error code)
{
	struct event *e = desk_event(d, EVENT_COMMITTED);

	assert_int_equal(e->final, final);
	assert_int_equal(e->commit.deleted, deleted);
	assert_int_equal(e->commit.waiting, waiting);
	assert_int_equal(e->failure.code, code);
	event_free(e);
}

static const struct intention one = {.id = UNLINKED, .name = "c"};

static void a_commit_asked_for_too_late_is_another_round_before_anybody_is_told(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	committing_want(s, false);
	go_to_the_mark(&d, &one);
	committing_want(s, false);
	go_on_to_the_end(&d);
	desk_quiet(&d);
	connect_again(&d, UNLINKED - 1);
	committing_proved(s, &fine);
	journal_says(&d, NULL);
	told(&d, false, 1, 0, OK); /* both rounds' */
	assert_false(s->committing.wanted);
	desk_finish(&d);
}

/* The first one is told, so that nobody waits for the end of the mount. */
static void a_final_commit_asked_for_too_late_comes_next(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	committing_want(s, false);
	go_to_the_mark(&d, &one);
	committing_want(s, true);
	go_on_to_the_end(&d);
	connect_again(&d, UNLINKED - 1);
	committing_proved(s, &fine);
	told(&d, false, 1, 0, OK);
	journal_says(&d, NULL);
	told(&d, true, 0, 0, OK);
	desk_finish(&d);
}

static void a_final_commit_does_not_wait_for_a_proof(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	committing_want(s, false);
	go_to_the_mark(&d, &one);
	go_on_to_the_end(&d);
	desk_quiet(&d);
	committing_want(s, true);
	told(&d, false, 1, 0, OK);
	journal_says(&d, NULL);
	told(&d, true, 0, 0, OK);
	desk_finish(&d);
}

static void a_final_commit_takes_over_one_that_has_no_line_yet(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	committing_want(s, false);
	s->committing.deadline = 0;
	committing_want(s, true);
	assert_true(s->committing.deadline > clock_ms());
	journal_says(&d, NULL);
	told(&d, true, 0, 0, OK);
	desk_finish(&d);
}

static void a_read_only_mount_deletes_nothing(void **state)
{
	struct desk d;
	struct session *s = start(&d);

	d.plan.read_only = true;
	committing_want(s, false);
	journal_says(&d, &one);
	told(&d, false, 0, 1, E_READONLY);
	desk_sent(&d, "");
	desk_finish(&d);
}

/* The store answers after time was up; and again, when another commit has asked, too. */
static void an_answer_of_the_journal_that_nobody_waits_for_is_nothing(void **state)
{
	struct failure late = {.code = E_TIMEOUT, .words = "late"}, why = {0};
	struct desk d;
	struct session *s = start(&d);

	committing_want(s, false);
	committing_broken(s, &late);
	told(&d, false, 0, 0, E_TIMEOUT);
	committing_want(s, false);
	journal_says(&d, &one); /* what the first asked */
	assert_false(committing_wants_line(s));
	go_to_the_mark(&d, &one);
	committing_broken(s, &late);
	task_free(desk_task(&d, TASK_OUTCOMES));
	told(&d, false, 0, 1, E_TIMEOUT);
	assert_int_equal(committing_marked(s, &fine, &why), OK);
	desk_sent(&d, "");
	desk_finish(&d);
}

/* The journal learns that none was sent. */
static void a_line_that_breaks_before_a_dele_is_replaced_once(void **state)
{
	struct failure broken = {.code = E_CLOSED, .words = "closed"};
	struct desk d;
	struct session *s = start(&d);
	struct task *outcomes;

	committing_want(s, false);
	go_to_the_mark(&d, &one);
	line_over(s, &broken);
	outcomes = desk_task(&d, TASK_OUTCOMES);
	assert_int_equal(outcomes->count, 1);
	assert_int_equal(outcomes->outcomes[0].kind, OUTCOME_NOT_SENT);
	task_free(outcomes);
	desk_quiet(&d);
	assert_true(committing_wants_line(s));

	connect_again(&d, UNLINKED);
	assert_int_equal(committing_start(s, &broken), OK);
	journal_says(&d, &one);
	task_free(desk_task(&d, TASK_MARK));
	line_over(s, &broken);
	task_free(desk_task(&d, TASK_OUTCOMES));
	told(&d, false, 0, 1, E_CLOSED);
	desk_finish(&d);
}

static void where_no_listing_can_be_had_it_stands_as_the_server_answered(void **state)
{
	struct failure broken = {.code = E_CONNECT, .words = "nobody there"};
	struct desk d;
	struct session *s = start(&d);

	committing_want(s, false);
	go_to_the_mark(&d, &one);
	go_on_to_the_end(&d);
	committing_broken(s, &broken);
	told(&d, false, 1, 0, OK);
	desk_finish(&d);
}

/* Out of step before the first command of the commit: a comparison, or the mark on disk. */
static void a_line_that_takes_no_command_ends_the_commit(void **state)
{
	static const struct intention doubtful = {
	    .id = UNLINKED, .name = "c", .resized = true, .older = true, .has_digest = true};
	struct failure tired = {.code = E_STORE, .words = "the disk is tired"}, why = {0};
	struct desk d;
	struct session *s = start(&d);
	struct job *j = job_create(JOB_MARKED);

	committing_want(s, false);
	journal_says(&d, &doubtful);
	assert_int_equal(committing_start(s, &why), OK);
	d.talk.broken = true;
	journal_says(&d, &doubtful);
	assert_true(d.talk.closed);
	d.talk.broken = false;
	connect_again(&d, UNLINKED); /* that was chance */
	assert_int_equal(committing_start(s, &why), OK);
	journal_says(&d, &one);
	task_free(desk_task(&d, TASK_MARK));
	j->failure = tired;
	orders_take(s, j);
	job_free(j);
	task_free(desk_task(&d, TASK_OUTCOMES));
	told(&d, false, 0, 1, E_STORE);
	desk_finish(&d);
}

/* It may be in the journal still, and refused for good, or gone. */
static void what_is_refused_or_not_listed_is_not_sent(void **state)
{
	static const struct intention others[] = {
	    {.id = 2, .name = "b", .state = INTENTION_REFUSED}, {.id = 99, .name = "z"}};
	struct failure why = {0};
	struct desk d;
	struct session *s = start(&d);
	struct task *mark;

	for (int turn = 0; turn < 2; turn++) {
		struct intentions *all = xzalloc(sizeof(*all) + sizeof(others));

		memcpy(all->all, others, sizeof(others));
		all->count = 2;
		if (turn == 0)
			committing_want(s, false);
		else
			assert_int_equal(committing_start(s, &why), OK);
		task_free(desk_task(&d, TASK_INTENTIONS));
		committing_intentions(s, &fine, all);
	}
	mark = desk_task(&d, TASK_MARK);
	assert_int_equal(mark->count, 0);
	task_free(mark);
	committing_broken(s, &(struct failure){.code = E_TIMEOUT});
	task_free(desk_task(&d, TASK_OUTCOMES));
	told(&d, false, 0, 1, E_TIMEOUT);
	desk_finish(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_commit_asked_for_too_late_is_another_round_before_anybody_is_told),
	    cmocka_unit_test(a_final_commit_asked_for_too_late_comes_next),
	    cmocka_unit_test(a_final_commit_does_not_wait_for_a_proof),
	    cmocka_unit_test(a_final_commit_takes_over_one_that_has_no_line_yet),
	    cmocka_unit_test(a_read_only_mount_deletes_nothing),
	    cmocka_unit_test(an_answer_of_the_journal_that_nobody_waits_for_is_nothing),
	    cmocka_unit_test(a_line_that_breaks_before_a_dele_is_replaced_once),
	    cmocka_unit_test(where_no_listing_can_be_had_it_stands_as_the_server_answered),
	    cmocka_unit_test(a_line_that_takes_no_command_ends_the_commit),
	    cmocka_unit_test(what_is_refused_or_not_listed_is_not_sent),
	};

	return cmocka_run_group_tests_name("rounds", tests, NULL, NULL);
}
