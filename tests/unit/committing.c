#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "committed.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct intention one = {.id = COMMITTED_ID, .name = "c"};

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
	committed_play(&b, &one, false, OUTCOME_DELETED);
	played_publish(&b, played_merge(&b));
	played_refreshed(&b, 1);
	committed_result(&b, &(struct commit_result){.deleted = 1, .proved = true}, OK);
	played_end(&b);
}

/* It says "+OK" before it deletes: the listing that proves it comes when it has closed. */
static void a_server_that_deletes_behind_its_answer_is_waited_for(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", "+OK\r\n"},
	    {"QUIT", "+OK\r\n", .closes = true, .lingers = true, .session = 1},
	    {"STAT", "+OK 2 18\r\n", .session = 2},
	    {"UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n", .session = 2},
	    {"LIST", "+OK\r\n1 10\r\n2 8\r\n.\r\n", .session = 2},
	    PLAYED_LISTING,
	    SCRIPTED_LOGIN,
	};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	committed_play(&b, &one, false, OUTCOME_DELETED);
	played_publish(&b, played_merge(&b));
	played_refreshed(&b, 1);
	committed_result(&b, &(struct commit_result){.deleted = 1, .proved = true}, OK);
	played_end(&b);
	assert_false(b.server.left_first);
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
		committed_play(&b, &one, true, cases[i].outcome);
		committed_result(&b, &cases[i].result, cases[i].code);
		played_end(&b);
	}
}

/* The server says nothing before it has QUIT. */
static void quit_goes_out_behind_the_last_dele(void **state)
{
	static const struct {
		const char *answers;
		enum outcome_kind outcome;
		struct commit_result result;
		enum error code;
	} cases[] = {
	    {"+OK\r\n+OK\r\n", OUTCOME_DELETED, {.deleted = 1}, OK},
	    {"-ERR no\r\n+OK\r\n", OUTCOME_REFUSED, {.waiting = 1}, E_REFUSED},
	    {"+OK\r\n-ERR not all\r\n", OUTCOME_UNKNOWN, {.waiting = 1}, E_REFUSED},
	    {"+OK\r\n", OUTCOME_UNKNOWN, {.waiting = 1}, E_CLOSED},
	    {NULL, OUTCOME_UNKNOWN, {.waiting = 1}, E_CLOSED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {
		    {"CAPA", "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n"}, {"DELE 3", NULL},
		    {"QUIT", cases[i].answers, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played b;

		played_start(&b, rows, COUNT(rows));
		played_list(&b);
		committed_play(&b, &one, true, cases[i].outcome);
		committed_result(&b, &cases[i].result, cases[i].code);
		played_end(&b);
	}
}

static void a_commit_of_nothing_needs_no_line(void **state)
{
	static const struct scripted_row rows[] = {{"", "-ERR nobody should come\r\n"}};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	committed_ask(&b, false);
	committed_intentions(&b, NULL);
	committed_result(&b, &(struct commit_result){.proved = true}, OK);
	played_end(&b);
}

static void a_journal_that_cannot_be_read_ends_the_commit(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};

	for (unsigned good = 0; good < 2; good++) { /* answers before */
		struct played b;
		struct job *j;

		played_start(&b, rows, COUNT(rows));
		played_list(&b);
		committed_ask(&b, false);
		if (good)
			committed_intentions(&b, &one);
		task_free(played_task(&b, TASK_INTENTIONS));
		j = job_create(JOB_INTENTIONS);
		failed(&j->failure, E_STORE, "the disk is tired");
		played_put(&b, j);
		committed_result(&b, &(struct commit_result){.waiting = good}, E_STORE);
		committed_ask(&b, false); /* and the next may succeed */
		committed_intentions(&b, NULL);
		committed_result(&b, &(struct commit_result){.proved = true}, OK);
		played_end(&b);
	}
}

static void an_unlink_that_was_taken_back_is_not_sent(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;
	struct job *j;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	committed_ask(&b, false);
	committed_choose(&b, &one);
	task_free(played_task(&b, TASK_MARK));
	j = job_create(JOB_MARKED);
	failed(&j->failure, E_VANISHED, "it was undeleted");
	played_put(&b, j);
	committed_intentions(&b, NULL); /* it is asked again, and there is none */
	committed_result(&b, &(struct commit_result){.proved = true}, OK);
	played_end(&b);
}

/* No login is tried before a person asks for one. */
static void behind_a_refused_password_nothing_is_committed(void **state)
{
	static const struct scripted_row rows[] = {
	    {"PASS secret", "-ERR [AUTH] no\r\n"}, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_ask(&b, 1);
	event_free(played_event(&b, EVENT_NOT_LISTED));
	committed_ask(&b, false);
	committed_intentions(&b, &one);
	committed_result(&b, &(struct commit_result){.waiting = 1}, E_LOGIN);
	played_end(&b);
}

static void from_a_listing_that_is_not_believed_nothing_is_deleted(void **state)
{
	static const struct scripted_row rows[] = {
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct secret *secret = secret_create(slice_of("secret"));
	struct session_plan plan = scripted_plan(NULL, secret);
	struct job *j = job_create(JOB_REFRESH);
	struct played b;

	plan.hold_ms = 1000 * plan.commit_ms; /* far beyond this test */
	played_start_plan(&b, rows, COUNT(rows), plan);
	b.missing = 9;
	j->waited_for = true; /* and nobody insists */
	played_put(&b, j);
	played_publish(&b, played_merge(&b));
	event_free(played_event(&b, EVENT_NOT_LISTED));
	committed_ask(&b, false);
	committed_intentions(&b, &one);
	committed_result(&b, &(struct commit_result){.waiting = 1}, E_SHRUNK);
	played_end(&b);
	secret_free(secret);
}

static void a_read_only_mount_deletes_nothing_and_needs_no_line(void **state)
{
	static const struct scripted_row rows[] = {{"", "-ERR nobody should come\r\n"}};
	struct session_plan plan = scripted_plan(NULL, NULL);
	struct played b;

	plan.read_only = true;
	for (int final = 0; final < 2; final++) {
		played_start_plan(&b, rows, COUNT(rows), plan);
		committed_ask(&b, final);
		committed_intentions(&b, &one);
		committed_result(&b, &(struct commit_result){.waiting = 1}, E_READONLY);
		played_end(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_deletion_is_marked_sent_and_proved),
	    cmocka_unit_test(a_server_that_deletes_behind_its_answer_is_waited_for),
	    cmocka_unit_test(the_answers_to_dele_and_quit_decide_the_outcome),
	    cmocka_unit_test(quit_goes_out_behind_the_last_dele),
	    cmocka_unit_test(a_commit_of_nothing_needs_no_line),
	    cmocka_unit_test(a_journal_that_cannot_be_read_ends_the_commit),
	    cmocka_unit_test(an_unlink_that_was_taken_back_is_not_sent),
	    cmocka_unit_test(behind_a_refused_password_nothing_is_committed),
	    cmocka_unit_test(from_a_listing_that_is_not_believed_nothing_is_deleted),
	    cmocka_unit_test(a_read_only_mount_deletes_nothing_and_needs_no_line),
	};

	return cmocka_run_group_tests_name("committing", tests, NULL, NULL);
}
