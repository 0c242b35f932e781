#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "played.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char NEVER[] = "";

/* A server that takes tokens: "user=user^Aauth=Bearer one^A^A" and so on, in base64. */
#define BY_TOKEN                                                                                   \
	{"CAPA", "+OK\r\nSASL XOAUTH2\r\nUIDL\r\nTOP\r\n.\r\n"},                                   \
	{                                                                                          \
		"AUTH XOAUTH2", "+ \r\n"                                                           \
	}
#define ONE   "dXNlcj11c2VyAWF1dGg9QmVhcmVyIG9uZQEB"
#define TWO   "dXNlcj11c2VyAWF1dGg9QmVhcmVyIHR3bwEB"
#define THREE "dXNlcj11c2VyAWF1dGg9QmVhcmVyIHRocmVlAQE="
#define GOOD  "dXNlcj11c2VyAWF1dGg9QmVhcmVyIGdvb2QBAQ=="

/* Gives one answer after the other, the last one again and again. */
struct source {
	const char *const *answers; /* NULL: it cannot be had; NEVER */
	int last;
	atomic_int asked;
	int fd;
};

static const char *current(const struct source *s)
{
	return s->answers[s->asked - 1 < s->last ? s->asked - 1 : s->last];
}

static void ask(void *with)
{
	struct source *s = with;

	s->asked++;
	if (current(s) != NEVER)
		assert_int_equal(eventfd_write(s->fd, 1), 0);
}

static bool answer(void *with, struct secret **out, struct failure *why)
{
	struct source *s = with;
	const char *text = current(s);
	eventfd_t count;

	if (eventfd_read(s->fd, &count) != 0)
		return false;
	*why = (struct failure){.code = OK};
	if (text)
		*out = secret_create(slice_of(text));
	else
		failed(why, E_SECRET, "nobody is at home");
	return true;
}

struct bench {
	struct source source;
	struct played played;
};

static void begin(struct bench *b, const struct scripted_row *rows, size_t count, const char *first,
    struct session_plan plan)
{
	struct secret *password = first ? secret_create(slice_of(first)) : NULL;

	b->source.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(b->source.fd >= 0);
	plan.password = password;
	plan.asker = (struct session_asker){b->source.fd, ask, answer, &b->source};
	played_start_plan(&b->played, rows, count, plan);
	secret_free(password); /* the session has its own */
}

static void finish(struct bench *b, int asked)
{
	played_end(&b->played);
	assert_int_equal(b->source.asked, asked);
	close(b->source.fd);
}

static void not_listed(struct bench *b, enum error code)
{
	struct event *e = played_event(&b->played, EVENT_NOT_LISTED);

	if (e->failure.code != code)
		fail_msg("%s", e->failure.words);
	event_free(e);
}

static void list(struct bench *b, int64_t number)
{
	played_ask(&b->played, number);
	played_publish(&b->played, played_merge(&b->played));
	played_refreshed(&b->played, number);
}

static void a_password_that_was_accepted_is_not_asked_for_again(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	static const char *const answers[] = {NULL};
	struct bench b = {.source.answers = answers};

	begin(&b, rows, COUNT(rows), "secret", scripted_plan(NULL, NULL));
	list(&b, 1);
	list(&b, 2);
	finish(&b, 0);
}

static void a_refused_password_is_asked_for_again_when_a_person_tries_again(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	static const char *const answers[] = {"wrong again", "secret"};
	struct bench b = {.source = {answers, COUNT(answers) - 1, 0, -1}};

	begin(&b, rows, COUNT(rows), "wrong", scripted_plan(NULL, NULL));
	played_ask(&b.played, 1);
	not_listed(&b, E_LOGIN);
	assert_int_equal(b.source.asked, 0);
	for (int stranger = 0; stranger < 2; stranger++) {
		struct job *j = job_create(JOB_REFRESH);

		j->waited_for = stranger;
		played_put(&b.played, j);
		not_listed(&b, E_LOGIN); /* nothing is asked, and nothing sent: of itself or for
					    one whose mount it is not */
		assert_int_equal(b.source.asked, 0);
	}
	played_ask(&b.played, 2);
	not_listed(&b, E_LOGIN);
	assert_int_equal(b.source.asked, 1);
	list(&b, 3);
	list(&b, 4);
	finish(&b, 2);
}

