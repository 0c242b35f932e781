#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "alloc.h"
#include "played.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- the store's part ---- */

/* The journal holds one intention, of the third message; or none. */
static void answer_intentions(struct played *b, size_t count)
{
	struct job *j = job_create(JOB_INTENTIONS);

	task_free(played_task(b, TASK_INTENTIONS));
	j->intentions = xzalloc(sizeof(*j->intentions) + count * sizeof(struct intention));
	j->intentions->count = count;
	if (count > 0)
		j->intentions->all[0] = (struct intention){.id = PLAYED_FIRST + 2, .name = "c"};
	played_put(b, j);
}

static void mark(struct played *b)
{
	struct task *t = played_task(b, TASK_MARK);

	assert_int_equal(t->count, 1);
	assert_int_equal(t->ids[0], PLAYED_FIRST + 2);
	task_free(t);
	played_put(b, job_create(JOB_MARKED));
}

static void check_outcome(struct played *b, enum outcome_kind kind)
{
	struct task *t = played_task(b, TASK_OUTCOMES);

	assert_int_equal(t->count, 1);
	assert_int_equal(t->outcomes[0].id, PLAYED_FIRST + 2);
	assert_int_equal(t->outcomes[0].kind, kind);
	task_free(t);
}

static void commit(struct played *b, bool final)
{
	struct job *j = job_create(JOB_COMMIT);

	j->final = final;
	played_put(b, j);
}

static void check_committed(struct played *b, const struct commit_result *want, enum error code)
{
	struct event *e = played_event(b, EVENT_COMMITTED);

	assert_int_equal(e->failure.code, code);
	assert_int_equal(e->commit.deleted, want->deleted);
	assert_int_equal(e->commit.waiting, want->waiting);
	assert_int_equal(e->commit.dropped, want->dropped);
	assert_int_equal(e->commit.proved, want->proved);
	event_free(e);
}

/* ---- deletions ---- */

static void a_deletion_is_marked_sent_and_proved(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", "+OK\r\n"},
	    {"STAT", "+OK 2 18\r\n", .session = 2},
	    {"UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n", .session = 2},
	    {"LIST", "+OK\r\n1 10\r\n2 8\r\n.\r\n", .session = 2},
	    PLAYED_LISTING,
	    SCRIPTED_LOGIN,
	};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	commit(&b, false);
	answer_intentions(&b, 1);
	answer_intentions(&b, 1); /* again, by the numbers of the line that is used */
	mark(&b);
	check_outcome(&b, OUTCOME_DELETED);
	played_publish(&b, played_merge(&b));
	played_refreshed(&b, 1);
	check_committed(&b, &(struct commit_result){.deleted = 1, .proved = true}, OK);
	played_end(&b);
}

static void what_is_still_listed_was_not_deleted(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", "+OK\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	commit(&b, false);
	answer_intentions(&b, 1);
	answer_intentions(&b, 1);
	mark(&b);
	check_outcome(&b, OUTCOME_DELETED);
	played_publish(&b, played_merge(&b));
	played_refreshed(&b, 1);
	check_committed(&b, &(struct commit_result){.waiting = 1, .proved = true}, E_REFUSED);
	played_end(&b);
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
		    cases[i].row, {"DELE 3", "+OK\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played b;

		played_start(&b, rows, COUNT(rows));
		played_list(&b);
		commit(&b, true);
		answer_intentions(&b, 1);
		answer_intentions(&b, 1);
		mark(&b);
		check_outcome(&b, cases[i].outcome);
		check_committed(&b, &cases[i].result, cases[i].code);
		played_end(&b);
	}
}

static void a_commit_of_nothing_needs_no_line(void **state)
{
	static const struct scripted_row rows[] = {{"", "-ERR nobody should come\r\n"}};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	commit(&b, false);
	answer_intentions(&b, 0);
	check_committed(&b, &(struct commit_result){.proved = true}, OK);
	played_end(&b);
}

static void an_unlink_that_was_taken_back_is_not_sent(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;
	struct job *j;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	commit(&b, false);
	answer_intentions(&b, 1);
	answer_intentions(&b, 1);
	task_free(played_task(&b, TASK_MARK));
	j = job_create(JOB_MARKED);
	failed(&j->failure, E_VANISHED, "it was undeleted");
	played_put(&b, j);
	answer_intentions(&b, 0); /* it is asked again, and there is none */
	check_committed(&b, &(struct commit_result){.proved = true}, OK);
	played_end(&b);
}

static void after_the_final_commit_nothing_is_begun(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;
	struct event *e;

	played_start(&b, rows, COUNT(rows));
	commit(&b, true);
	answer_intentions(&b, 0);
	check_committed(&b, &(struct commit_result){.proved = true}, OK);
	played_ask(&b, 3);
	e = played_event(&b, EVENT_NOT_LISTED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	played_fetch(&b, PLAYED_FIRST);
	e = played_event(&b, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	played_end(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_deletion_is_marked_sent_and_proved),
	    cmocka_unit_test(what_is_still_listed_was_not_deleted),
	    cmocka_unit_test(the_answers_to_dele_and_quit_decide_the_outcome),
	    cmocka_unit_test(a_commit_of_nothing_needs_no_line),
	    cmocka_unit_test(an_unlink_that_was_taken_back_is_not_sent),
	    cmocka_unit_test(after_the_final_commit_nothing_is_begun),
	};

	return cmocka_run_group_tests_name("committing", tests, NULL, NULL);
}
