#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "scripted.h"
#include "secret.h"
#include "talk.h"
#include "tls.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct bench {
	struct scripted server;
	struct secret *secret;
	struct session_plan plan;
	struct talk *talk;
	struct failure why;
};

static void start(struct bench *b, const struct scripted_row *rows, size_t count)
{
	scripted_start(&b->server, rows, count);
	b->secret = secret_create(slice_of("secret"));
	b->plan = scripted_plan(b->server.port, b->secret);
	b->talk = talk_create(&b->plan, NULL, &b->plan.facts, 0, true);
	b->why = (struct failure){0};
}

static void end(struct bench *b)
{
	talk_free(b->talk);
	scripted_finish(&b->server);
	secret_free(b->secret);
}

/* Waits until there is something to tell. */
static enum talk_result next(struct bench *b, struct answer *a)
{
	enum talk_result result;

	while ((result = talk_next(b->talk, a, &b->why)) == TALK_WAIT) {
		struct pollfd fds[TALK_MOST_FDS];
		int64_t wake;
		size_t count = talk_poll(b->talk, fds, &wake);

		poll(fds, count, clock_left(wake));
	}
	return result;
}

static void log_in(struct bench *b)
{
	struct answer a;

	if (next(b, &a) != TALK_OPENED)
		fail_msg("%s", b->why.words);
}

static void ask(struct bench *b, enum verb verb)
{
	assert_int_equal(talk_send(b->talk, verb, slice_of(""), 7, &b->why), OK);
}

static void check_over(struct bench *b, enum error code)
{
	struct pollfd fds[TALK_MOST_FDS];
	struct answer a;
	int64_t wake;

	assert_int_equal(next(b, &a), TALK_OVER);
	assert_int_equal(b->why.code, code);
	assert_true(b->why.words[0] != '\0');
	assert_int_equal(talk_next(b->talk, &a, &b->why), TALK_OVER); /* and so it stays */
	assert_int_equal(talk_poll(b->talk, fds, &wake), 0);
	assert_true(wake == CLOCK_NEVER);
}

static void a_login_in_clear_text_opens_the_line(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct bench b;

	start(&b, rows, COUNT(rows));
	log_in(&b);
	assert_true(talk_capabilities(b.talk)->uidl);
	assert_false(talk_capabilities(b.talk)->pipelining);
	assert_string_equal(talk_cipher(b.talk), "none");
	assert_true(slice_is(talk_greeting(b.talk), "ready"));
	assert_int_equal(talk_waiting(b.talk), 0);
	assert_int_equal(talk_round_trip(b.talk), -1);
	assert_false(talk_was_refused(b.talk));
	end(&b);
}

/* The CAPA behind the login costs no round trip where PIPELINING was announced before it. */
static void what_comes_behind_a_login_goes_out_with_its_capa(void **state)
{
	static const struct scripted_row announced[] = {
	    {"CAPA", "+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"},
	    {"STAT", "+OK 2 300\r\n"},
	    SCRIPTED_LOGIN,
	};
	struct answer a;
	struct bench b;

	start(&b, announced, COUNT(announced));
	log_in(&b);
	assert_true(talk_capabilities_come(b.talk));
	assert_true(talk_capabilities(b.talk)->pipelining); /* its word from before */
	assert_int_equal(talk_waiting(b.talk), 1);
	ask(&b, VERB_STAT);
	assert_int_equal(next(&b, &a), TALK_ANNOUNCED);
	assert_false(talk_capabilities_come(b.talk));
	assert_true(talk_capabilities(b.talk)->uidl);
	assert_int_equal(next(&b, &a), TALK_ANSWER);
	assert_int_equal(a.verb, VERB_STAT);
	assert_true(talk_round_trip(b.talk) >= 0);
	end(&b);
}

