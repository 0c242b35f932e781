#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "buf.h"
#include "client.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void client_freep(struct client **c)
{
	client_free(*c);
}

/* "-" before an end: something else was on its way behind it. */
static void note_answer(struct buf *log, const struct answer *a)
{
	static const char *const signs[] = {"+OK", "-ERR", "+", "?"};

	switch (a->kind) {
	case ANSWER_STATUS:
		buf_printf(log, "<%s %s %.*s>", verb_word(a->verb), signs[a->status.sign],
		    SLICE_ARGS(a->status.text));
		break;
	case ANSWER_LINE:
		buf_printf(log, "(%.*s)", SLICE_ARGS(a->text));
		break;
	case ANSWER_TEXT:
		assert_true(a->text.len > 0);
		buf_add_slice(log, a->text);
		break;
	case ANSWER_END:
		break;
	}
	if (a->last)
		buf_printf(log, "%s%d;", a->pipelined ? "-" : "", (int)a->tag);
}

/* Notes all answers that can be told (log NULL: only tells them). */
static enum client_result drain(struct client *c, struct buf *log)
{
	struct answer a;
	struct failure why = {0};
	enum client_result result;

	while ((result = client_next(c, &a, &why)) == CLIENT_ANSWER)
		if (log)
			note_answer(log, &a);
	if (result == CLIENT_BROKEN && log) {
		assert_int_equal(why.code, E_PROTOCOL);
		buf_printf(log, "!%s", why.words);
	}
	return result;
}

static enum client_result feed(struct client *c, struct buf *log, struct slice in)
{
	enum client_result result = CLIENT_MORE;

	while (in.len > 0 && result == CLIENT_MORE) {
		size_t octets;
		char *room = client_room(c, &octets);

		assert_true(octets >= CLIENT_LEAST_ROOM);
		octets = octets < in.len ? octets : in.len;
		memcpy(room, in.at, octets);
		client_received(c, octets);
		in = slice_make(in.at + octets, in.len - octets);
		result = drain(c, log);
	}
	return result;
}

static void must_send(struct client *c, enum verb verb, const char *argument, uint64_t tag)
{
	assert_int_equal(client_send(c, verb, slice_of(argument), tag, NULL), OK);
}

/* A client that has had its greeting. */
static struct client *greeted(void)
{
	struct client *c = client_create();
	CLEANUP(buf_finish) struct buf log = {0};

	feed(c, &log, slice_of("+OK hello\r\n"));
	assert_string_equal(buf_text(&log), "<greeting +OK hello>0;");
	return c;
}

struct sent {
	enum verb verb;
	const char *argument;
};

/* Tags are 1, 2, 3. */
static void send_all(struct client *c, const struct sent sent[3])
{
	for (size_t i = 0; i < 3 && sent[i].argument; i++)
		must_send(c, sent[i].verb, sent[i].argument, i + 1);
}

