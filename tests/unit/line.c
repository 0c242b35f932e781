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

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Somebody waits for a listing, and for message 1. */
static void somebody_waits(struct session *s)
{
	s->refresh_wanted = s->refresh_waited_for = true;
	s->refresh_asked = 9;
	fetching_want(s, 1, true, false);
}

static void are_told(struct desk *d, enum error code)
{
	struct event *fetched = desk_event(d, EVENT_FETCHED);
	struct event *listed = desk_event(d, EVENT_NOT_LISTED);

	assert_int_equal(fetched->id, 1);
	assert_int_equal(fetched->failure.code, code);
	assert_int_equal(listed->number, 9);
	assert_int_equal(listed->failure.code, code);
	event_free(fetched);
	event_free(listed);
	assert_false(d->session.refresh_wanted);
	assert_false(fetching_wanted(&d->session));
}

static void go_on_waiting(struct desk *d)
{
	desk_quiet(d);
	assert_true(d->session.refresh_wanted);
	assert_true(fetching_waited_for(&d->session));
}

static void an_open_line_is_counted_and_connects(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	line_close(s);
	assert_true(d.talk.closed);
	assert_null(s->talk);
	assert_int_equal(s->line, LINE_NONE);
	line_open(s);
	assert_non_null(s->talk);
	assert_int_equal(s->line, LINE_OPENING);
	assert_int_equal(s->lines, 2);
	desk_finish(&d);
}

