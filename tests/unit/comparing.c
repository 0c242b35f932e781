#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "committed.h"
#include "learn.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TOP(text)                                                                                  \
	{                                                                                          \
		"TOP 3 0", "+OK\r\n" text ".\r\n"                                                  \
	}

#define HEADER "Subject: three\r\n\r\n"

/* As it was when "c" was unlinked. */
static struct intention unlinked(const char *header)
{
	struct intention i = {.id = COMMITTED_ID, .name = "c"};
	struct learnt *learnt = learn_header(slice_of(header), clock_seconds());

	i.has_digest = true;
	memcpy(i.digest, learnt->digest, sizeof(i.digest));
	free(learnt);
	return i;
}

static void begin(struct played *b, const struct intention *one)
{
	played_list(b);
	committed_ask(b, true);
	committed_choose(b, one);
}

static void end_deleted(struct played *b)
{
	committed_mark(b, 1);
	committed_outcome(b, OUTCOME_DELETED);
	committed_result(b, &(struct commit_result){.deleted = 1}, OK);
	played_end(b);
}

static void end_dropped(struct played *b)
{
	committed_mark(b, 0);
	committed_outcome(b, OUTCOME_DROPPED);
	committed_result(b, &(struct commit_result){.dropped = 1}, OK);
	played_end(b);
}

/* No DELE goes out for the others: it would close the line. */
static void a_doubtful_one_is_deleted_if_its_header_is_the_same(void **state)
{
	static const struct {
		struct scripted_row top;
		bool same;
	} cases[] = {
	    {TOP(HEADER), true},
	    {TOP("Subject: another\r\n\r\n"), false},
	    {TOP(""), false},
	    {{"TOP 3 0", "-ERR no\r\n"}, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].top,
		    {"DELE 3", cases[i].same ? "+OK\r\n" : NULL, .closes = !cases[i].same},
		    PLAYED_LISTING, SCRIPTED_LOGIN};
		struct intention one = unlinked(HEADER);
		struct played b;

		one.older = one.resized = true;
		played_start(&b, rows, COUNT(rows));
		begin(&b, &one);
		if (cases[i].same)
			end_deleted(&b);
		else
			end_dropped(&b);
	}
}

static void one_whose_header_is_refused_for_now_waits_for_the_next_commit(void **state)
{
	static const struct scripted_row rows[] = {{"TOP 3 0", "-ERR [SYS/TEMP] later\r\n"},
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct intention one = unlinked(HEADER);
	struct played b;
	struct task *t;

	one.older = one.resized = true;
	played_start(&b, rows, COUNT(rows));
	begin(&b, &one);
	committed_mark(&b, 0);
	t = played_task(&b, TASK_OUTCOMES);
	assert_int_equal(t->count, 0);
	task_free(t);
	committed_result(&b, &(struct commit_result){.waiting = 1}, E_REFUSED);
	played_end(&b);
}

static void without_doubt_nothing_is_asked(void **state)
{
	static const struct {
		const char *name;
		bool older, has_digest;
		unsigned tries;
	} cases[] = {
	    {"c", false, true, 0}, {"c", true, true, 2}, /* the same UIDL and the same size */
	    {"7", false, false, 0},                      /* a counter, but of this very listing */
	};
	static const struct scripted_row rows[] = {{"TOP 3 0", NULL, .closes = true},
	    {"DELE 3", "+OK\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct intention one = unlinked(HEADER);
		struct played b;

		strcpy(one.name, cases[i].name);
		one.older = cases[i].older;
		one.has_digest = cases[i].has_digest;
		one.tries = cases[i].tries;
		played_start(&b, rows, COUNT(rows));
		begin(&b, &one);
		end_deleted(&b);
	}
}

static void what_says_least_is_compared(void **state)
{
	static const struct {
		const char *name;
		bool older, resized;
		unsigned tries, flags;
	} cases[] = {
	    {"7", false, false, 0}, /* the UIDL is a counter's: it may count anew */
	    {"7", true, false, 0}, {"c", false, true, 0}, {"c", false, true, 1},
	    {"c", false, false, 0, MESSAGE_TWIN}, /* another has it, too */
	};
	static const struct scripted_row rows[] = {TOP("Subject: another\r\n\r\n"),
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct intention one = unlinked(HEADER);
		struct played b;

		strcpy(one.name, cases[i].name);
		one.older = cases[i].older;
		one.resized = cases[i].resized;
		one.tries = cases[i].tries;
		played_start(&b, rows, COUNT(rows));
		b.flags = cases[i].flags;
		begin(&b, &one);
		end_dropped(&b);
	}
}

static void a_doubtful_one_with_nothing_to_compare_is_dropped(void **state)
{
	static const struct scripted_row no_top[] = {
	    {"CAPA", "+OK\r\nUSER\r\nUIDL\r\n.\r\n"},
	    {"DELE 3", NULL, .closes = true},
	    PLAYED_LISTING,
	    SCRIPTED_LOGIN,
	};
	static const struct scripted_row with_top[] = {
	    TOP(HEADER), {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct intention one = unlinked(HEADER);
	struct played b;

	one.older = one.resized = true;
	played_start(&b, no_top, COUNT(no_top));
	begin(&b, &one);
	end_dropped(&b);
	one.has_digest = false;
	played_start(&b, with_top, COUNT(with_top));
	begin(&b, &one);
	end_dropped(&b);
}

/* Its header is that of another one, too. */
static void what_nothing_tells_from_another_is_dropped_unseen(void **state)
{
	static const struct scripted_row rows[] = {{"TOP 3 0", NULL, .closes = true},
	    {"DELE 3", NULL, .closes = true}, PLAYED_LISTING, SCRIPTED_LOGIN};
	struct intention one = unlinked(HEADER);
	struct played b;

	played_start(&b, rows, COUNT(rows));
	b.flags = MESSAGE_FIXED;
	begin(&b, &one);
	end_dropped(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_doubtful_one_is_deleted_if_its_header_is_the_same),
	    cmocka_unit_test(one_whose_header_is_refused_for_now_waits_for_the_next_commit),
	    cmocka_unit_test(without_doubt_nothing_is_asked),
	    cmocka_unit_test(what_says_least_is_compared),
	    cmocka_unit_test(a_doubtful_one_with_nothing_to_compare_is_dropped),
	    cmocka_unit_test(what_nothing_tells_from_another_is_dropped_unseen),
	};

	return cmocka_run_group_tests_name("comparing", tests, NULL, NULL);
}
