#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "backoff.h"
#include "clock.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define RETRY_MS    60000
#define MINUTES     60000

static struct failure failure_of(enum error code)
{
	struct failure why;

	failed(&why, code, "words of the server");
	return why;
}

static bool fails(struct backoff *b, enum error code, struct attempt a, int64_t now)
{
	struct failure why = failure_of(code);

	a.retry_ms = RETRY_MS;
	return backoff_failed(b, &why, &a, now);
}

static void bare(struct backoff *b, int64_t now, bool again, enum error told)
{
	struct failure why = failure_of(E_LOGIN);
	struct attempt a = {.refused = true, .code = CODE_NONE, .retry_ms = RETRY_MS};

	assert_int_equal(backoff_failed(b, &why, &a, now), again);
	assert_int_equal(why.code, told);
}

/* What becomes of those who wait at the first failure, and what whoever comes then is told. */
static void each_failure_has_its_answer(void **state)
{
	static const struct {
		enum error code;
		bool refused;
		enum reply_code reply;
		bool good; /* the secret has been accepted before */
		bool again, final;
		enum error told;
	} cases[] = {
	    {E_TIMEOUT, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_NOROUTE, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_CONNECT, false, CODE_NONE, true, false, false, E_OFFLINE},
	    {E_TLS, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_CLOSED, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_PROTOCOL, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_REFUSED, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_REFUSED, false, CODE_SYS_PERM, false, false, false, E_OFFLINE},
	    {E_LOGIN, false, CODE_NONE, false, false, false, E_OFFLINE},
	    {E_LOCKED, true, CODE_IN_USE, false, true, false, OK},
	    {E_LATER, true, CODE_SYS_TEMP, false, true, false, OK},
	    {E_LATER, true, CODE_LOGIN_DELAY, true, true, false, OK},
	    {E_LATER, false, CODE_NONE, true, true, false, OK},
	    {E_LOGIN, true, CODE_NONE, false, false, true, E_LOGIN},
	    {E_LOGIN, true, CODE_AUTH, false, false, true, E_LOGIN},
	    {E_LOGIN, true, CODE_AUTH, true, false, true, E_LOGIN},
	    {E_LOGIN, true, CODE_OTHER, true, false, true, E_LOGIN},
	    {E_LOGIN, true, CODE_NONE, true, true, false, OK},
	    {E_REFUSED, true, CODE_SYS_PERM, true, false, true, E_REFUSED},
	    {E_CONFIG, false, CODE_NONE, false, false, true, E_CONFIG},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct backoff b;
		struct failure why = {.code = OK};
		struct attempt a = {.refused = cases[i].refused, .code = cases[i].reply};

		backoff_init(&b);
		if (cases[i].good)
			backoff_logged_in(&b);
		assert_int_equal(fails(&b, cases[i].code, a, 1000), cases[i].again);
		assert_int_equal(b.refused, cases[i].final);
		assert_int_equal(backoff_holds(&b, 1000), cases[i].told != OK);
		if (!cases[i].told)
			continue;
		backoff_answer(&b, &why);
		assert_int_equal(why.code, cases[i].told);
		assert_non_null(strstr(why.words, "words of the server"));
	}
}

static void pauses_grow_to_a_minute_and_end_with_success(void **state)
{
	static const int64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct backoff b;
	int64_t now = 5000;

	backoff_init(&b);
	for (size_t i = 0; i < COUNT(pauses); i++) {
		assert_false(fails(&b, E_CONNECT, (struct attempt){0}, now));
		assert_int_equal(backoff_due(&b, true), now + pauses[i]);
		assert_true(backoff_holds(&b, now + pauses[i] - 1));
		assert_false(backoff_holds(&b, now + pauses[i]));
		now += pauses[i];
	}
	backoff_logged_in(&b);
	backoff_listed(&b);
	assert_int_equal(b.trouble.code, OK);
	assert_int_equal(backoff_due(&b, true), 0);
	assert_false(fails(&b, E_CONNECT, (struct attempt){0}, now));
	assert_int_equal(backoff_due(&b, true), now + pauses[0]);
}

static void chance_makes_a_pause_shorter_by_less_than_a_quarter(void **state)
{
	for (uint32_t chance = 0; chance < 5000; chance++) {
		struct backoff b;

		backoff_init(&b);
		fails(&b, E_CONNECT, (struct attempt){.chance = chance * 31}, 0);
		assert_in_range(backoff_due(&b, true), 751, 1000);
	}
}

