#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "desk.h"
#include "quirks.h"

#define NOW     1000000 /* of the line's last octet: clock.h */
#define TRIP_MS 300
#define MESSAGE 1000 /* octets */

/* Logged in where PIPELINING is announced, with nothing out. */
static struct session *prepare(struct desk *b)
{
	struct session *s = desk_start(b);

	b->talk.capabilities.pipelining = true;
	b->talk.progress = NOW;
	s->fetching.pace.trip_ms = -1;
	return s;
}

/* How often the fact was told to the store, the last time as `value`. */
static size_t told(struct desk *b, enum fact fact, const char *value)
{
	struct task *t;
	size_t count = 0;

	while ((t = (struct task *)queue_take(&b->queues.tasks)) != NULL) {
		assert_int_equal(t->kind, TASK_REMEMBER);
		if (strcmp(t->key, fact_name(fact)) == 0) {
			assert_string_equal(t->value, value);
			count++;
		}
		task_free(t);
	}
	return count;
}

static void it_is_allowed_where_nothing_speaks_against_it(void **state)
{
	static const struct {
		enum session_pipelining option;
		bool announced, failed, corrupts, quirk, allowed;
	} cases[] = {
	    {PIPELINING_AUTO, .announced = true, .allowed = true},
	    {PIPELINING_AUTO, .announced = false, .allowed = false},
	    {PIPELINING_AUTO, .announced = true, .failed = true, .allowed = false},
	    {PIPELINING_AUTO, .announced = true, .corrupts = true, .allowed = false},
	    {PIPELINING_AUTO, .announced = true, .quirk = true, .allowed = false},
	    {PIPELINING_ON, .corrupts = true, .quirk = true, .allowed = true},
	    {PIPELINING_ON, .announced = true, .failed = true, .allowed = false},
	    {PIPELINING_OFF, .announced = true, .allowed = false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desk b;
		struct session *s = prepare(&b);

		b.plan.pipelining = cases[i].option;
		b.talk.capabilities.pipelining = cases[i].announced;
		s->pipelining_failed = cases[i].failed;
		s->facts.of[FACT_PIPELINING_CORRUPTS] = cases[i].corrupts;
		s->quirks = cases[i].quirk ? QUIRK_NO_PIPELINING : 0;
		assert_int_equal(pipelining_allowed(s), cases[i].allowed);
		desk_finish(&b);
	}
}

static void bodies_are_pipelined_behind_a_lone_one(void **state)
{
	struct desk b;
	struct session *s = prepare(&b);

	assert_false(pipelining_fetches(s));
	pipelining_lone_fetch(s, true);
	assert_int_equal(told(&b, FACT_LONE_FETCHES, "1"), 1);
	assert_true(pipelining_fetches(s));
	pipelining_lone_fetch(s, true); /* it is known: nothing is written */
	assert_null(queue_take(&b.queues.tasks));
	s->facts.of[FACT_LONE_FETCHES] = 0;
	b.plan.pipelining = PIPELINING_ON;
	assert_true(pipelining_fetches(s));
	desk_finish(&b);
}

static void a_lone_fetch_shows_whether_list_is_exact(void **state)
{
	struct desk b;
	struct session *s = prepare(&b);

	pipelining_lone_fetch(s, true);
	assert_int_equal(told(&b, FACT_LIST_INEXACT, "1"), 0);
	pipelining_lone_fetch(s, false);
	assert_int_equal(told(&b, FACT_LIST_INEXACT, "1"), 1);
	desk_finish(&b);
}

/* Only when the same server does well with one command at a time is it pipelining that did it. */
static void harm_is_remembered_once_lone_fetches_go_well(void **state)
{
	static const struct {
		bool corrupted;
		size_t remembered;
	} cases[] = {{true, 1}, {false, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desk b;
		struct session *s = prepare(&b);

		s->refresh_waited_for = true; /* who waits is told otherwise: nothing is logged */
		pipelining_failed(s, cases[i].corrupted);
		assert_false(pipelining_allowed(s));
		assert_int_equal(told(&b, FACT_PIPELINING_CORRUPTS, "1"), 0);
		pipelining_failed(s, true); /* what follows from it shows nothing */
		pipelining_lone_fetch(s, true);
		assert_int_equal(told(&b, FACT_PIPELINING_CORRUPTS, "1"), cases[i].remembered);
		pipelining_lone_fetch(s, true);
		assert_int_equal(told(&b, FACT_PIPELINING_CORRUPTS, "1"), 0);
		desk_finish(&b);
	}
}

/* Silence may have been the network's. */
static void a_line_that_opens_much_later_may_try_again(void **state)
{
	static const struct {
		bool corrupted;
		unsigned before;     /* failures */
		int64_t least, most; /* ms; 0: in this mount it may not */
	} cases[] = {
	    {.corrupted = true},
	    {false, 0, 60000, 3600000},
	    {false, 2, 3600000, 4 * 3600000},
	    {false, 100, 12 * 3600000, 24 * 3600000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desk b;
		struct session *s = prepare(&b);
		int64_t now = clock_ms();

		s->refresh_waited_for = true;
		s->pipelining_failures = cases[i].before;
		s->pipelines_broken = 2;
		pipelining_failed(s, cases[i].corrupted);
		pipelining_line_opens(s);
		assert_false(pipelining_may_be(s));
		if (cases[i].most == 0) {
			assert_true(s->pipelining_again == CLOCK_NEVER);
			desk_finish(&b);
			continue;
		}
		assert_true(s->pipelining_again >= now + cases[i].least);
		assert_true(s->pipelining_again <= clock_ms() + cases[i].most);
		s->pipelining_again = clock_ms();
		pipelining_line_opens(s);
		assert_true(pipelining_allowed(s));
		assert_int_equal(s->pipelines_broken, 0);
		desk_finish(&b);
	}
}

static void it_is_used_while_several_are_out_or_wait_for_proof(void **state)
{
	static const struct {
		size_t waiting;
		bool held, alone, off, used;
	} cases[] = {
	    {0, .used = false},
	    {1, .used = false},
	    {2, .used = true},
	    {2, .off = true, .used = false},
	    {1, .held = true, .used = true},
	    {1, .held = true, .alone = true, .used = false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desk b;
		struct session *s = prepare(&b);

		b.talk.waiting = cases[i].waiting;
		if (cases[i].off)
			b.plan.pipelining = PIPELINING_OFF;
		if (cases[i].held)
			wants_add(&s->fetching.wants, 1, WANT_HELD)->sent_alone = cases[i].alone;
		assert_int_equal(pipelining_is_used(s), cases[i].used);
		s->talk = NULL;
		assert_false(pipelining_is_used(s));
		desk_finish(&b);
	}
}

/* What is out, and what its silence means once it has lasted too long. */
static const struct silence {
	size_t waiting, noops;
	bool out, paused, opening;
	enum commit_stage stage;
	uint64_t held; /* octets of a body of a window of those that LIST says are MESSAGE */
	int64_t trip_ms;
	enum error code; /* OK: it may last */
} silences[] = {
    {0, 0, .trip_ms = -1, .code = OK}, {1, 0, .out = true, .trip_ms = TRIP_MS, .code = OK},
    {2, 0, .out = true, .trip_ms = -1, .code = E_TIMEOUT},
    {2, 0, .out = true, .trip_ms = TRIP_MS, .code = E_TIMEOUT},
    {2, 1, .out = true, .trip_ms = TRIP_MS, .code = E_TIMEOUT}, /* the body comes first */
    {1, 1, .trip_ms = -1, .code = E_PROTOCOL}, {1, 1, .trip_ms = TRIP_MS, .code = E_PROTOCOL},
    {2, 0, .out = true, .paused = true, .code = OK}, /* it is we who do not read */
    {2, 0, .opening = true, .code = OK},
    {1, 1, .held = MESSAGE, .trip_ms = -1, .code = E_TIMEOUT}, /* it may only be slow */
    {1, 1, .held = MESSAGE + 5, .trip_ms = -1, .code = E_PROTOCOL},
    {9, 0, .stage = COMMIT_DELETING, .trip_ms = -1, .code = E_TIMEOUT},
    {9, 0, .stage = COMMIT_QUITTING, .trip_ms = -1, .code = OK}, /* it may be at QUIT's work */
};

static void hold(struct session *s, uint64_t octets)
{
	struct want *w = wants_add(&s->fetching.wants, 2, WANT_HELD);

	w->listed = MESSAGE;
	w->body = task_create(TASK_BODY);
	w->body->body = xnew(struct body);
	w->body->body->size = octets;
}

static struct session *silent(struct desk *b, const struct silence *c)
{
	struct session *s = prepare(b);

	b->talk.waiting = c->waiting;
	b->talk.paused = c->paused;
	s->line = c->opening ? LINE_OPENING : c->stage ? LINE_COMMITTING : LINE_READY;
	s->committing.stage = c->stage;
	s->fetching.noops_out = c->noops;
	s->fetching.pace.trip_ms = c->trip_ms;
	if (c->out)
		wants_add(&s->fetching.wants, 1, WANT_OUT);
	if (c->held)
		hold(s, c->held);
	return s;
}

static void silence_has_a_deadline_from_the_last_octet_on(void **state)
{
	for (size_t i = 0; i < sizeof(silences) / sizeof(silences[0]); i++) {
		const struct silence *c = &silences[i];
		struct desk b;
		struct session *s = silent(&b, c);
		int64_t deadline = pipelining_deadline(s);
		int64_t trips = c->trip_ms > 0 ? 2 * c->trip_ms : 0;

		assert_int_equal(deadline == CLOCK_NEVER, c->code == OK);
		if (c->code)
			assert_true(deadline > NOW + trips);
		b.talk.progress++;
		assert_true(pipelining_deadline(s) == deadline + (c->code != OK));
		s->talk = NULL;
		assert_true(pipelining_deadline(s) == CLOCK_NEVER);
		desk_finish(&b);
	}
}

static void silence_beyond_it_says_what_is_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(silences) / sizeof(silences[0]); i++) {
		const struct silence *c = &silences[i];
		struct failure why = {0};
		struct desk b;
		struct session *s = silent(&b, c);

		b.talk.progress = INT64_MAX / 2;
		assert_int_equal(pipelining_overdue(s, &why), OK);
		b.talk.progress = INT64_MIN / 2;
		assert_int_equal(pipelining_overdue(s, &why), c->code);
		assert_int_equal(why.code, c->code);
		desk_finish(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_allowed_where_nothing_speaks_against_it),
	    cmocka_unit_test(bodies_are_pipelined_behind_a_lone_one),
	    cmocka_unit_test(a_lone_fetch_shows_whether_list_is_exact),
	    cmocka_unit_test(harm_is_remembered_once_lone_fetches_go_well),
	    cmocka_unit_test(a_line_that_opens_much_later_may_try_again),
	    cmocka_unit_test(it_is_used_while_several_are_out_or_wait_for_proof),
	    cmocka_unit_test(silence_has_a_deadline_from_the_last_octet_on),
	    cmocka_unit_test(silence_beyond_it_says_what_is_wrong),
	};

	return cmocka_run_group_tests_name("pipelining", tests, NULL, NULL);
}