static void nothing_goes_out_with_the_capa_where_that_may_not_be(void **state)
{
	static const struct {
		const char *announced;
		bool hurried;
	} cases[] = {
	    {"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n", false},
	    {"+OK\r\nUSER\r\n.\r\n", true},
	    {"-ERR what?\r\n", true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {{"CAPA", cases[i].announced}, SCRIPTED_LOGIN};
		struct bench b;

		start(&b, rows, COUNT(rows));
		talk_free(b.talk);
		b.talk = talk_create(&b.plan, NULL, &b.plan.facts, 0, cases[i].hurried);
		log_in(&b);
		assert_false(talk_capabilities_come(b.talk));
		assert_int_equal(talk_waiting(b.talk), 0);
		end(&b);
	}
}

static void a_login_that_fails_says_how(void **state)
{
	static const struct {
		struct scripted_row row;
		enum error code;
		bool refused;
		enum reply_code refusal;
	} cases[] = {
	    {{"PASS secret", "-ERR [AUTH] no\r\n"}, E_LOGIN, true, CODE_AUTH},
	    {{"PASS secret", "-ERR [IN-USE] no\r\n"}, E_LOCKED, true, CODE_IN_USE},
	    {{"USER user", "-ERR no\r\n"}, E_LOGIN, true, CODE_NONE},
	    {{"", "-ERR [SYS/TEMP] later\r\n"}, E_LATER, false, CODE_SYS_TEMP},
	    {{"", "220 mail\r\n"}, E_PROTOCOL, false, CODE_NONE},
	    {{"", NULL, .closes = true}, E_CLOSED, false, CODE_NONE},
	    {{"CAPA", "+OK\r\nUSER\r\n", .closes = true}, E_CLOSED, false, CODE_NONE},
	    {{"PASS secret", NULL, .closes = true}, E_CLOSED, false, CODE_NONE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].row, SCRIPTED_LOGIN};
		struct bench b;

		start(&b, rows, COUNT(rows));
		check_over(&b, cases[i].code);
		assert_int_equal(talk_was_refused(b.talk), cases[i].refused);
		assert_int_equal(talk_refusal(b.talk), cases[i].refusal);
		end(&b);
	}
}

/* By memory a "-ERR" is looked into; a server that closes its line at a wrong password has refused
 * it all the same. */
static void a_refusal_stands_where_the_line_is_lost_behind_it(void **state)
{
	static const struct {
		struct scripted_row behind;
		int64_t timeout_ms;
	} cases[] = {
	    {{"CAPA", NULL, .closes = true}, PATIENCE_MS},
	    {{"CAPA", "+OK\r\nUSER\r\n", .closes = true}, PATIENCE_MS},
	    {{"CAPA", "220 mail\r\n"}, PATIENCE_MS},
	    {{"CAPA", NULL}, 50},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {
		    {"PASS secret", "-ERR wrong: secret\r\n"}, cases[i].behind, SCRIPTED_LOGIN};
		const struct facts facts = {.of = {[FACT_MECHANISMS] = 1 << MECHANISM_USER}};
		int64_t remembered = INT64_C(3) << 40 | 1 << MECHANISM_USER;
		struct bench b;

		start(&b, rows, COUNT(rows));
		b.plan.timeout_ms = cases[i].timeout_ms;
		talk_free(b.talk);
		b.talk = talk_create(&b.plan, NULL, &facts, remembered, true);
		check_over(&b, E_LOGIN);
		assert_string_equal(b.why.words, "the server refused the login: wrong: ******");
		assert_true(talk_was_refused(b.talk));
		assert_int_equal(talk_remembered(b.talk), 0);
		end(&b);
	}
}

