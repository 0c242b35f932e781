#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "inquiry.h"

struct bench {
	struct inquiry *i;
	struct session_asker asker;
	int theirs;
	struct secret *secret;
	struct failure why;
};

static void begin(struct bench *b)
{
	*b = (struct bench){.theirs = -1};
	assert_int_equal(inquiry_create(&b->i, &b->theirs, NULL), OK);
	b->asker = inquiry_asker(b->i);
}

static void finish(struct bench *b)
{
	secret_free(b->secret);
	inquiry_free(b->i);
	closep(&b->theirs);
}

static bool take_it(struct bench *b)
{
	return b->asker.answer(b->asker.with, &b->secret, &b->why);
}

static bool is_readable(int fd)
{
	struct pollfd polled = {fd, POLLIN, 0};

	return poll(&polled, 1, 0) == 1;
}

/* What a command prints. */
static void answer(struct bench *b, const char *const *command)
{
	struct options o = {.password_command = (char **)command};
	struct account a = {.words = (char *)"me@host"};
	CLEANUP(credentials_finish) struct credentials c;

	credentials_choose(&c, &o, &a);
	assert_true(inquiry_heard(b->theirs));
	assert_true(inquiry_answer(b->theirs, &c));
}

static void an_answer_comes_when_it_comes(void **state)
{
	const char *good[] = {"echo", "hunter2", NULL}, *bad[] = {"false", NULL};
	struct bench b;

	begin(&b);
	b.asker.ask(b.asker.with);
	assert_false(take_it(&b));
	assert_false(is_readable(b.asker.fd));
	answer(&b, good);
	assert_true(is_readable(b.asker.fd));
	assert_true(take_it(&b));
	assert_int_equal(b.why.code, OK);
	assert_true(slice_is(secret_octets(b.secret), "hunter2"));
	b.asker.ask(b.asker.with);
	answer(&b, bad);
	assert_true(take_it(&b));
	assert_int_equal(b.why.code, E_SECRET);
	assert_string_equal(b.why.words, "password_command ended with status 1");
	finish(&b);
}

static void a_question_joins_the_one_that_is_out(void **state)
{
	const char *command[] = {"echo", "hunter2", NULL};
	struct bench b;

	begin(&b);
	for (int i = 0; i < 3; i++)
		b.asker.ask(b.asker.with);
	answer(&b, command);
	assert_false(is_readable(b.theirs));
	assert_true(take_it(&b));
	b.asker.ask(b.asker.with);
	assert_true(is_readable(b.theirs));
	finish(&b);
}

static void whoever_cannot_answer_says_so(void **state)
{
	struct bench b;

	begin(&b);
	b.asker.ask(b.asker.with);
	assert_true(inquiry_heard(b.theirs));
	inquiry_answer_failed(b.theirs, "no way");
	assert_true(take_it(&b));
	assert_int_equal(b.why.code, E_SECRET);
	assert_string_equal(b.why.words, "no way");
	finish(&b);
}

static void nobody_waits_for_one_that_is_gone(void **state)
{
	for (int asked = 0; asked < 2; asked++) {
		struct bench b;

		begin(&b);
		if (asked)
			b.asker.ask(b.asker.with);
		closep(&b.theirs);
		b.theirs = -1;
		b.asker.ask(b.asker.with);
		assert_true(take_it(&b));
		assert_int_equal(b.why.code, E_SECRET);
		assert_int_equal(inquiry_wait(b.i, &b.secret, &b.why), E_SECRET);
		assert_non_null(strstr(b.why.words, "has ended"));
		finish(&b);
	}
}

static void the_other_side_hears_that_we_are_gone(void **state)
{
	struct bench b;

	begin(&b);
	inquiry_free(b.i);
	b.i = NULL;
	assert_false(inquiry_heard(b.theirs));
	finish(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_comes_when_it_comes),
	    cmocka_unit_test(a_question_joins_the_one_that_is_out),
	    cmocka_unit_test(whoever_cannot_answer_says_so),
	    cmocka_unit_test(nobody_waits_for_one_that_is_gone),
	    cmocka_unit_test(the_other_side_hears_that_we_are_gone),
	};

	return cmocka_run_group_tests_name("inquiry", tests, NULL, NULL);
}
