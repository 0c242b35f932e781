#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "committed.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void check_fetched(struct played *b, int64_t id, enum error code)
{
	struct event *e = played_event(b, EVENT_FETCHED);

	assert_int_equal(e->id, id);
	assert_int_equal(e->failure.code, code);
	event_free(e);
}

static void check_not_listed(struct played *b, int64_t number, enum error code)
{
	struct event *e = played_event(b, EVENT_NOT_LISTED);

	assert_int_equal(e->number, number);
	assert_int_equal(e->failure.code, code);
	event_free(e);
}

static void after_the_final_commit_nothing_is_begun(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	committed_ask(&b, true);
	committed_intentions(&b, NULL);
	committed_result(&b, &(struct commit_result){.proved = true}, OK);
	played_ask(&b, 3);
	check_not_listed(&b, 3, E_ENDING);
	played_fetch(&b, PLAYED_FIRST);
	check_fetched(&b, PLAYED_FIRST, E_ENDING);
	played_end(&b);
}

static void the_final_commit_does_not_wait_for_what_is_coming_in(void **state)
{
	/* not an octet: what had begun to come would be discarded or not, as it happens */
	static const struct scripted_row rows[] = {
	    {"RETR 1", NULL}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	played_fetch(&b, PLAYED_FIRST);
	committed_ask(&b, true);
	check_fetched(&b, PLAYED_FIRST, E_ENDING);
	committed_intentions(&b, NULL);
	committed_result(&b, &(struct commit_result){.proved = true}, OK);
	played_end(&b);
}

static void who_asks_after_the_login_waits_for_another_listing(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;
	struct draft *d;

	played_start(&b, rows, COUNT(rows));
	played_ask(&b, 1);
	d = played_merge(&b); /* it has logged in */
	played_ask(&b, 2);
	played_publish(&b, d);
	played_refreshed(&b, 1);
	played_publish(&b, played_merge(&b));
	played_refreshed(&b, 2);
	played_end(&b);
}

static void what_the_store_cannot_do_fails_the_listing(void **state)
{
	static const enum job_kind kinds[] = {JOB_MERGED, JOB_PUBLISHED};
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct job *j = job_create(kinds[i]);
		struct played b;
		struct task *t;

		played_start(&b, rows, COUNT(rows));
		played_ask(&b, 7);
		if (kinds[i] == JOB_PUBLISHED) {
			j->draft = played_merge(&b);
		} else {
			t = played_task(&b, TASK_MERGE);
			j->draft = t->draft;
			t->draft = NULL;
			task_free(t);
		}
		failed(&j->failure, E_STORE, "the disk");
		played_put(&b, j);
		check_not_listed(&b, 7, E_STORE);
		played_end(&b);
	}
}

/* It was asked for on a line that is gone. */
static void an_old_answer_of_the_store_is_passed_over(void **state)
{
	static const enum job_kind kinds[] = {JOB_MERGED, JOB_PUBLISHED};
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct job *j = job_create(kinds[i]);
		struct played b;
		struct draft *d;

		j->draft = draft_create();
		j->draft->line = 77;
		failed(&j->failure, E_STORE, "the disk");
		played_start(&b, rows, COUNT(rows));
		played_ask(&b, 7);
		d = played_merge(&b);
		played_put(&b, j);
		played_publish(&b, d);
		played_refreshed(&b, 7);
		played_end(&b);
	}
}

/* But whoever opens it gets another try. */
static void what_could_not_be_had_is_not_fetched_ahead_for_a_while(void **state)
{
	static const struct scripted_row rows[] = {
	    {"RETR 1", "-ERR [SYS/PERM] no\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct job *j = job_create(JOB_FETCH);
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	played_fetch(&b, PLAYED_FIRST);
	check_fetched(&b, PLAYED_FIRST, E_REFUSED);
	j->id = PLAYED_FIRST; /* not urgent */
	played_put(&b, j);
	check_fetched(&b, PLAYED_FIRST, E_LATER);
	played_fetch(&b, PLAYED_FIRST);
	check_fetched(&b, PLAYED_FIRST, E_REFUSED);
	played_end(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(after_the_final_commit_nothing_is_begun),
	    cmocka_unit_test(the_final_commit_does_not_wait_for_what_is_coming_in),
	    cmocka_unit_test(who_asks_after_the_login_waits_for_another_listing),
	    cmocka_unit_test(what_the_store_cannot_do_fails_the_listing),
	    cmocka_unit_test(an_old_answer_of_the_store_is_passed_over),
	    cmocka_unit_test(what_could_not_be_had_is_not_fetched_ahead_for_a_while),
	};

	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