static void answers_come_in_order_however_they_are_cut(void **state)
{
	static const struct {
		struct sent sent[3];
		const char *in, *want;
	} cases[] = {
	    {{{VERB_NOOP, ""}}, "+OK\r\n", "<NOOP +OK >1;"},
	    {{{VERB_STAT, ""}, {VERB_DELE, "1"}, {VERB_QUIT, ""}},
		"+OK 1 2\r\n-ERR no\r\n+OK bye\r\n",
		"<STAT +OK 1 2>-1;<DELE -ERR no>-2;<QUIT +OK bye>3;"},
	    {{{VERB_UIDL, ""}, {VERB_LIST, ""}}, "+OK\r\n1 a\r\n2 b\r\n.\r\n+OK\n1 9\n.\n",
		"<UIDL +OK >(1 a)(2 b)-1;<LIST +OK >(1 9)2;"},
	    {{{VERB_UIDL, ""}, {VERB_LIST, "3"}}, "-ERR empty\r\n+OK 3 9\r\n",
		"<UIDL -ERR empty>-1;<LIST +OK 3 9>2;"},
	    {{{VERB_UIDL, "3"}}, "+OK 3 a\r\n", "<UIDL +OK 3 a>1;"},
	    {{{VERB_UIDL, ""}}, "+OK\r\n.\r\n", "<UIDL +OK >1;"},
	    {{{VERB_UIDL, ""}}, "+OK\r\n..\r\n...x\r\n. \r\n\r\n.\r\n",
		"<UIDL +OK >(.)(..x)( )()1;"},
	    {{{VERB_CAPA, ""}}, "+OK\r\nTOP\r\n.\r\n", "<CAPA +OK >(TOP)1;"},
	    {{{VERB_RETR, "1"}}, "+OK 5 octets\r\nab\r\n..c\r\n.\r\n",
		"<RETR +OK 5 octets>ab\r\n.c\r\n1;"},
	    {{{VERB_RETR, "1"}, {VERB_TOP, "2 0"}, {VERB_NOOP, ""}},
		"+OK\r\na\r\n.\r\n+OK\r\nb\n.\r\nc\r\n.\r\n+OK\r\n",
		"<RETR +OK >a\r\n-1;<TOP +OK >b\n.\r\nc\r\n-2;<NOOP +OK >3;"},
	    {{{VERB_RETR, "1"}, {VERB_RETR, "2"}}, "+OK\na\n.\n+OK\r\nb\n.\n\r\n.\r\n",
		"<RETR +OK >a\n-1;<RETR +OK >b\n.\n\r\n2;"},
	    {{{VERB_RETR, "1"}, {VERB_RETR, "2"}}, "-ERR no\r\n+OK\r\n.\r\n",
		"<RETR -ERR no>-1;<RETR +OK >2;"},
	    {{{VERB_AUTH, "PLAIN"}}, "+ \r\n", "<AUTH + >1;"},
	    {{{VERB_AUTH_STEP, "AAAA"}}, "+ AQ==\r\n", "<AUTH + AQ==>1;"},
	    {{{VERB_AUTH_STEP, "*"}}, "-ERR [AUTH] x\r\n", "<AUTH -ERR x>1;"},
	    {{{VERB_NOOP, ""}}, "+ \r\n", "!NOOP: out of step, neither +OK nor -ERR but: + "},
	    {{{VERB_RETR, "1"}}, "Received: x\r\n",
		"!RETR: out of step, neither +OK nor -ERR but: Received: x"},
	    {{{VERB_NOOP, ""}}, "\r\n", "!NOOP: out of step, neither +OK nor -ERR but: "},
	    {{{VERB_RETR, "1"}, {VERB_RETR, "2"}}, "+OK\r\na\r\n+OK\r\n.\r\nb\r\n.\r\n",
		"<RETR +OK >a\r\n+OK\r\n-1;!RETR: out of step, neither +OK nor -ERR but: b"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice in = slice_of(cases[i].in);

		for (size_t cut = 0; cut <= in.len; cut++) {
			CLEANUP(client_freep) struct client *c = greeted();
			CLEANUP(buf_finish) struct buf log = {0};

			send_all(c, cases[i].sent);
			if (feed(c, &log, slice_make(in.at, cut)) == CLIENT_MORE)
				feed(c, &log, slice_make(in.at + cut, in.len - cut));
			assert_string_equal(buf_text(&log), cases[i].want);
		}
		{
			CLEANUP(client_freep) struct client *c = greeted();
			CLEANUP(buf_finish) struct buf log = {0};

			send_all(c, cases[i].sent);
			for (size_t at = 0; at < in.len; at++)
				if (feed(c, &log, slice_make(in.at + at, 1)) != CLIENT_MORE)
					break;
			assert_string_equal(buf_text(&log), cases[i].want);
		}
	}
}

static void commands_go_out_as_lines_in_order(void **state)
{
	CLEANUP(client_freep) struct client *c = greeted();

	assert_int_equal(client_output(c).len, 0);
	assert_int_equal(client_waiting(c), 0);
	must_send(c, VERB_USER, "me@example.org", 0);
	must_send(c, VERB_PASS, "with  blanks ", 0);
	must_send(c, VERB_AUTH, "PLAIN", 0);
	must_send(c, VERB_AUTH_STEP, "AAAA", 0);
	must_send(c, VERB_AUTH_STEP, "", 0);
	must_send(c, VERB_QUIT, "", 0);
	assert_int_equal(client_waiting(c), 6);
	client_sent(c, 4);
	assert_true(slice_is(client_output(c),
	    " me@example.org\r\nPASS with  blanks \r\nAUTH PLAIN\r\nAAAA\r\n\r\nQUIT\r\n"));
	client_sent(c, client_output(c).len);
	client_sent(c, 0);
	assert_int_equal(client_output(c).len, 0);
}

static void what_was_sent_is_wiped(void **state)
{
	CLEANUP(client_freep) struct client *c = greeted();
	const char *at;

	must_send(c, VERB_PASS, "secret", 0);
	must_send(c, VERB_NOOP, "", 0);
	at = client_output(c).at;
	client_sent(c, strlen("PASS secret\r\n"));
	for (size_t i = 0; i < strlen("PASS secret\r\n"); i++)
		assert_int_equal(at[i], 0);
}

static void no_line_goes_out_that_is_too_long_or_holds_a_control(void **state)
{
	static const struct {
		enum verb verb;
		struct slice argument;
		bool good;
	} cases[] = {
	    {VERB_USER, {"a\rb", 3}, false},
	    {VERB_USER, {"a\nb", 3}, false},
	    {VERB_USER, {"a\0b", 3}, false},
	    {VERB_USER, {"a\tb", 3}, false},
	    {VERB_USER, {"a\x7f", 2}, false},
	    {VERB_USER, {"a\xff", 2}, true},
	    {VERB_USER, {NULL, 248}, true},
	    {VERB_USER, {NULL, 249}, false},
	    {VERB_AUTH, {NULL, 248}, true},
	    {VERB_AUTH, {NULL, 249}, false},
	    {VERB_AUTH_STEP, {NULL, 12286}, true},
	    {VERB_AUTH_STEP, {NULL, 12287}, false},
	};
	char filler[12287];

	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(client_freep) struct client *c = greeted();
		struct slice argument = cases[i].argument;
		struct failure why = {0};

		if (!argument.at)
			argument.at = filler;
		assert_int_equal(client_send(c, cases[i].verb, argument, 0, &why),
		    cases[i].good ? OK : E_PROTOCOL);
		assert_int_equal(why.words[0] != '\0', !cases[i].good);
		assert_int_equal(client_output(c).len > 0, cases[i].good);
		assert_int_equal(client_waiting(c), cases[i].good);
	}
}