static void answers_come_in_order_with_their_tags(void **state)
{
	static const struct scripted_row rows[] = {
	    {"RETR 3", "+OK\r\n..dot\r\n.\r\n"}, {"NOOP", "+OK\r\n"}, SCRIPTED_LOGIN};
	static const char text[] = ".dot\r\n";
	struct bench b;
	struct answer a;
	size_t len = 0;

	start(&b, rows, COUNT(rows));
	log_in(&b);
	assert_int_equal(talk_send_number(b.talk, VERB_RETR, 3, 8, &b.why), OK);
	ask(&b, VERB_NOOP);
	assert_int_equal(talk_waiting(b.talk), 2);
	while (next(&b, &a) == TALK_ANSWER && a.kind != ANSWER_END) {
		assert_int_equal(a.verb, VERB_RETR);
		assert_int_equal(a.tag, 8);
		if (a.kind != ANSWER_TEXT)
			continue;
		assert_memory_equal(a.text.at, &text[len], a.text.len);
		len += a.text.len;
	}
	assert_int_equal(a.kind, ANSWER_END);
	assert_int_equal(len, strlen(text));
	assert_int_equal(next(&b, &a), TALK_ANSWER);
	assert_int_equal(a.verb, VERB_NOOP);
	assert_int_equal(a.tag, 7);
	assert_true(a.last);
	assert_int_equal(talk_waiting(b.talk), 0);
	assert_true(talk_round_trip(b.talk) >= 0);
	end(&b);
}

