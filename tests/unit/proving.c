#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "committed.h"
#include "journal.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define SECOND_LISTING_WITHOUT_C                                                                   \
	{"STAT", "+OK 2 18\r\n", .session = 2},                                                    \
	    {"UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n", .session = 2},                                  \
	{                                                                                          \
		"LIST", "+OK\r\n1 10\r\n2 8\r\n.\r\n", .session = 2                                \
	}

/* A commit of "c" on a live mount, up to the listing that follows it. */
static void commit(struct played *b, const struct intention *one, enum outcome_kind outcome)
{
	played_list(b);
	committed_play(b, one, false, outcome);
	played_publish(b, played_merge(b));
	played_refreshed(b, 1);
}

static void what_is_not_listed_any_more_is_deleted(void **state)
{
	static const struct intention one = {.id = COMMITTED_ID, .name = "c"};
	static const struct scripted_row rows[] = {
	    {"DELE 3", "+OK\r\n"}, SECOND_LISTING_WITHOUT_C, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	commit(&b, &one, OUTCOME_DELETED);
	committed_result(&b, &(struct commit_result){.deleted = 1, .proved = true}, OK);
	played_end(&b);
}

/* Whatever the server says to DELE and QUIT; and after so many commits it is given up. */
static void what_is_still_listed_was_not_deleted(void **state)
{
	static const struct {
		const char *dele;
		unsigned tries;
		enum outcome_kind outcome;
		struct commit_result result;
	} cases[] = {
	    {"+OK\r\n", 0, OUTCOME_DELETED, {.waiting = 1, .proved = true}},
	    {"-ERR no\r\n", 0, OUTCOME_REFUSED, {.waiting = 1, .proved = true}},
	    {"+OK\r\n", JOURNAL_MOST_TRIES - 1, OUTCOME_DELETED, {.dropped = 1, .proved = true}},
	    {"-ERR no\r\n", JOURNAL_MOST_TRIES - 1, OUTCOME_REFUSED,
		{.dropped = 1, .proved = true}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct intention one = {
		    .id = COMMITTED_ID, .name = "c", .tries = cases[i].tries};
		const struct scripted_row rows[] = {
		    {"DELE 3", cases[i].dele}, PLAYED_LISTING, SCRIPTED_LOGIN};
		struct played b;

		played_start(&b, rows, COUNT(rows));
		commit(&b, &one, cases[i].outcome);
		committed_result(&b, &cases[i].result, E_REFUSED);
		played_end(&b);
	}
}

static void without_a_listing_it_stands_as_the_server_answered(void **state)
{
	static const struct intention one = {.id = COMMITTED_ID, .name = "c"};
	static const struct scripted_row rows[] = {
	    {"PASS secret", "-ERR [AUTH] no\r\n", .session = 2}, {"DELE 3", "+OK\r\n"},
	    PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	committed_play(&b, &one, false, OUTCOME_DELETED);
	committed_result(&b, &(struct commit_result){.deleted = 1}, OK);
	event_free(played_event(&b, EVENT_NOT_LISTED));
	played_end(&b);
}

/* So does a server that asks for patience between logins. */
static void no_other_login_is_made_where_patience_is_asked_for(void **state)
{
	static const struct intention one = {.id = COMMITTED_ID, .name = "c"};
	static const struct scripted_row rows[] = {
	    {"CAPA", "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nLOGIN-DELAY 300\r\n.\r\n"},
	    {"", "-ERR too soon\r\n", .closes = true, .session = 2}, {"DELE 3", "+OK\r\n"},
	    PLAYED_LISTING, SCRIPTED_LOGIN};
	struct played b;

	played_start(&b, rows, COUNT(rows));
	played_list(&b);
	committed_play(&b, &one, false, OUTCOME_DELETED);
	committed_result(&b, &(struct commit_result){.deleted = 1, .later = true}, OK);
	played_put(&b, job_create(JOB_END));
	event_free(played_event(&b, EVENT_NOT_LISTED)); /* the one that would have followed */
	played_finish(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_listed_any_more_is_deleted),
	    cmocka_unit_test(what_is_still_listed_was_not_deleted),
	    cmocka_unit_test(without_a_listing_it_stands_as_the_server_answered),
	    cmocka_unit_test(no_other_login_is_made_where_patience_is_asked_for),
	};

	return cmocka_run_group_tests_name("proving", tests, NULL, NULL);
}