static void a_line_that_nobody_asked_for_ends_it(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
	    {"-ERR inactivity\r\n", "!the server sent an unasked line: -ERR inactivity"},
	    {"421 cut sho", "!the server sent an unasked line: 421 cut sho"},
	    {"\r\n", "!the server sent an unasked line: "},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(client_freep) struct client *c = greeted();
		CLEANUP(buf_finish) struct buf log = {0};

		feed(c, &log, slice_of(cases[i].in));
		assert_string_equal(buf_text(&log), cases[i].want);
	}
}

static void no_command_is_sent_behind_a_line_that_nobody_asked_for(void **state)
{
	CLEANUP(client_freep) struct client *c = greeted();
	static const char line[] = "-ERR inactivity\r\n";
	struct failure why = {0};
	struct answer a;
	size_t octets;

	assert_false(client_has_input(c));
	memcpy(client_room(c, &octets), line, strlen(line));
	client_received(c, strlen(line));
	assert_true(client_has_input(c));
	assert_int_equal(client_send(c, VERB_NOOP, slice_of(""), 0, &why), E_PROTOCOL);
	assert_string_equal(why.words, "the server sent an unasked line: -ERR inactivity");
	assert_int_equal(client_output(c).len, 0);
	assert_int_equal(client_next(c, &a, &why), CLIENT_BROKEN);
}

static void broken_is_final(void **state)
{
	CLEANUP(client_freep) struct client *c = greeted();
	CLEANUP(buf_finish) struct buf log = {0};

	must_send(c, VERB_NOOP, "", 1);
	must_send(c, VERB_NOOP, "", 2);
	assert_int_equal(feed(c, &log, slice_of("what?\r\n+OK\r\n")), CLIENT_BROKEN);
	assert_int_equal(client_send(c, VERB_NOOP, slice_of(""), 3, NULL), E_PROTOCOL);
	for (int i = 0; i < 3; i++) {
		buf_clear(&log);
		assert_int_equal(feed(c, &log, slice_of("+OK\r\n")), CLIENT_BROKEN);
		assert_string_equal(
		    buf_text(&log), "!NOOP: out of step, neither +OK nor -ERR but: what?");
	}
}

