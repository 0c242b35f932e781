/* The client against whole conversations made up at random, the same ones on every machine: what a
 * server says well is heard as it was said, and what it says badly is heard the same however the
 * network cuts it. client.c has the single cases. */
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

#define ROUNDS        3000
#define MOST_COMMANDS 8
#define MANY_COMMANDS 9000 /* their answers pass what the client holds at a time */
#define MOST_PIECES   40   /* of a body, or lines of a list */
#define MOST_CHANGES  3    /* octets that are not as they should be */

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A conversation: what was asked, what is answered, and what must be heard. */
struct conversation {
	size_t count;
	enum verb asked[MANY_COMMANDS];
	struct buf said, heard;
};

static void finish(struct conversation *v)
{
	buf_finish(&v->said);
	buf_finish(&v->heard);
}

/* xorshift */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static const char *any_of(const char *const *words, size_t count, uint32_t *seed)
{
	return words[next_random(seed) % count];
}

/* ---- what a good server says, and what is to be heard ---- */

static void say_status(struct conversation *v, enum verb verb, bool yes)
{
	buf_printf(&v->said, "%s some words\r\n", yes ? "+OK" : "-ERR");
	buf_printf(&v->heard, "<%s %s>", verb_word(verb), yes ? "+OK" : "-ERR");
}

/* RFC 1939, 3: a dot that stands first on its line is doubled. */
static void say_stuffed(struct buf *said, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool first = i == 0 || (i >= 2 && memcmp(text.at + i - 2, "\r\n", 2) == 0);

		if (first && text.at[i] == '.')
			buf_add_text(said, ".");
		buf_add(said, text.at + i, 1);
	}
}

static void say_body(struct conversation *v, uint32_t *seed)
{
	static const char *const pieces[] = {"\r\n", "\r\n", "\r", "\n", ".", ".", "..", "a",
	    "+OK\r\n", "\n.\n", "\r\n.\r", "words and words", "\xff"};
	CLEANUP(buf_finish) struct buf body = {0};

	for (uint32_t n = next_random(seed) % MOST_PIECES; n > 0; n--)
		buf_add_text(&body, any_of(pieces, COUNT(pieces), seed));
	if (body.len > 0)
		buf_add_text(&body, "\r\n");
	say_stuffed(&v->said, buf_slice(&body));
	buf_add_text(&v->said, ".\r\n");
	buf_add_slice(&v->heard, buf_slice(&body));
}

static void say_lines(struct conversation *v, uint32_t *seed)
{
	static const char *const lines[] = {
	    "1 a", "2 120", ".", "..", ".x", "", " ", "+OK", "a\rb", "\r"};

	for (uint32_t n = next_random(seed) % MOST_PIECES; n > 0; n--) {
		const char *line = any_of(lines, COUNT(lines), seed);

		say_stuffed(&v->said, slice_of(line));
		buf_add_text(&v->said, "\r\n");
		buf_printf(&v->heard, "(%s)", line);
	}
	buf_add_text(&v->said, ".\r\n");
}

static void make_up(struct conversation *v, size_t commands, uint32_t *seed)
{
	static const enum verb verbs[] = {VERB_RETR, VERB_RETR, VERB_TOP, VERB_UIDL, VERB_LIST,
	    VERB_CAPA, VERB_NOOP, VERB_DELE, VERB_QUIT};

	v->count = commands;
	for (size_t i = 0; i < v->count; i++) {
		enum verb verb = verbs[next_random(seed) % COUNT(verbs)];
		bool yes = next_random(seed) % 6 != 0;

		v->asked[i] = verb;
		say_status(v, verb, yes);
		if (yes && (verb == VERB_RETR || verb == VERB_TOP))
			say_body(v, seed);
		else if (yes && (verb == VERB_UIDL || verb == VERB_LIST || verb == VERB_CAPA))
			say_lines(v, seed);
		buf_printf(&v->heard, "%zu;", i);
	}
}

/* A few octets are lost, doubled or others. */
static void spoil(struct buf *said, uint32_t *seed)
{
	for (uint32_t n = 1 + next_random(seed) % MOST_CHANGES; n > 0 && said->len > 0; n--) {
		static const char others[] = ".\r\n+- 1";
		size_t at = next_random(seed) % said->len;
		uint32_t how = next_random(seed) % 3; /* 0: lost; 1: doubled; 2: another */
		struct buf spoilt = {0};

		buf_add(&spoilt, buf_at(said), at);
		if (how == 1)
			buf_add(&spoilt, buf_at(said) + at, 1);
		if (how == 2)
			buf_add(&spoilt, &others[next_random(seed) % strlen(others)], 1);
		buf_add(&spoilt, buf_at(said) + at + (how != 1), said->len - at - (how != 1));
		buf_finish(said);
		*said = spoilt;
	}
}

