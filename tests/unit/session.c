#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "played.h"

#define MESSAGES 3 /* of PLAYED_LISTING */

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- listings ---- */

static void a_listing_goes_to_the_store_and_back(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	static const uint64_t octets[] = {10, 8, 12};
	struct played b;
	struct draft *d;

	played_start(&b, rows, COUNT(rows));
	played_ask(&b, 5);
	d = played_merge(&b);
	assert_int_equal(d->count, MESSAGES);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		assert_int_equal(d->rows[i].number, i + 1);
		assert_int_equal(d->rows[i].listed, octets[i]);
		assert_int_equal(row_uidl(d, &d->rows[i]).at[0], 'a' + (char)i);
	}
	assert_false(d->partial);
	played_publish(&b, d);
	played_refreshed(&b, 5);
	played_end(&b);
}

static void a_refresh_that_fails_says_why(void **state)
{
	static const struct {
		struct scripted_row row;
		enum error code;
	} cases[] = {
	    {{"PASS secret", "-ERR [AUTH] no\r\n"}, E_LOGIN},
	    {{"PASS secret", "-ERR [IN-USE] no\r\n"}, E_LOCKED},
	    {{"UIDL", "-ERR no\r\n"}, E_REFUSED},
	    {{"LIST", "-ERR [SYS/TEMP] later\r\n"}, E_LATER},
	    {{"LIST", "+OK\r\n1 10\r\n.\r\n"}, E_PROTOCOL}, /* STAT counts more */
	    {{"LIST", NULL, .closes = true}, E_CLOSED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].row, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played b;
		struct event *e;

		played_start(&b, rows, COUNT(rows));
		played_ask(&b, 5);
		e = played_event(&b, EVENT_NOT_LISTED);
		assert_int_equal(e->number, 5);
		assert_int_equal(e->failure.code, cases[i].code);
		event_free(e);
		played_end(&b);
	}
}

static void a_line_that_breaks_while_it_lists_is_replaced_once(void **state)
{
	static const struct scripted_row rows[] = {
	    {"LIST", "+OK\r\n1 10\r\n", .closes = true, .session = 1}, PLAYED_LISTING,
	    SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	played_end(&b);
}

/* ---- fetches ---- */

static void a_small_body_goes_to_the_store_in_one_piece(void **state)
{
	static const struct scripted_row rows[] = {
	    {"RETR 3", "+OK\r\nA: b\r\n\r\n..x\r\n.\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	static const char text[] = "A: b\r\n\r\n.x\r\n";
	struct played b;
	struct task *t;
	struct job *j;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	played_fetch(&b, PLAYED_FIRST + 2);
	t = played_task(&b, TASK_BODY);
	assert_int_equal(t->len, strlen(text));
	assert_memory_equal(t->data, text, t->len);
	assert_int_equal(t->id, PLAYED_FIRST + 2);
	assert_int_equal(t->body->size, strlen(text));
	assert_int_equal(t->body->header, strlen("A: b\r\n\r\n"));
	assert_int_equal(t->body->chunks, 1);
	task_free(t);
	j = job_create(JOB_STORED);
	j->octets = strlen(text);
	played_put(&b, j);
	j = job_create(JOB_KEPT);
	j->id = PLAYED_FIRST + 2;
	played_put(&b, j);
	played_end(&b);
}

static void a_body_that_cannot_be_had_says_why(void **state)
{
	static const struct {
		const char *answer;
		int64_t id;
		enum error code;
	} cases[] = {
	    {"-ERR [SYS/PERM] no\r\n", PLAYED_FIRST + 2, E_REFUSED},
	    {"-ERR [SYS/TEMP] later\r\n", PLAYED_FIRST + 2, E_LATER},
	    {"+OK\r\n.\r\n", PLAYED_FIRST + 77, E_VANISHED}, /* it is not listed */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {
		    {"RETR 3", cases[i].answer}, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played b;
		struct event *e;

		played_start(&b, rows, COUNT(rows));
		played_list(&b);
		played_fetch(&b, cases[i].id);
		e = played_event(&b, EVENT_FETCHED);
		assert_int_equal(e->id, cases[i].id);
		assert_int_equal(e->failure.code, cases[i].code);
		event_free(e);
		played_end(&b);
	}
}

static void a_fetch_opens_a_line_and_is_not_had_without_one(void **state)
{
	static const struct scripted_row rows[] = {
	    {"PASS secret", "-ERR [AUTH] no\r\n"}, SCRIPTED_LOGIN};
	struct played b;
	struct event *e;

	played_start(&b, rows, COUNT(rows));
	played_fetch(&b, PLAYED_FIRST);
	e = played_event(&b, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_LOGIN);
	event_free(e);
	played_end(&b);
}

/* ---- the end ---- */

static void the_end_answers_those_who_wait(void **state)
{
	static const struct scripted_row rows[] = {{"", NULL}};
	struct played b;
	struct event *e;

	played_start(&b, rows, COUNT(rows));
	played_ask(&b, 3);
	played_fetch(&b, PLAYED_FIRST);
	played_put(&b, job_create(JOB_END));
	e = played_event(&b, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	e = played_event(&b, EVENT_NOT_LISTED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	played_finish(&b);
}

static void it_may_end_before_anything_was_asked(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_end(&b);
}

/* It has them by this line's numbers, and waits for what is coming in. */
static void a_commit_waits_for_the_body_that_is_coming_in(void **state)
{
	CLEANUP(buf_finish) struct buf answer = {0};
	struct scripted_row rows[] = {{"RETR 1", NULL}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;
	struct job *j;

	buf_add_text(&answer, "+OK\r\n");
	while (answer.len < CHUNK_OCTETS + CHUNK_OCTETS / 2)
		buf_add_text(&answer, "no end\r\n");
	rows[0].answer = buf_text(&answer);
	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	played_fetch(&b, PLAYED_FIRST);
	task_free(played_task(&b, TASK_CHUNK)); /* it is out */
	played_put(&b, job_create(JOB_COMMIT));
	task_free(played_task(&b, TASK_INTENTIONS));
	j = job_create(JOB_INTENTIONS);
	j->intentions = xzalloc(sizeof(*j->intentions) + sizeof(*j->intentions->all));
	j->intentions->count = 1;
	j->intentions->all[0] = (struct intention){.id = PLAYED_FIRST + 2, .name = "c"};
	played_put(&b, j);
	played_put(&b, job_create(JOB_END));
	task_free(played_task(&b, TASK_DISCARD));
	event_free(played_event(&b, EVENT_FETCHED));
	event_free(played_event(&b, EVENT_COMMITTED));
	played_finish(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listing_goes_to_the_store_and_back),
	    cmocka_unit_test(a_refresh_that_fails_says_why),
	    cmocka_unit_test(a_line_that_breaks_while_it_lists_is_replaced_once),
	    cmocka_unit_test(a_small_body_goes_to_the_store_in_one_piece),
	    cmocka_unit_test(a_body_that_cannot_be_had_says_why),
	    cmocka_unit_test(a_fetch_opens_a_line_and_is_not_had_without_one),
	    cmocka_unit_test(the_end_answers_those_who_wait),
	    cmocka_unit_test(it_may_end_before_anything_was_asked),
	    cmocka_unit_test(a_commit_waits_for_the_body_that_is_coming_in),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