static void top_asks_for_as_little_body_as_the_server_bears(void **state)
{
	static const struct {
		const char *implementation, *command;
	} cases[] = {
	    {"+OK\r\nUSER\r\nTOP\r\n.\r\n", "TOP 3 0"},
	    {"+OK\r\nUSER\r\nTOP\r\nIMPLEMENTATION GNU Mailutils 3.15\r\n.\r\n", "TOP 3 1"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {{"CAPA", cases[i].implementation},
		    {cases[i].command, "+OK\r\n.\r\n"}, SCRIPTED_LOGIN};
		struct bench b;
		struct answer a;

		start(&b, rows, COUNT(rows));
		log_in(&b);
		assert_int_equal(talk_send_number(b.talk, VERB_TOP, 3, 0, &b.why), OK);
		assert_int_equal(next(&b, &a), TALK_ANSWER);
		assert_int_equal(a.status.sign, REPLY_OK);
		end(&b);
	}
}

/* Here the store is behind: neither an answer nor the server's silence counts. */
static void while_paused_nothing_is_read_and_no_time_passes(void **state)
{
	static const struct scripted_row rows[] = {{"NOOP", "+OK\r\n"}, SCRIPTED_LOGIN};
	struct bench b;
	struct answer a;
	struct pollfd fds[TALK_MOST_FDS];
	int64_t wake;

	start(&b, rows, COUNT(rows));
	log_in(&b);
	talk_pause(b.talk, true);
	assert_true(talk_is_paused(b.talk));
	ask(&b, VERB_NOOP);
	b.plan.timeout_ms = 0;
	assert_int_equal(talk_next(b.talk, &a, &b.why), TALK_WAIT);
	assert_int_equal(talk_poll(b.talk, fds, &wake), 1);
	assert_int_equal(fds[0].events & POLLIN, 0);
	assert_true(wake == CLOCK_NEVER);
	b.plan.timeout_ms = PATIENCE_MS;
	talk_pause(b.talk, false);
	assert_int_equal(next(&b, &a), TALK_ANSWER);
	assert_int_equal(a.verb, VERB_NOOP);
	end(&b);
}

/* Not even an answer that has been read is told; but what is to be sent goes out. */
static void while_held_no_answer_is_told_and_no_time_passes(void **state)
{
	static const struct scripted_row rows[] = {{"NOOP", "+OK\r\n+OK\r\n"}, SCRIPTED_LOGIN};
	struct bench b;
	struct answer a;
	struct pollfd fds[TALK_MOST_FDS];
	int64_t wake;

	start(&b, rows, COUNT(rows));
	log_in(&b);
	ask(&b, VERB_NOOP);
	ask(&b, VERB_LIST);
	assert_int_equal(next(&b, &a), TALK_ANSWER); /* the other one may be there, too */
	talk_hold(b.talk, true);
	b.plan.timeout_ms = 0;
	assert_int_equal(talk_next(b.talk, &a, &b.why), TALK_WAIT);
	assert_int_equal(talk_poll(b.talk, fds, &wake), 1);
	assert_int_equal(fds[0].events & (POLLIN | POLLOUT), 0);
	assert_true(wake == CLOCK_NEVER);
	b.plan.timeout_ms = PATIENCE_MS;
	talk_hold(b.talk, false);
	assert_int_equal(next(&b, &a), TALK_ANSWER);
	assert_int_equal(a.verb, VERB_LIST);
	end(&b);
}

static void silence_ends_the_line_where_an_answer_is_due(void **state)
{
	static const struct scripted_row rows[] = {{"NOOP", NULL}, SCRIPTED_LOGIN};
	struct bench b;
	struct answer a;

	start(&b, rows, COUNT(rows));
	log_in(&b);
	b.plan.timeout_ms = 0;
	assert_int_equal(talk_next(b.talk, &a, &b.why), TALK_WAIT); /* none is due */
	ask(&b, VERB_NOOP);
	check_over(&b, E_TIMEOUT);
	end(&b);
}

static void what_the_server_does_ends_the_line(void **state)
{
	static const struct {
		struct scripted_row row;
		bool answered; /* before that */
		enum error code;
	} cases[] = {
	    {{"NOOP", NULL, .closes = true}, false, E_CLOSED},
	    {{"NOOP", "+OK\r\n", .closes = true}, true, E_CLOSED},
	    {{"NOOP", "+O", .closes = true}, false, E_CLOSED},
	    {{"NOOP", "+OK\r\n+OK unasked\r\n"}, true, E_PROTOCOL},
	    {{"NOOP", "what?\r\n"}, false, E_PROTOCOL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct scripted_row rows[] = {cases[i].row, SCRIPTED_LOGIN};
		struct bench b;
		struct answer a;

		start(&b, rows, COUNT(rows));
		log_in(&b);
		ask(&b, VERB_NOOP);
		if (cases[i].answered)
			assert_int_equal(next(&b, &a), TALK_ANSWER);
		check_over(&b, cases[i].code);
		end(&b);
	}
}

static void a_command_that_cannot_be_sent_is_refused(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct bench b;

	start(&b, rows, COUNT(rows));
	log_in(&b);
	assert_int_equal(
	    talk_send(b.talk, VERB_RETR, slice_of("1\r\nDELE 1"), 0, &b.why), E_PROTOCOL);
	assert_int_equal(talk_waiting(b.talk), 0);
	end(&b);
}

static void a_line_may_be_given_up_before_anything_came_of_it(void **state)
{
	static const struct scripted_row rows[] = {SCRIPTED_LOGIN};
	struct bench b;

	talk_free(NULL);
	start(&b, rows, COUNT(rows));
	end(&b);
}

/* ---- a server that hears so many lines, and no more ---- */

struct deaf {
	int listener;
	unsigned hears; /* CAPA is refused, the others are answered +OK */
	struct slice
	    says;    /* where it hears none: behind the client's first octet, and then its end */
	int done[2]; /* a pipe: closed when it may go */
	char port[8];
	pthread_t thread;
};

static void *play_deaf(void *with)
{
	const struct deaf *d = with;
	int fd = accept(d->listener, NULL, NULL);
	char octet;

	if (d->hears > 0)
		(void)!write(fd, "+OK\r\n", 5);
	for (unsigned lines = 0; lines < d->hears && read(fd, &octet, 1) == 1;)
		if (octet == '\n')
			(void)!write(fd, lines++ > 0 ? "+OK \r\n" : "-ERR\r\n", 6);
	if (d->hears == 0) {
		(void)!read(fd, &octet, 1);
		(void)!write(fd, d->says.at, d->says.len);
		shutdown(fd, SHUT_WR);
	}
	(void)!read(d->done[0], &octet, 1);
	close(fd);
	return NULL;
}

static void start_deaf(struct bench *b, struct deaf *d, enum session_tls tls)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(d->listener, 1), 0);
	assert_int_equal(getsockname(d->listener, (struct sockaddr *)&at, &len), 0);
	snprintf(d->port, sizeof(d->port), "%u", ntohs(at.sin_port));
	assert_int_equal(pipe2(d->done, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, play_deaf, d), 0);
	*b = (struct bench){.secret = secret_create(slice_of("secret"))};
	b->plan = scripted_plan(d->port, b->secret);
	b->plan.tls = tls;
}

