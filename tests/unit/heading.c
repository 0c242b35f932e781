#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "learn.h"
#include "played.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void ask(struct played *p, int64_t id, bool urgent)
{
	struct job *j = job_create(JOB_HEADER);

	j->id = id;
	j->urgent = urgent;
	played_put(p, j);
}

static void check_header(struct played *p, int64_t id, const char *text)
{
	struct task *t = played_task(p, TASK_HEADER);

	assert_int_equal(t->id, id);
	assert_int_equal(t->learnt->len, strlen(text));
	assert_memory_equal(t->learnt->text, text, t->learnt->len);
	task_free(t);
}

static void check_failure(struct played *p, int64_t id, enum error code)
{
	struct event *e = played_event(p, EVENT_HEADED);

	assert_int_equal(e->id, id);
	assert_int_equal(e->failure.code, code);
	event_free(e);
}

static void a_header_comes_by_top_and_goes_to_the_store(void **state)
{
	static const struct scripted_row rows[] = {
	    {"TOP 2 0", "+OK\r\nA: b\r\n..c: d\r\n\r\n.\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played p;

	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	ask(&p, PLAYED_FIRST + 1, true);
	check_header(&p, PLAYED_FIRST + 1, "A: b\r\n.c: d\r\n\r\n");
	played_end(&p);
}

static void what_is_asked_for_twice_comes_once(void **state)
{
	static const struct scripted_row rows[] = {{"TOP 1 0", "+OK\r\nA: a\r\n\r\n.\r\n"},
	    {"TOP 2 0", "+OK\r\nB: b\r\n\r\n.\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played p;

	played_start(&p, rows, COUNT(rows));
	ask(&p, PLAYED_FIRST, false); /* the login for it lists first */
	ask(&p, PLAYED_FIRST + 1, false);
	ask(&p, PLAYED_FIRST + 1, true);
	played_publish(&p, played_merge(&p));
	played_refreshed(&p, 0);
	check_header(&p, PLAYED_FIRST + 1, "B: b\r\n\r\n"); /* somebody waits for it */
	check_header(&p, PLAYED_FIRST, "A: a\r\n\r\n");
	played_end(&p);
}

static void a_header_that_top_does_not_bring_is_told_as_such(void **state)
{
	static const struct {
		struct scripted_row row;
		int64_t id;
		enum error code;
	} cases[] = {
	    {{"TOP 1 0", "-ERR no\r\n"}, PLAYED_FIRST, E_REFUSED},
	    {{"TOP 1 0", "+OK\r\n.\r\n"}, PLAYED_FIRST, E_REFUSED},
	    {{"TOP 1 0", "+OK\r\nA: b\r\n", .closes = true}, PLAYED_FIRST, E_CLOSED},
	    {{"TOP 1 0", "what?\r\n"}, PLAYED_FIRST, E_PROTOCOL},
	    {{"CAPA", "+OK\r\nUSER\r\nUIDL\r\n.\r\n"}, PLAYED_FIRST, E_REFUSED},
	    {{"TOP 1 0", "+OK\r\n.\r\n"}, PLAYED_FIRST + 77, E_VANISHED}, /* it is not listed */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].row, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played p;

		played_start(&p, rows, COUNT(rows));
		played_list(&p);
		ask(&p, cases[i].id, true);
		check_failure(&p, cases[i].id, cases[i].code);
		played_end(&p);
	}
}

static void a_header_that_is_too_long_is_left_to_the_body(void **state)
{
	CLEANUP(buf_finish) struct buf answer = {0};
	struct scripted_row rows[] = {{"TOP 1 0", NULL}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played p;

	buf_add_text(&answer, "+OK\r\n");
	while (answer.len < LEARN_LARGEST + 10)
		buf_add_text(&answer, "A: b\r\n");
	buf_add_text(&answer, "\r\n.\r\n");
	rows[0].answer = buf_text(&answer);
	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	ask(&p, PLAYED_FIRST, true);
	check_failure(&p, PLAYED_FIRST, E_REFUSED);
	played_end(&p);
}

/* The one under which the line broke is told, the others come on the next line. */
static void a_broken_line_costs_one_header(void **state)
{
	static const struct scripted_row rows[] = {{"TOP 1 0", "+OK\r\n", .closes = true},
	    {"TOP 3 0", "+OK\r\nC: c\r\n\r\n.\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played p;

	played_start(&p, rows, COUNT(rows));
	played_list(&p);
	ask(&p, PLAYED_FIRST, true);
	ask(&p, PLAYED_FIRST + 2, true);
	check_failure(&p, PLAYED_FIRST, E_CLOSED);
	played_publish(&p, played_merge(&p));
	played_refreshed(&p, 1);
	check_header(&p, PLAYED_FIRST + 2, "C: c\r\n\r\n");
	played_end(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_comes_by_top_and_goes_to_the_store),
	    cmocka_unit_test(what_is_asked_for_twice_comes_once),
	    cmocka_unit_test(a_header_that_top_does_not_bring_is_told_as_such),
	    cmocka_unit_test(a_header_that_is_too_long_is_left_to_the_body),
	    cmocka_unit_test(a_broken_line_costs_one_header),
	};

	return cmocka_run_group_tests_name("heading", tests, NULL, NULL);
}