/* ---- and what is heard ---- */

static void note(struct buf *heard, const struct answer *a)
{
	static const char *const signs[] = {"+OK", "-ERR", "+", "?"};

	if (a->kind == ANSWER_STATUS)
		buf_printf(heard, "<%s %s>", verb_word(a->verb), signs[a->status.sign]);
	else if (a->kind == ANSWER_TEXT)
		buf_add_slice(heard, a->text);
	else if (a->kind == ANSWER_LINE) {
		buf_add_text(heard, "(");
		buf_add_slice(heard, a->text);
		buf_add_text(heard, ")");
	}
	if (a->last)
		buf_printf(heard, "%d;", (int)a->tag);
}

static enum client_result listen(struct client *c, struct buf *heard)
{
	enum client_result result;
	struct answer a;

	while ((result = client_next(c, &a, NULL)) == CLIENT_ANSWER)
		note(heard, &a);
	return result;
}

/* Brings `in` in pieces of 1 to `longest` octets, and listens after each. */
static enum client_result bring(
    struct client *c, struct slice in, size_t longest, uint32_t *seed, struct buf *heard)
{
	enum client_result result = CLIENT_MORE;

	while (in.len > 0 && result == CLIENT_MORE) {
		size_t room, octets = 1 + next_random(seed) % longest;
		char *to = client_room(c, &room);

		octets = octets < in.len ? octets : in.len;
		octets = octets < room ? octets : room;
		memcpy(to, in.at, octets);
		client_received(c, octets);
		in = slice_make(in.at + octets, in.len - octets);
		result = listen(c, heard);
	}
	return result;
}

static void hear(const struct conversation *v, size_t longest, uint32_t *seed, struct buf *heard)
{
	struct client *c = client_create();

	bring(c, slice_of("+OK\r\n"), 1, seed, heard);
	buf_clear(heard);
	for (size_t i = 0; i < v->count; i++)
		assert_int_equal(client_send(c, v->asked[i], slice_of(""), i, NULL), OK);
	if (bring(c, buf_slice(&v->said), longest, seed, heard) == CLIENT_BROKEN)
		buf_add_text(heard, "!");
	client_free(c);
}

static void assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(buf_at(a), buf_at(b), a->len);
}

static void what_is_said_well_is_heard_as_it_was_said(void **state)
{
	uint32_t seed = 1939;

	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(finish) struct conversation v = {0};
		CLEANUP(buf_finish) struct buf heard = {0};

		make_up(&v, 1 + next_random(&seed) % MOST_COMMANDS, &seed);
		hear(&v, round % 2 ? 1 : 50, &seed, &heard);
		assert_same(&heard, &v.heard);
	}
}

static void what_is_said_badly_is_heard_the_same_however_it_is_cut(void **state)
{
	uint32_t seed = 2449;
	int broken = 0;

	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(finish) struct conversation v = {0};
		CLEANUP(buf_finish) struct buf whole = {0}, cut = {0};

		make_up(&v, 1 + next_random(&seed) % MOST_COMMANDS, &seed);
		spoil(&v.said, &seed);
		hear(&v, 1 << 20, &seed, &whole);
		hear(&v, 1, &seed, &cut);
		assert_same(&cut, &whole);
		buf_clear(&cut);
		hear(&v, 20, &seed, &cut);
		assert_same(&cut, &whole);
		broken += whole.len > 0 && buf_at(&whole)[whole.len - 1] == '!';
	}
	assert_in_range(
	    broken, ROUNDS / 10, ROUNDS - ROUNDS / 10); /* else it tests one thing only */
}

static void a_long_conversation_is_heard_to_its_end(void **state)
{
	static const size_t longest[] = {7, 5000, 1 << 20};
	CLEANUP(freep) struct conversation *v = xnew(struct conversation);
	uint32_t seed = 2595;

	make_up(v, MANY_COMMANDS, &seed);
	assert_true(v->said.len > 2 * CLIENT_LEAST_ROOM);
	for (size_t i = 0; i < COUNT(longest); i++) {
		CLEANUP(buf_finish) struct buf heard = {0};

		hear(v, longest[i], &seed, &heard);
		assert_same(&heard, &v->heard);
	}
	finish(v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_said_well_is_heard_as_it_was_said),
	    cmocka_unit_test(what_is_said_badly_is_heard_the_same_however_it_is_cut),
	    cmocka_unit_test(a_long_conversation_is_heard_to_its_end),
	};

	return cmocka_run_group_tests_name("conversations", tests, NULL, NULL);
}