static void what_may_pass_is_tried_for_so_long_and_told_then(void **state)
{
	struct backoff b;
	struct attempt in_use = {.refused = true, .code = CODE_IN_USE};
	struct failure why;
	int64_t now = 0;
	unsigned tries = 0;

	backoff_init(&b);
	for (; fails(&b, E_LOCKED, in_use, now); tries++) {
		assert_false(backoff_holds(&b, now));
		assert_true(backoff_due(&b, true) <= now + 8000);
		now = backoff_due(&b, true);
	}
	assert_true(now >= RETRY_MS && now < RETRY_MS + 8000);
	assert_true(tries > 5);
	assert_true(backoff_holds(&b, now));
	backoff_answer(&b, &why);
	assert_int_equal(why.code, E_LOCKED);
	now = backoff_due(&b, true);
	assert_true(fails(&b, E_LOCKED, in_use, now)); /* whoever comes then waits as long again */
}

/* "At most 3 tries in 10 minutes": accounts get locked. */
static void a_good_secret_that_is_refused_barely_counts_as_in_use(void **state)
{
	struct backoff b;

	backoff_init(&b);
	backoff_logged_in(&b);
	bare(&b, 1 * MINUTES, true, E_LOCKED);
	bare(&b, 2 * MINUTES, false, E_LOCKED); /* past retry; still not the third */
	assert_true(backoff_due(&b, true) <= 3 * MINUTES);
	bare(&b, 4 * MINUTES, false, E_LOCKED);
	assert_false(b.refused);
	assert_int_equal(backoff_due(&b, true), 11 * MINUTES);
	assert_true(backoff_holds(&b, 11 * MINUTES - 1));
	backoff_hurry(&b); /* a commit does not change that, only a person does */
	assert_int_equal(backoff_due(&b, true), 11 * MINUTES);

	bare(&b, 11 * MINUTES, true, E_LOCKED); /* a new window */
	assert_true(backoff_due(&b, true) <= 12 * MINUTES);
	backoff_logged_in(&b);
	backoff_listed(&b);
	for (int i = 0; i < 2; i++)
		bare(&b, 12 * MINUTES + i, true, E_LOCKED);
	bare(&b, 12 * MINUTES + 2, false, E_LOCKED);
	backoff_ask(&b);
	assert_int_equal(backoff_due(&b, true), 0);
	bare(&b, 13 * MINUTES, false, E_LOCKED);
	assert_int_equal(backoff_due(&b, true), 22 * MINUTES);
}

static void a_refused_secret_waits_for_a_person(void **state)
{
	struct attempt wrong = {.refused = true, .code = CODE_AUTH};
	struct backoff b;

	backoff_init(&b);
	fails(&b, E_LOGIN, wrong, 0);
	assert_true(backoff_holds(&b, 1000 * MINUTES));
	backoff_hurry(&b);
	assert_true(backoff_holds(&b, 1000 * MINUTES));
	backoff_ask(&b);
	assert_false(backoff_holds(&b, 1));
	fails(&b, E_LOGIN, wrong, 1);
	assert_true(b.refused);
	backoff_logged_in(&b);
	assert_false(b.refused);
}

static void patience_is_for_logins_that_nobody_waits_for(void **state)
{
	struct backoff b;

	backoff_init(&b);
	b.patience_until = 5 * MINUTES;
	assert_int_equal(backoff_due(&b, true), 0);
	assert_int_equal(backoff_due(&b, false), 5 * MINUTES);
	fails(&b, E_CONNECT, (struct attempt){0}, 6 * MINUTES);
	assert_int_equal(backoff_due(&b, false), 6 * MINUTES + 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_failure_has_its_answer),
	    cmocka_unit_test(pauses_grow_to_a_minute_and_end_with_success),
	    cmocka_unit_test(chance_makes_a_pause_shorter_by_less_than_a_quarter),
	    cmocka_unit_test(what_may_pass_is_tried_for_so_long_and_told_then),
	    cmocka_unit_test(a_good_secret_that_is_refused_barely_counts_as_in_use),
	    cmocka_unit_test(a_refused_secret_waits_for_a_person),
	    cmocka_unit_test(patience_is_for_logins_that_nobody_waits_for),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
