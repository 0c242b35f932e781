#include "answer.h"

#include <string.h>

#include "record.h"

/* A command on its way to its answer. */
struct turn {
	enum verb verb;
	struct slice arguments;
	bool more; /* the next one is already there */
	struct fired fired;
	struct reply reply;
};

static const struct action *has(const struct turn *t, enum action_kind kind)
{
	return fired_find(&t->fired, kind);
}

/* Whether the command has its effect. Not if the rules leave it without an answer, or say no. */
static bool takes_effect(const struct turn *t)
{
	const struct action *reply = has(t, ACTION_REPLY), *abort = has(t, ACTION_ABORT),
			    *stall = has(t, ACTION_STALL);

	if (has(t, ACTION_DONE))
		return true;
	if (has(t, ACTION_ERR) || has(t, ACTION_CLOSE))
		return false;
	if ((abort && !abort->has_number) || (stall && !stall->has_number))
		return false;
	return reply == NULL || reply->text.len == 0 || buf_at(&reply->text)[0] != '-';
}

static void run(struct conn *c, struct turn *t)
{
	if (t->verb == VERB_GREETING)
		session_greet(&t->reply);
	else if (t->verb == VERB_RESPONSE)
		session_response(&c->session, t->arguments, &t->reply);
	else if (t->verb > VERB_GREETING)
		session_command(&c->session, t->verb, t->arguments, &t->reply);
}

/* What is answered instead. */
static void replace(const struct turn *t, struct buf *text)
{
	const struct action *reply = has(t, ACTION_REPLY), *err = has(t, ACTION_ERR),
			    *listing = has(t, ACTION_LISTING);

	if (reply || err || listing || has(t, ACTION_SWALLOW))
		buf_clear(text);
	if (reply)
		buf_add_slice(text, buf_slice(&reply->text));
	if (err) {
		buf_add_text(text, "-ERR ");
		buf_add_slice(text, buf_slice(&err->text));
		buf_add_text(text, "\r\n");
	}
	if (listing)
		buf_add_slice(text, buf_slice(&listing->text));
}

/* A place in `len` octets: from the start, or, if negative, from the end; never outside. */
static size_t place(int64_t wanted, size_t len)
{
	if (wanted < 0)
		wanted = (int64_t)len + wanted < 0 ? 0 : (int64_t)len + wanted;
	return (uint64_t)wanted < len ? (size_t)wanted : len;
}

static void insert(struct buf *text, size_t at, struct slice octets)
{
	struct buf whole = {0};

	buf_add(&whole, buf_at(text), at);
	buf_add_slice(&whole, octets);
	buf_add(&whole, buf_at(text) + at, text->len - at);
	buf_finish(text);
	*text = whole;
}

static void remove_octet(struct buf *text, char octet)
{
	struct buf rest = {0};

	for (size_t i = 0; i < text->len; i++)
		if (buf_at(text)[i] != octet)
			buf_add(&rest, buf_at(text) + i, 1);
	buf_finish(text);
	*text = rest;
}

/* What is added, and left out. */
static void change(const struct turn *t, struct buf *text)
{
	const struct action *a;

	if (has(t, ACTION_NO_END) && t->reply.many_lines && text->len >= 3)
		text->len -= 3;
	if ((a = has(t, ACTION_INSERT)))
		insert(text, place(a->number, text->len), buf_slice(&a->text));
	if ((a = has(t, ACTION_PREPEND)))
		insert(text, 0, buf_slice(&a->text));
	if ((a = has(t, ACTION_APPEND)))
		buf_add_slice(text, buf_slice(&a->text));
	if (has(t, ACTION_LF))
		remove_octet(text, '\r');
}

/* Puts the first line of this reply into the middle of the one that was held, which goes out. */
static void mix_into_held(struct conn *c, struct buf *text)
{
	const char *end = memchr(buf_at(text), '\n', text->len);
	size_t line = end ? (size_t)(end - buf_at(text)) + 1 : text->len;

	insert(&c->held, c->held.len / 2, slice_make(buf_at(text), line));
	buf_take(text, line);
	out_own(&c->out, &c->held);
}

static void mark(struct conn *c, enum out_kind kind, size_t len, int64_t milliseconds)
{
	out_mark(&c->out, kind, len, milliseconds);
}