static void a_failed_login_is_told_unless_another_may_help_soon(void **state)
{
	static const struct {
		enum error code;
		bool refused;
		enum reply_code reply;
		int64_t retry_ms;
		bool told;
	} cases[] = {
	    {E_LOGIN, true, CODE_NONE, 60000, true},
	    {E_CONNECT, false, CODE_NONE, 60000, true},
	    {E_NONAME, false, CODE_NONE, 60000, true},
	    {E_TLS, false, CODE_NONE, 60000, true},
	    {E_LOCKED, true, CODE_IN_USE, 0, true},
	    {E_LOCKED, true, CODE_IN_USE, 60000, false},
	    {E_LATER, true, CODE_SYS_TEMP, 60000, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct failure why = {.code = cases[i].code, .words = "so it is"};
		struct desk d;
		struct session *s = desk_start(&d);

		d.plan.retry_ms = cases[i].retry_ms;
		d.talk.refused = cases[i].refused;
		d.talk.refusal = cases[i].reply;
		s->line = LINE_OPENING;
		somebody_waits(s);
		line_over(s, &why);
		assert_int_equal(s->line, LINE_NONE);
		assert_int_equal(s->backoff.trouble.code, cases[i].code);
		if (cases[i].told)
			are_told(&d, cases[i].code);
		else
			go_on_waiting(&d);
		desk_finish(&d);
	}
}

static void what_the_server_is_stands_after_the_login(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	d.talk.capabilities.login_delay = true;
	d.talk.capabilities.login_delay_s = 300;
	strcpy(d.talk.capabilities.implementation, "Perfect POP");
	s->line = LINE_OPENING;
	s->refresh_asked = 5;
	s->fetching.read_here = true;
	s->backoff.trouble.code = E_CONNECT;
	line_opened(s);
	assert_int_equal(s->line, LINE_SURVEYING); /* every login lists */
	assert_int_equal(s->refresh_covered, 5);
	assert_string_equal(s->state.server, "Perfect POP");
	assert_string_equal(s->state.cipher, "a cipher");
	assert_int_equal(s->facts.of[FACT_LOGIN_DELAY], 300);
	assert_true(s->facts.of[FACT_LAST_LOGIN] > 0);
	assert_false(s->fetching.read_here);
	desk_finish(&d);
}

/* A number that stands for what CAPA said. */
#define CAPA 77

static void what_capa_said_is_remembered_for_a_day(void **state)
{
	enum { DAY = 24 * 60 * 60 };
	static const struct {
		int64_t age;
		bool given;
	} cases[] = {{0, true}, {DAY - 60, true}, {DAY, false}, {-60, false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		line_close(s);
		s->facts.of[FACT_CAPA] = CAPA;
		s->facts.of[FACT_CAPA_AT] = clock_seconds() - cases[i].age;
		line_open(s);
		assert_int_equal(d.talk.given, cases[i].given ? CAPA : 0);
		desk_finish(&d);
	}
}

static void a_login_by_memory_does_not_make_it_younger(void **state)
{
	static const int64_t said[] = {CAPA, CAPA + 1};

	for (size_t i = 0; i < COUNT(said); i++) {
		struct desk d;
		struct session *s = desk_start(&d);
		int64_t then = clock_seconds() - 60;

		line_close(s);
		s->facts.of[FACT_CAPA] = CAPA;
		s->facts.of[FACT_CAPA_AT] = then;
		line_open(s);
		d.talk.remembered = said[i];
		line_opened(s);
		assert_int_equal(s->facts.of[FACT_CAPA], said[i]);
		assert_int_equal(s->facts.of[FACT_CAPA_AT] > then, said[i] != CAPA);
		desk_finish(&d);
	}
}

static void servers_with_manners_of_their_own_are_asked_each_time(void **state)
{
	static const struct {
		const char *implementation;
		bool eats, remembered;
	} cases[] = {
	    {"Perfect POP", false, true}, {"Perfect POP", true, false}, {"WildDuck", false, false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		d.talk.remembered = CAPA;
		d.talk.capabilities.expire = cases[i].eats;
		strcpy(d.talk.capabilities.implementation, cases[i].implementation);
		s->line = LINE_OPENING;
		line_opened(s);
		assert_int_equal(s->facts.of[FACT_CAPA], cases[i].remembered ? CAPA : 0);
		desk_finish(&d);
	}
}

static void a_memory_that_was_contradicted_is_dropped(void **state)
{
	static const struct {
		enum line_state line;
		int64_t now; /* the talk's word */
		int64_t kept;
	} cases[] = {{LINE_OPENING, 0, 0}, {LINE_OPENING, CAPA, CAPA}, {LINE_SURVEYING, 0, 0}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct failure why = {.code = E_CLOSED, .words = "closed"};
		struct desk d;
		struct session *s = desk_start(&d);

		s->facts.of[FACT_CAPA] = CAPA;
		d.talk.remembered = cases[i].now;
		s->line = cases[i].line;
		line_over(s, &why);
		assert_int_equal(s->facts.of[FACT_CAPA], cases[i].kept);
		desk_finish(&d);
	}
}

static void a_line_that_breaks_while_it_lists_is_replaced_once(void **state)
{
	static const struct {
		enum error code;
		bool replaced;
	} cases[] = {
	    {E_CLOSED, true}, {E_PROTOCOL, true}, {E_REFUSED, false}, /* that is the answer */
	    {E_TIMEOUT, false}, /* and here patience is used up */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct failure why = {.code = cases[i].code, .words = "broken"};
		struct desk d;
		struct session *s = desk_start(&d);

		somebody_waits(s);
		s->line = LINE_SURVEYING;
		line_over(s, &why);
		if (cases[i].replaced) {
			go_on_waiting(&d);
			line_open(s);
			s->line = LINE_SURVEYING;
			line_over(s, &why);
		}
		are_told(&d, cases[i].code);
		desk_finish(&d);
	}
}

/* The same is tried in another way, and nobody hears of it. */
static void pipelining_is_blamed_before_anybody_is_told(void **state)
{
	static const struct {
		enum error code;
		unsigned before; /* lines that broke so already */
		bool failed, suspect;
	} cases[] = {
	    {E_PROTOCOL, 0, true, true},
	    {E_TIMEOUT, 0, true, false},
	    {E_CLOSED, 0, false, false}, /* it may be chance */
	    {E_CLOSED, 1, true, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct failure why = {.code = cases[i].code, .words = "broken"};
		struct desk d;
		struct session *s = desk_start(&d);

		d.talk.capabilities.pipelining = true;
		d.talk.waiting = 3;
		s->pipelines_broken = cases[i].before;
		s->line = LINE_SURVEYING;
		somebody_waits(s);
		line_over(s, &why);
		assert_int_equal(s->pipelining_failed, cases[i].failed);
		assert_int_equal(s->pipelining_suspect, cases[i].suspect);
		go_on_waiting(&d);
		desk_finish(&d);
	}
}

static void what_comes_with_a_line_goes_with_it(void **state)
{
	struct desk d;
	struct session *s = desk_start(&d);

	desk_list(&d, 3);
	assert_int_equal(session_number(s, 2), 2);
	s->survey.draft = draft_create();
	line_close(s);
	assert_null(s->listing);
	assert_null(s->numbers);
	assert_null(s->survey.draft);
	assert_int_equal(session_number(s, 2), 0);
	desk_finish(&d);
}

/* EXPIRE 0 (RFC 2449, 6.7), or a server that does it unsaid: no QUIT behind what was read. */
static void a_server_that_eats_what_was_read_hears_no_quit(void **state)
{
	static const struct {
		bool expire;
		int64_t days;
		unsigned quirks;
		bool eats;
	} cases[] = {
	    {false, 0, 0, false},
	    {true, 0, 0, true},
	    {true, 30, 0, false},
	    {true, -1, 0, false}, /* NEVER */
	    {false, 0, QUIRK_EATS_READ, true},
	    {false, 0, QUIRK_NO_PIPELINING, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		d.talk.capabilities.expire = cases[i].expire;
		d.talk.capabilities.expire_days = cases[i].days;
		s->quirks = cases[i].quirks;
		assert_int_equal(line_eats_what_was_read(s), cases[i].eats);
		line_leave(s);
		desk_sent(&d, cases[i].eats ? "" : "QUIT;");
		assert_int_equal(s->line, cases[i].eats ? LINE_NONE : LINE_LEAVING);
		desk_finish(&d);
	}
}

static void a_line_in_use_or_broken_is_closed_without_quit(void **state)
{
	for (int broken = 0; broken < 2; broken++) {
		struct desk d;
		struct session *s = desk_start(&d);

		d.talk.broken = broken;
		d.talk.waiting = broken ? 0 : 1;
		line_leave(s);
		desk_sent(&d, "");
		assert_int_equal(s->line, LINE_NONE);
		assert_true(d.talk.closed);
		desk_finish(&d);
	}
}

static void nobody_waits_longer_than_the_announced_delay(void **state)
{
	static const struct {
		int64_t delay_s, ago_s; /* since the last login */
		int64_t least_s, most_s;
	} cases[] = {
	    {0, 0, 0, 0},
	    {300, 0, 299, 300},
	    {300, 200, 99, 100},
	    {300, 1000, 0, 0},
	    {300, -5000, 299, 300},              /* a clock that was set back */
	    {INT64_C(1) << 40, 0, 86399, 86400}, /* more than a day is not believed */
	    {-5, 0, 0, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);
		int64_t before = clock_ms(), left;

		s->facts.of[FACT_LOGIN_DELAY] = cases[i].delay_s;
		s->facts.of[FACT_LAST_LOGIN] = clock_seconds() - cases[i].ago_s;
		line_be_patient(s);
		left = s->backoff.patience_until - before;
		assert_true(left >= cases[i].least_s * 1000 - 1000);
		assert_true(left <= cases[i].most_s * 1000 + (clock_ms() - before));
		desk_finish(&d);
	}
}

static void a_line_is_kept_where_no_other_could_be_had(void **state)
{
	static const struct {
		int64_t delay_s, want;
	} cases[] = {
	    {0, 5000 + 30000}, {10, 5000 + 30000}, {60, 1000 + 60000},
	    {100000, 1000 + 300000}, /* but others may want the maildrop */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk d;
		struct session *s = desk_start(&d);

		d.plan.idle_ms = 30000;
		s->logged_in = 1000;
		s->idle_since = 5000;
		s->facts.of[FACT_LOGIN_DELAY] = cases[i].delay_s;
		assert_int_equal(line_idle_until(s), cases[i].want);
		desk_finish(&d);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_open_line_is_counted_and_connects),
	    cmocka_unit_test(a_failed_login_is_told_unless_another_may_help_soon),
	    cmocka_unit_test(what_the_server_is_stands_after_the_login),
	    cmocka_unit_test(what_capa_said_is_remembered_for_a_day),
	    cmocka_unit_test(a_login_by_memory_does_not_make_it_younger),
	    cmocka_unit_test(servers_with_manners_of_their_own_are_asked_each_time),
	    cmocka_unit_test(a_memory_that_was_contradicted_is_dropped),
	    cmocka_unit_test(a_line_that_breaks_while_it_lists_is_replaced_once),
	    cmocka_unit_test(pipelining_is_blamed_before_anybody_is_told),
	    cmocka_unit_test(what_comes_with_a_line_goes_with_it),
	    cmocka_unit_test(a_server_that_eats_what_was_read_hears_no_quit),
	    cmocka_unit_test(a_line_in_use_or_broken_is_closed_without_quit),
	    cmocka_unit_test(nobody_waits_longer_than_the_announced_delay),
	    cmocka_unit_test(a_line_is_kept_where_no_other_could_be_had),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
