#include "client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "wire.h"

#define INPUT_ROOM     (256 * 1024)
#define LONGEST_STATUS 8192
#define LONGEST_LISTED 65536
#define FIRST_ROOM     64 /* commands on their way before the ring grows */

_Static_assert(
    INPUT_ROOM >= LONGEST_LISTED + 2 + CLIENT_LEAST_ROOM, "a line in the way leaves too little");

/* What comes behind "+OK". */
enum shape { NOTHING, LINES, TEXT };

static const struct {
	const char *word;
	enum shape shape;
	bool one;           /* nothing comes behind "+OK" where an argument was given */
	bool sasl;          /* "+ " is an answer, too */
	bool secret;        /* the argument is blotted in the transcript ... */
	bool secret_behind; /* ... but only behind its first word */
} verbs[] = {
    [VERB_GREETING] = {"greeting"},
    [VERB_CAPA] = {"CAPA", LINES},
    [VERB_STLS] = {"STLS"},
    [VERB_USER] = {"USER"},
    [VERB_PASS] = {"PASS", .secret = true},
    [VERB_APOP] = {"APOP", .secret_behind = true},
    [VERB_AUTH] = {"AUTH", .sasl = true, .secret_behind = true},
    [VERB_AUTH_STEP] = {"AUTH", .sasl = true, .secret = true},
    [VERB_UTF8] = {"UTF8"},
    [VERB_STAT] = {"STAT"},
    [VERB_UIDL] = {"UIDL", LINES, .one = true},
    [VERB_LIST] = {"LIST", LINES, .one = true},
    [VERB_TOP] = {"TOP", TEXT},
    [VERB_RETR] = {"RETR", TEXT},
    [VERB_DELE] = {"DELE"},
    [VERB_NOOP] = {"NOOP"},
    [VERB_RSET] = {"RSET"},
    [VERB_QUIT] = {"QUIT"},
};

/* What the lines behind one "+OK" may come to. */
static const struct limits {
	uint64_t line, lines, octets;
} capa_limits = {16384, 100, 16384},
  listing_limits = {LONGEST_LISTED, UINT64_C(1) << 24, UINT64_C(1) << 31};

struct command {
	uint64_t tag;
	enum verb verb;
	enum shape shape;
};

struct client {
	struct wire wire;         /* within input */
	enum shape now;           /* what is being taken: a status line (NOTHING), lines, text */
	uint64_t lines, octets;   /* of this answer, so far */
	struct command *commands; /* a ring of those not answered to the end; room: a power of 2 */
	size_t first, waiting, room;
	struct buf output;
	struct failure broken;
	void (*say)(void *with, bool sent, struct slice line);
	void *with;
	char input[INPUT_ROOM];
};

const char *verb_word(enum verb verb)
{
	return verbs[verb].word;
}

static void push(struct client *c, struct command command)
{
	if (c->waiting == c->room) {
		size_t room = c->room ? c->room * 2 : FIRST_ROOM;
		struct command *commands = xreallocarray(NULL, room, sizeof(*commands));

		for (size_t i = 0; i < c->waiting; i++)
			commands[i] = c->commands[(c->first + i) & (c->room - 1)];
		free(c->commands);
		c->commands = commands;
		c->first = 0;
		c->room = room;
	}
	c->commands[(c->first + c->waiting++) & (c->room - 1)] = command;
}

struct client *client_create(void)
{
	struct client *c = xnew(struct client);

	c->wire.at = c->wire.end = c->input;
	push(c, (struct command){.verb = VERB_GREETING});
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	buf_wipe(&c->output);
	free(c->commands);
	free(c);
}

void client_trace(
    struct client *c, void (*say)(void *with, bool sent, struct slice line), void *with)
{
	c->say = say;
	c->with = with;
}

static void add_line(struct buf *to, enum verb verb, struct slice argument)
{
	if (verb != VERB_AUTH_STEP) {
		buf_add_text(to, verbs[verb].word);
		if (argument.len > 0)
			buf_add_text(to, " ");
	}
	buf_add_slice(to, argument);
}

