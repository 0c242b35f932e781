#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "opening.h"
#include "scripted.h"
#include "secret.h"
#include "tls.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct bench {
	struct scripted server;
	struct secret *secret;
	struct session_plan plan;
	struct opening *opening;
	struct failure why;
};

static void start(struct bench *b, const struct scripted_row *rows, size_t count, bool hurried)
{
	*b = (struct bench){.secret = secret_create(slice_of("secret"))};
	scripted_start(&b->server, rows, count);
	b->plan = scripted_plan(b->server.port, b->secret);
	b->opening = opening_create(&b->plan, NULL, &b->plan.facts, 0, hurried);
}

static void end(struct bench *b)
{
	opening_free(b->opening, true);
	scripted_finish(&b->server);
	secret_free(b->secret);
}

static void wait_for(const struct bench *b)
{
	struct pollfd fds[CONNECTION_MOST_FDS];
	int64_t wake;
	size_t count = connection_poll(opening_connection(b->opening), fds, true, false, &wake);

	assert_true(poll(fds, count, clock_left(wake)) >= 0);
}

static void connect_on(struct bench *b)
{
	enum opening_result result;

	while (opening_connects(b->opening)) {
		result = opening_connect(b->opening, &b->why);
		assert_true(result == OPENING_WAIT || result == OPENING_MOVED);
		if (result == OPENING_WAIT)
			wait_for(b);
	}
}

/* Moves octets both ways, as the talk does it. */
static void move(struct bench *b)
{
	struct client *c = opening_client(b->opening);
	struct link *line = connection_link(opening_connection(b->opening));
	struct slice out = client_output(c);
	size_t room, octets;
	char *to = client_room(c, &room);
	enum link_result result;

	if (out.len > 0) {
		assert_int_equal(link_write(line, out.at, out.len, &octets, &b->why), LINK_DONE);
		client_sent(c, octets);
	}
	while ((result = link_read(line, to, room, &octets, &b->why)) == LINK_WAIT)
		wait_for(b);
	assert_int_equal(result, LINK_DONE);
	client_received(c, octets);
}

/* Brings answers until one ends it. */
static enum opening_result log_in(struct bench *b)
{
	enum opening_result result = OPENING_WAIT;
	struct answer a;

	while (result == OPENING_WAIT) {
		while (client_next(opening_client(b->opening), &a, &b->why) == CLIENT_MORE)
			move(b);
		result = opening_answer(b->opening, &a, &b->why);
	}
	return result;
}

static void it_is_done_when_the_login_is(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct bench b;

	start(&b, rows, COUNT(rows), false);
	assert_true(opening_connects(b.opening));
	connect_on(&b);
	assert_false(opening_is_done(b.opening));
	assert_int_equal(log_in(&b), OPENING_DONE);
	assert_true(opening_is_done(b.opening));
	assert_false(opening_hears(b.opening));
	assert_true(login_capabilities(opening_login(b.opening))->uidl);
	end(&b);
}

static void what_is_announced_behind_it_is_heard_later_where_there_is_a_hurry(void **state)
{
	static const struct {
		const char *announced;
		bool hurried, hears;
	} cases[] = {
	    {"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n", true, true},
	    {"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n", false, false},
	    {"+OK\r\nUSER\r\n.\r\n", true, false},
	    {"+OK\r\nUSER\r\nPIPELINING\r\nIMPLEMENTATION WildDuck\r\n.\r\n", true, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {{"CAPA", cases[i].announced}, SCRIPTED_LOGIN};
		struct bench b;

		start(&b, rows, COUNT(rows), cases[i].hurried);
		connect_on(&b);
		assert_int_equal(log_in(&b), OPENING_DONE);
		assert_int_equal(opening_hears(b.opening), cases[i].hears);
		if (cases[i].hears)
			assert_int_equal(log_in(&b), OPENING_DONE);
		assert_false(opening_hears(b.opening));
		end(&b);
	}
}

static void what_the_login_says_ends_it(void **state)
{
	static const struct {
		struct scripted_row row;
		enum error code;
	} cases[] = {
	    {{"", "-ERR [SYS/TEMP] later\r\n"}, E_LATER},
	    {{"PASS secret", "-ERR no\r\n"}, E_LOGIN},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].row, SCRIPTED_LOGIN};
		struct bench b;

		start(&b, rows, COUNT(rows), false);
		connect_on(&b);
		assert_int_equal(log_in(&b), OPENING_FAILED);
		assert_int_equal(b.why.code, cases[i].code);
		assert_false(opening_is_done(b.opening));
		end(&b);
	}
}

static void a_server_that_is_not_there_ends_it(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct bench b;
	enum opening_result result;

	start(&b, rows, COUNT(rows), false);
	opening_free(b.opening, true); /* whatever is under way */
	b.plan.port = "1";
	b.opening = opening_create(&b.plan, NULL, &b.plan.facts, 0, false);
	while ((result = opening_connect(b.opening, &b.why)) == OPENING_WAIT)
		wait_for(&b);
	assert_int_equal(result, OPENING_FAILED);
	assert_int_equal(b.why.code, E_CONNECT);
	assert_true(opening_connects(b.opening));
	end(&b);
	opening_free(NULL, true);
}

/* All that is logged while it logs in. */
static void log_in_logged(struct bench *b, char *said, size_t room)
{
	int was = dup(STDERR_FILENO), file = memfd_create("said", MFD_CLOEXEC);
	ssize_t len;

	assert_true(was >= 0 && dup2(file, STDERR_FILENO) >= 0);
	log_debug_on(true);
	b->opening = opening_create(&b->plan, NULL, &b->plan.facts, 0, false);
	connect_on(b);
	assert_int_equal(log_in(b), OPENING_DONE);
	log_debug_on(false);
	dup2(was, STDERR_FILENO);
	len = pread(file, said, room - 1, 0);
	said[len > 0 ? len : 0] = '\0';
	close(was);
	close(file);
}

static void a_secret_that_the_server_quotes_is_in_no_log(void **state)
{
	static const struct scripted_row rows[] = {
	    {"PASS secret", "+OK secret is right, user\r\n"}, SCRIPTED_LOGIN};
	char said[4096];
	struct bench b;

	start(&b, rows, COUNT(rows), false);
	opening_free(b.opening, false);
	log_in_logged(&b, said, sizeof(said));
	assert_non_null(strstr(said, "< +OK ****** is right, user"));
	assert_null(strstr(said, "secret"));
	end(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_done_when_the_login_is),
	    cmocka_unit_test(what_is_announced_behind_it_is_heard_later_where_there_is_a_hurry),
	    cmocka_unit_test(what_the_login_says_ends_it),
	    cmocka_unit_test(a_server_that_is_not_there_ends_it),
	    cmocka_unit_test(a_secret_that_the_server_quotes_is_in_no_log),
	};

	return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