static void every_limit_has_its_sentence(void **state)
{
	static char filler[70000];
	static const struct {
		enum verb verb;
		const char *argument;
		size_t len;  /* of each line behind "+OK", or instead of it for NOOP */
		bool ended;  /* with CRLF */
		size_t good; /* so many of them are taken */
		const char *want;
	} cases[] = {
	    {VERB_NOOP, "", 8193, false, 0, "NOOP: a status line of more than 8192 octets"},
	    {VERB_NOOP, "", 8193, true, 0, "NOOP: a status line of more than 8192 octets"},
	    {VERB_UIDL, "", 65537, true, 0, "UIDL: a line of more than 65536 octets"},
	    {VERB_UIDL, "", 65538, false, 0, "UIDL: a line of more than 65536 octets"},
	    {VERB_UIDL, "", 65536, true, 32767, "UIDL: more than 2147483648 octets"},
	    {VERB_LIST, "", 1, true, 1 << 24, "LIST: more than 16777216 lines"},
	    {VERB_CAPA, "", 1, true, 100, "CAPA: more than 100 lines"},
	    {VERB_CAPA, "", 1022, true, 16, "CAPA: more than 16384 octets"},
	    {VERB_CAPA, "", 16385, true, 0, "CAPA: a line of more than 16384 octets"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(client_freep) struct client *c = greeted();
		struct slice line = {filler, cases[i].len + (cases[i].ended ? 2 : 0)};
		struct failure why = {0};
		struct answer a;

		memset(filler, 'x', sizeof(filler));
		if (cases[i].ended)
			memcpy(filler + cases[i].len, "\r\n", 2);
		must_send(c, cases[i].verb, cases[i].argument, 1);
		if (cases[i].verb != VERB_NOOP)
			feed(c, NULL, slice_of("+OK\r\n"));
		for (size_t n = 0; n < cases[i].good; n++)
			if (feed(c, NULL, line) != CLIENT_MORE)
				fail_msg("only %zu lines were taken", n);
		assert_int_equal(feed(c, NULL, line), CLIENT_BROKEN);
		assert_int_equal(client_next(c, &a, &why), CLIENT_BROKEN);
		assert_string_equal(why.words, cases[i].want);
	}
}

static void thousands_of_commands_may_be_on_their_way(void **state)
{
	CLEANUP(client_freep) struct client *c = greeted();
	struct buf log = {0};
	const size_t many = 20000;
	size_t sent = 0, answered = 0;

	/* one answer for two commands, so that the ring turns while it grows */
	while (answered < many) {
		for (int i = 0; i < 2 && sent < many; i++)
			must_send(c, VERB_DELE, "1", ++sent);
		buf_clear(&log);
		feed(c, &log, slice_of("+OK\r\n"));
		answered++;
		assert_int_equal(client_waiting(c), sent - answered);
		{
			CLEANUP(freep)
			char *want =
			    xasprintf("<DELE +OK >%s%zu;", sent > answered ? "-" : "", answered);

			assert_string_equal(buf_text(&log), want);
		}
	}
	buf_finish(&log);
}

static void a_message_of_any_size_goes_through_the_same_room(void **state)
{
	static char line[5001];
	CLEANUP(client_freep) struct client *c = greeted();
	CLEANUP(buf_finish) struct buf log = {0};
	size_t total = 0;

	memset(line, 'x', sizeof(line));
	must_send(c, VERB_RETR, "1", 1);
	feed(c, NULL, slice_of("+OK\r\n"));
	for (int i = 0; i < 1000; i++) {
		buf_clear(&log);
		assert_int_equal(feed(c, &log, slice_make(line, sizeof(line))), CLIENT_MORE);
		total += log.len;
		assert_false(client_has_input(c));
	}
	assert_int_equal(total, 1000 * sizeof(line));
	buf_clear(&log);
	feed(c, &log, slice_of("\r\n.\r\n"));
	assert_string_equal(buf_text(&log), "\r\n1;");
}

static void note_traced(void *with, bool sent, struct slice line)
{
	buf_printf(with, "%c%.*s\n", sent ? '>' : '<', SLICE_ARGS(line));
}

static void the_transcript_shows_no_secret(void **state)
{
	static const struct {
		enum verb verb;
		const char *argument, *want;
	} cases[] = {
	    {VERB_USER, "me", ">USER me\n"},
	    {VERB_PASS, "secret word", ">PASS ****\n"},
	    {VERB_PASS, "", ">PASS\n"},
	    {VERB_APOP, "me c4c9334bac560ecc", ">APOP me ****\n"},
	    {VERB_AUTH, "PLAIN", ">AUTH PLAIN\n"},
	    {VERB_AUTH, "PLAIN AHVzZXI=", ">AUTH PLAIN ****\n"},
	    {VERB_AUTH_STEP, "AHVzZXI=", ">****\n"},
	    {VERB_RETR, "1", ">RETR 1\n"},
	    {VERB_QUIT, "", ">QUIT\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(client_freep) struct client *c = greeted();
		CLEANUP(buf_finish) struct buf log = {0}, traced = {0};

		client_trace(c, note_traced, &traced);
		must_send(c, cases[i].verb, cases[i].argument, 0);
		assert_string_equal(buf_text(&traced), cases[i].want);
		buf_clear(&traced);
		feed(c, &log, slice_of("+OK  done\r\n"));
		assert_string_equal(buf_text(&traced), "<+OK  done\n");
	}
}

/* xorshift: the same numbers on every machine. */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void add_noise(struct buf *noise, uint32_t *seed)
{
	static const char *const words[] = {"+OK", "-ERR", "+ ", "\r\n", "\r\n", "\n", ".", ".\r\n",
	    "\r\n.\r\n", " ", "1 abc\r\n", "+OK\r\n", "+OK\r\n", "-ERR [IN-USE] x\r\n", "\r"};
	uint32_t which = next_random(seed) % (COUNT(words) + 1);
	char octet = (char)next_random(seed);

	if (which < COUNT(words))
		buf_add_text(noise, words[which]);
	else
		buf_add(noise, &octet, 1);
}

static void noise_neither_crashes_nor_goes_on_for_ever(void **state)
{
	uint32_t seed = 1939;

	for (int round = 0; round < 3000; round++) {
		CLEANUP(client_freep) struct client *c = client_create();
		CLEANUP(buf_finish) struct buf noise = {0}, log = {0};
		size_t octets = 0;

		for (int i = 0; i < 30; i++) {
			if (next_random(&seed) % 2) {
				enum verb verb =
				    VERB_CAPA + next_random(&seed) % (VERB_QUIT - VERB_CAPA + 1);

				client_send(c, verb, slice_of(next_random(&seed) % 2 ? "" : "1 2"),
				    0, NULL);
				client_sent(c, client_output(c).len);
			}
			buf_clear(&noise);
			for (uint32_t n = next_random(&seed) % 5; n > 0; n--)
				add_noise(&noise, &seed);
			octets += noise.len;
			if (feed(c, &log, buf_slice(&noise)) == CLIENT_BROKEN)
				break;
		}
		assert_true(log.len < 200 * (octets + 10));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_come_in_order_however_they_are_cut),
	    cmocka_unit_test(commands_go_out_as_lines_in_order),
	    cmocka_unit_test(what_was_sent_is_wiped),
	    cmocka_unit_test(no_line_goes_out_that_is_too_long_or_holds_a_control),
	    cmocka_unit_test(a_line_that_nobody_asked_for_ends_it),
	    cmocka_unit_test(no_command_is_sent_behind_a_line_that_nobody_asked_for),
	    cmocka_unit_test(broken_is_final),
	    cmocka_unit_test(every_limit_has_its_sentence),
	    cmocka_unit_test(thousands_of_commands_may_be_on_their_way),
	    cmocka_unit_test(a_message_of_any_size_goes_through_the_same_room),
	    cmocka_unit_test(the_transcript_shows_no_secret),
	    cmocka_unit_test(noise_neither_crashes_nor_goes_on_for_ever),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