static void trace_command(struct client *c, enum verb verb, struct slice argument)
{
	struct slice shown = argument;
	const char *blank = argument.len ? memchr(argument.at, ' ', argument.len) : NULL;
	CLEANUP(buf_finish) struct buf line = {0};

	if (!c->say)
		return;
	if (verbs[verb].secret)
		shown.len = 0;
	else if (verbs[verb].secret_behind && blank)
		shown.len = (size_t)(blank - argument.at) + 1;
	if (shown.len < argument.len) {
		CLEANUP(buf_finish) struct buf blotted = {0};

		buf_add_slice(&blotted, shown);
		buf_add_text(&blotted, "****");
		add_line(&line, verb, buf_slice(&blotted));
	} else {
		add_line(&line, verb, argument);
	}
	c->say(c->with, true, buf_slice(&line));
}

/* The sentence has the line as far as it has come. */
static enum error unasked(struct client *c)
{
	struct slice line = slice_make(c->wire.at, (size_t)(c->wire.end - c->wire.at));
	const char *lf = memchr(line.at, '\n', line.len);

	if (lf)
		line.len = (size_t)(lf - line.at);
	line = slice_trim(line);
	return failed(
	    &c->broken, E_PROTOCOL, "the server sent an unasked line: %.*s", SLICE_ARGS(line));
}

enum error client_send(
    struct client *c, enum verb verb, struct slice argument, uint64_t tag, struct failure *why)
{
	bool step = verb == VERB_AUTH_STEP;
	size_t limit = step ? CLIENT_LONGEST_STEP : CLIENT_LONGEST_COMMAND;
	size_t len = argument.len + strlen("\r\n");
	struct command command = {.tag = tag, .verb = verb, .shape = verbs[verb].shape};

	assert(verb != VERB_GREETING);
	if (c->broken.code == OK && c->waiting == 0 && client_has_input(c))
		unasked(c);
	if (c->broken.code != OK)
		return failed(why, c->broken.code, "%s", c->broken.words);
	if (slice_has_control(argument))
		return failed(why, E_PROTOCOL,
		    "a control character in the argument of %s; nothing was sent", verb_word(verb));
	if (!step)
		len += strlen(verb_word(verb)) + (argument.len > 0);
	if (len > limit)
		return failed(why, E_PROTOCOL,
		    "%s with an argument of %zu octets passes the longest line of %zu; nothing was "
		    "sent",
		    verb_word(verb), argument.len, limit);
	if (verbs[verb].one && argument.len > 0)
		command.shape = NOTHING;
	trace_command(c, verb, argument);
	add_line(&c->output, verb, argument);
	buf_add_text(&c->output, "\r\n");
	push(c, command);
	return OK;
}

struct slice client_output(const struct client *c)
{
	return buf_slice(&c->output);
}

void client_sent(struct client *c, size_t octets)
{
	assert(octets <= c->output.len);
	if (octets == 0)
		return;
	wipe(c->output.memory + c->output.start, octets);
	buf_take(&c->output, octets);
}

char *client_room(struct client *c, size_t *octets)
{
	struct wire *w = &c->wire;
	size_t held = (size_t)(w->end - w->at);

	if (held == 0 || c->input + INPUT_ROOM - w->end < CLIENT_LEAST_ROOM) {
		memmove(c->input, w->at, held);
		w->at = c->input;
		w->end = c->input + held;
	}
	*octets = (size_t)(c->input + INPUT_ROOM - w->end);
	return c->input + (w->end - c->input);
}

void client_received(struct client *c, size_t octets)
{
	assert(octets <= (size_t)(c->input + INPUT_ROOM - c->wire.end));
	c->wire.end += octets;
}

static void expect(struct client *c, enum shape shape)
{
	c->now = shape;
	c->lines = c->octets = 0;
	wire_body_start(&c->wire);
}

static enum client_result take_status(struct client *c, struct answer *a)
{
	const struct command *command = &c->commands[c->first];
	const char *word = verb_word(a->verb);
	struct slice line;
	enum wire_result result = wire_line(&c->wire, LONGEST_STATUS, &line);