static void a_source_that_fails_is_left_in_peace(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	static const char *const answers[] = {NULL, "secret"};
	struct bench b = {.source = {answers, COUNT(answers) - 1, 0, -1}};

	begin(&b, rows, COUNT(rows), "wrong", scripted_plan(NULL, NULL));
	played_ask(&b.played, 1);
	not_listed(&b, E_LOGIN);
	played_ask(&b.played, 2);
	not_listed(&b, E_SECRET);
	played_put(&b.played, job_create(JOB_REFRESH));
	not_listed(&b, E_SECRET); /* again, without asking */
	assert_int_equal(b.source.asked, 1);
	list(&b, 3);
	finish(&b, 2);
}

static void a_token_is_asked_for_at_each_login(void **state)
{
	static const struct scripted_row rows[] = {BY_TOKEN, {ONE, "+OK\r\n", .session = 1},
	    {TWO, "+OK\r\n", .session = 2}, {THREE, "+OK\r\n", .session = 3}, PLAYED_LISTING,
	    SCRIPTED_LOGIN};
	static const char *const answers[] = {"two", "three"};
	struct bench b = {.source = {answers, COUNT(answers) - 1, 0, -1}};
	struct session_plan plan = scripted_plan(NULL, NULL);

	plan.is_token = true;
	begin(&b, rows, COUNT(rows), "one", plan);
	list(&b, 1);
	list(&b, 2);
	list(&b, 3);
	finish(&b, 2);
}

static void a_refused_token_is_replaced_once(void **state)
{
	static const struct scripted_row rows[] = {
	    BY_TOKEN, {GOOD, "+OK\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	static const struct {
		const char *const answers[3];
		bool works;
		int asked;
	} cases[] = {
	    {{"good", "bad", "bad"}, true, 1},
	    {{"bad", "good", "good"}, true, 2},
	    {{"bad", "bad", "good"}, false, 2},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench b = {.source = {cases[i].answers, 2, 0, -1}};
		struct session_plan plan = scripted_plan(NULL, NULL);

		plan.is_token = true;
		begin(&b, rows, COUNT(rows), NULL, plan);
		if (cases[i].works) {
			list(&b, 1);
		} else {
			played_ask(&b.played, 1);
			not_listed(&b, E_LOGIN);
		}
		finish(&b, cases[i].asked);
	}
}

static void a_token_that_cannot_be_had_is_asked_for_again_later(void **state)
{
	static const struct scripted_row rows[] = {
	    BY_TOKEN, {GOOD, "+OK\r\n"}, PLAYED_LISTING, SCRIPTED_LOGIN};
	static const char *const answers[] = {NULL, "good"};
	struct bench b = {.source = {answers, COUNT(answers) - 1, 0, -1}};
	struct session_plan plan = scripted_plan(NULL, NULL);

	plan.is_token = true;
	begin(&b, rows, COUNT(rows), NULL, plan);
	played_ask(&b.played, 1);
	not_listed(&b, E_SECRET);
	list(&b, 2);
	finish(&b, 2);
}

static void nothing_hangs_on_a_source_that_never_answers(void **state)
{
	static const struct scripted_row rows[] = {PLAYED_LISTING, SCRIPTED_LOGIN};
	static const char *const answers[] = {NEVER};
	struct bench b = {.source.answers = answers};
	struct session_plan plan = scripted_plan(NULL, NULL);
	struct event *e;

	/* whoever waits is told in time */
	plan.timeout_ms = 10;
	begin(&b, rows, COUNT(rows), NULL, plan);
	played_ask(&b.played, 1);
	not_listed(&b, E_SECRET);
	finish(&b, 1);

	/* and the end comes at once */
	b.source.asked = 0;
	begin(&b, rows, COUNT(rows), NULL, scripted_plan(NULL, NULL));
	played_fetch(&b.played, PLAYED_FIRST);
	while (b.source.asked == 0)
		usleep(1000);
	played_put(&b.played, job_create(JOB_END));
	e = played_event(&b.played, EVENT_FETCHED);
	assert_int_equal(e->failure.code, E_ENDING);
	event_free(e);
	played_finish(&b.played);
	close(b.source.fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_password_that_was_accepted_is_not_asked_for_again),
	    cmocka_unit_test(a_refused_password_is_asked_for_again_when_a_person_tries_again),
	    cmocka_unit_test(a_source_that_fails_is_left_in_peace),
	    cmocka_unit_test(a_token_is_asked_for_at_each_login),
	    cmocka_unit_test(a_refused_token_is_replaced_once),
	    cmocka_unit_test(a_token_that_cannot_be_had_is_asked_for_again_later),
	    cmocka_unit_test(nothing_hangs_on_a_source_that_never_answers),
	};

	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