/* The octets as far as they are sent, then what comes instead of the rest. */
static void queue_part(struct conn *c, const struct turn *t, struct buf *text)
{
	static const struct {
		enum action_kind action;
		enum out_kind end;
	} ends[] = {
	    {ACTION_CUT, OUT_CLOSE},
	    {ACTION_ABORT, OUT_ABORT},
	    {ACTION_STALL, OUT_STALL},
	    {ACTION_CLOSE, OUT_CLOSE},
	    {ACTION_CLOSE_AFTER, OUT_CLOSE},
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && !c->deaf; i++) {
		const struct action *a = has(t, ends[i].action);

		if (a == NULL)
			continue;
		if (a->kind != ACTION_CLOSE_AFTER)
			text->len = place(a->number, text->len);
		out_own(&c->out, text);
		mark(c, ends[i].end, 0, 0);
		c->deaf = true;
	}
	out_own(&c->out, text);
}

static void queue(struct conn *c, const struct turn *t, struct buf *text)
{
	const struct action *delay = has(t, ACTION_DELAY), *dribble = has(t, ACTION_DRIBBLE),
			    *chunk = has(t, ACTION_CHUNK);

	if (delay)
		mark(c, OUT_WAIT, 0, delay->number);
	if (dribble)
		mark(c, OUT_PACE, 1, dribble->number);
	else if (chunk)
		mark(c, OUT_PACE, (size_t)chunk->number, 0);
	queue_part(c, t, text);
	if ((dribble || chunk) && t->verb != VERB_CONNECT)
		mark(c, OUT_PACE, c->usual_chunk, 0);
}

/* What applies to the connection from here on. */
static void set_habits(struct conn *c, const struct turn *t)
{
	c->one_command = c->one_command || has(t, ACTION_ONE_COMMAND);
	c->no_close_notify = c->no_close_notify || has(t, ACTION_NO_CLOSE_NOTIFY);
}

static void go_on(struct conn *c, const struct reply *r)
{
	if (c->deaf)
		return;
	if (r->then == START_TLS) {
		c->awaits_tls = true;
		answer_event(c, VERB_TLS);
		mark(c, OUT_TLS, 0, 0);
	} else if (r->then == HANG_UP) {
		c->deaf = true;
		mark(c, OUT_CLOSE, 0, 0);
	}
}

static void record_reply(struct conn *c, const struct iovec *piece)
{
	record_line(c->number, "<", slice_make(piece->iov_base, piece->iov_len));
}

/* The way without rules: nothing is copied. */
static void pass_on(struct conn *c)
{
	struct iovec piece;

	if (record_is_on() && out_vector(&c->scratch, &piece, 1, SIZE_MAX))
		record_reply(c, &piece);
	out_append(&c->out, &c->scratch);
}

static void pass_changed(struct conn *c, struct turn *t)
{
	struct buf text = {0};

	for (size_t i = 0; i < t->fired.count; i++)
		record_line(c->number, "fault", slice_of(t->fired.rules[i]->words));
	out_flatten(&c->scratch, &text);
	replace(t, &text);
	change(t, &text);
	if (text.len > 0)
		record_line(c->number, "<", buf_slice(&text));
	if (c->held.len > 0)
		mix_into_held(c, &text);
	if (has(t, ACTION_CORRUPT) && t->more) {
		c->held = text;
		return;
	}
	queue(c, t, &text);
	buf_finish(&text);
}

static void answer(struct conn *c, struct turn *t)
{
	struct slice rest = t->arguments;

	if (c->deaf)
		return;
	t->reply = (struct reply){.out = &c->scratch, .fired = &t->fired};
	fault_fire(c->session.service->script, &c->faults, c->number, t->verb,
	    slice_token(&rest, " \t"), &t->fired);
	set_habits(c, t);
	if (takes_effect(t))
		run(c, t);
	if (t->fired.count == 0 && c->held.len == 0)
		pass_on(c);
	else
		pass_changed(c, t);
	go_on(c, &t->reply);
}

void answer_event(struct conn *c, enum verb verb)
{
	struct turn t = {.verb = verb};

	answer(c, &t);
}

void answer_line(struct conn *c, struct slice line, bool more)
{
	struct turn t = {.verb = VERB_RESPONSE, .arguments = line, .more = more};

	record_line(c->number, ">", line);
	if (!session_wants_response(&c->session)) {
		const char *blank = memchr(line.at, ' ', line.len);
		size_t len = blank ? (size_t)(blank - line.at) : line.len;

		t.verb = verb_of_command(slice_make(line.at, len));
		len += blank ? 1 : 0;
		t.arguments = slice_make(line.at + len, line.len - len);
	}
	answer(c, &t);
}