	if (result == WIRE_MORE)
		return CLIENT_MORE;
	if (result == WIRE_TOO_LONG) {
		failed(&c->broken, E_PROTOCOL, "%s: a status line of more than %d octets", word,
		    LONGEST_STATUS);
		return CLIENT_BROKEN;
	}
	if (c->say)
		c->say(c->with, false, line);
	a->kind = ANSWER_STATUS;
	a->status = reply_status(line);
	if (a->status.sign == REPLY_NEITHER ||
	    (a->status.sign == REPLY_CONTINUE && !verbs[a->verb].sasl)) {
		failed(&c->broken, E_PROTOCOL, "%s: out of step, neither +OK nor -ERR but: %.*s",
		    word, SLICE_ARGS(line));
		return CLIENT_BROKEN;
	}
	a->last = a->status.sign != REPLY_OK || command->shape == NOTHING;
	if (!a->last)
		expect(c, command->shape);
	return CLIENT_ANSWER;
}

static enum client_result beyond(
    struct client *c, enum verb verb, const char *what, uint64_t limit, const char *unit)
{
	failed(&c->broken, E_PROTOCOL, "%s: %smore than %" PRIu64 " %s", verb_word(verb), what,
	    limit, unit);
	return CLIENT_BROKEN;
}

static enum client_result take_line(struct client *c, struct answer *a)
{
	const struct limits *limit = a->verb == VERB_CAPA ? &capa_limits : &listing_limits;
	const char *start = c->wire.at;
	enum wire_result result = wire_line(&c->wire, limit->line, &a->text);

	if (result == WIRE_MORE)
		return CLIENT_MORE;
	if (result == WIRE_TOO_LONG)
		return beyond(c, a->verb, "a line of ", limit->line, "octets");
	a->kind = ANSWER_LINE;
	if (a->text.len > 0 && a->text.at[0] == '.') {
		a->text = slice_make(a->text.at + 1, a->text.len - 1);
		a->last = a->text.len == 0;
	}
	if (a->last) {
		a->kind = ANSWER_END;
		return CLIENT_ANSWER;
	}
	c->octets += (uint64_t)(c->wire.at - start);
	if (++c->lines > limit->lines)
		return beyond(c, a->verb, "", limit->lines, "lines");
	if (c->octets > limit->octets)
		return beyond(c, a->verb, "", limit->octets, "octets");
	return CLIENT_ANSWER;
}

static enum client_result take_text(struct client *c, struct answer *a)
{
	switch (wire_body(&c->wire, &a->text)) {
	case WIRE_TEXT:
		a->kind = ANSWER_TEXT;
		return CLIENT_ANSWER;
	case WIRE_END:
		a->kind = ANSWER_END;
		a->last = true;
		return CLIENT_ANSWER;
	default:
		return CLIENT_MORE;
	}
}

static enum client_result take_answer(struct client *c, struct answer *a)
{
	if (c->broken.code != OK)
		return CLIENT_BROKEN;
	if (c->waiting == 0) {
		if (!client_has_input(c))
			return CLIENT_MORE;
		unasked(c);
		return CLIENT_BROKEN;
	}
	a->verb = c->commands[c->first].verb;
	a->tag = c->commands[c->first].tag;
	a->pipelined = c->waiting > 1;
	switch (c->now) {
	case LINES:
		return take_line(c, a);
	case TEXT:
		return take_text(c, a);
	default:
		return take_status(c, a);
	}
}

enum client_result client_next(struct client *c, struct answer *answer, struct failure *why)
{
	struct answer a = {0};
	enum client_result result = take_answer(c, &a);

	if (result == CLIENT_BROKEN && why)
		*why = c->broken;
	if (result != CLIENT_ANSWER)
		return result;
	if (a.last) {
		c->now = NOTHING;
		c->first = (c->first + 1) & (c->room - 1);
		c->waiting--;
	}
	*answer = a;
	return CLIENT_ANSWER;
}

size_t client_waiting(const struct client *c)
{
	return c->waiting;
}

bool client_has_input(const struct client *c)
{
	return c->wire.at < c->wire.end;
}