static void end_deaf(struct bench *b, struct deaf *d)
{
	talk_free(b->talk);
	close(d->done[1]);
	pthread_join(d->thread, NULL);
	close(d->done[0]);
	close(d->listener);
	secret_free(b->secret);
}

static void a_server_that_hangs_up_during_the_handshake_ends_the_line(void **state)
{
	static const struct slice says[] = {
	    {"", 0}, {"\x15\x03\x03\0\x02\x01\0", 7}}; /* close_notify: RFC 8446, 6.1 */

	for (size_t i = 0; i < COUNT(says); i++) {
		struct deaf deaf = {.says = says[i]};
		struct tls *tls = NULL;
		struct bench b;

		assert_int_equal(tls_create(&tls, &(struct tls_plan){.ca = NULL}, NULL), OK);
		start_deaf(&b, &deaf, SESSION_TLS_IMPLICIT);
		b.talk = talk_create(&b.plan, tls, &b.plan.facts, 0, false);
		check_over(&b, E_CLOSED);
		end_deaf(&b, &deaf);
		tls_free(tls);
	}
}

/* What the line does not take now stays, and nobody waits for it here. */
static void a_line_that_takes_no_more_is_waited_for_by_poll(void **state)
{
	enum { MANY = 150000 };          /* lines of a hundred octets: more than sockets hold */
	struct deaf deaf = {.hears = 3}; /* CAPA, USER, PASS */
	struct pollfd fds[TALK_MOST_FDS];
	char line[100];
	struct answer a;
	struct bench b;
	int64_t wake;

	memset(line, 'x', sizeof(line));
	start_deaf(&b, &deaf, SESSION_TLS_OFF);
	b.talk = talk_create(&b.plan, NULL, &b.plan.facts, 0, false);
	log_in(&b);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(
		    talk_send(b.talk, VERB_RETR, slice_make(line, sizeof(line)), 0, &b.why), OK);
	assert_int_equal(talk_next(b.talk, &a, &b.why), TALK_WAIT);
	assert_int_equal(talk_poll(b.talk, fds, &wake), 1);
	assert_true(fds[0].events & POLLOUT);
	assert_int_equal(talk_waiting(b.talk), MANY);
	end_deaf(&b, &deaf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_login_in_clear_text_opens_the_line),
	    cmocka_unit_test(what_comes_behind_a_login_goes_out_with_its_capa),
	    cmocka_unit_test(nothing_goes_out_with_the_capa_where_that_may_not_be),
	    cmocka_unit_test(a_login_that_fails_says_how),
	    cmocka_unit_test(a_refusal_stands_where_the_line_is_lost_behind_it),
	    cmocka_unit_test(answers_come_in_order_with_their_tags),
	    cmocka_unit_test(top_asks_for_as_little_body_as_the_server_bears),
	    cmocka_unit_test(while_paused_nothing_is_read_and_no_time_passes),
	    cmocka_unit_test(while_held_no_answer_is_told_and_no_time_passes),
	    cmocka_unit_test(silence_ends_the_line_where_an_answer_is_due),
	    cmocka_unit_test(what_the_server_does_ends_the_line),
	    cmocka_unit_test(a_command_that_cannot_be_sent_is_refused),
	    cmocka_unit_test(a_line_may_be_given_up_before_anything_came_of_it),
	    cmocka_unit_test(a_server_that_hangs_up_during_the_handshake_ends_the_line),
	    cmocka_unit_test(a_line_that_takes_no_more_is_waited_for_by_poll),
	};

	return cmocka_run_group_tests_name("talk", tests, NULL, NULL);
}
