/* client.h: the octets are all that a server says. The same answers however they are cut, in the
 * order of the commands; nothing more than was sent; broken once is broken for good. */
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "client.h"
#include "fuzz.h"

static const struct {
	enum verb verb;
	const char *argument;
} commands[] = {
    {VERB_CAPA, ""},
    {VERB_STAT, ""},
    {VERB_UIDL, ""},
    {VERB_LIST, ""},
    {VERB_TOP, "1 0"},
    {VERB_RETR, "1"},
    {VERB_AUTH, "PLAIN"},
    {VERB_DELE, "1"},
    {VERB_UIDL, "1"},
    {VERB_QUIT, ""},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void client_freep(struct client **c)
{
	client_free(*c);
}

/* All at once: the greeting has not come. */
static struct client *asked(void)
{
	struct client *c = client_create();

	for (size_t i = 0; i < COMMANDS; i++)
		must(client_send(
			 c, commands[i].verb, slice_of(commands[i].argument), i + 1, NULL) == OK);
	client_sent(c, client_output(c).len);
	must(client_output(c).len == 0);
	return c;
}

struct seen {
	struct buf all;    /* what was told */
	uint64_t tag;      /* of the answer that is being told */
	size_t told, text; /* answers ended; octets of text and lines */
};

static void see(struct seen *s, const struct answer *a)
{
	must(a->tag == s->tag && a->tag <= COMMANDS);
	must(a->verb == (a->tag ? commands[a->tag - 1].verb : VERB_GREETING));
	must(a->kind != ANSWER_TEXT || a->text.len > 0);
	must(a->kind != ANSWER_END || a->last);
	must(a->pipelined == (s->told < COMMANDS));
	if (a->kind == ANSWER_STATUS) {
		must(a->status.sign != REPLY_NEITHER);
		must(a->status.sign != REPLY_CONTINUE || a->verb == VERB_AUTH);
		buf_printf(&s->all, "<%d %d ", a->status.sign, a->status.code);
		buf_add_slice(&s->all, a->status.text);
		buf_add_text(&s->all, ">");
	} else {
		buf_add_slice(&s->all, a->text);
		buf_add_text(&s->all, a->kind == ANSWER_LINE ? "|" : "");
		s->text += a->text.len;
	}
	if (a->last) {
		buf_printf(&s->all, ";%d\n", (int)a->tag);
		s->tag++;
		s->told++;
	}
}

static enum client_result tell_all(struct client *c, struct seen *s)
{
	struct answer a;
	struct failure why = {.code = OK}, again;
	enum client_result result;

	while ((result = client_next(c, &a, &why)) == CLIENT_ANSWER)
		see(s, &a);
	must(s->told + client_waiting(c) == COMMANDS + 1);
	if (result == CLIENT_BROKEN) {
		must(why.code == E_PROTOCOL && why.words[0]);
		must(client_next(c, &a, &again) == CLIENT_BROKEN);
		must(strcmp(why.words, again.words) == 0);
		must(client_send(c, VERB_NOOP, slice_of(""), 0, NULL) == E_PROTOCOL);
		must(client_output(c).len == 0);
	}
	return result;
}

static void tell(struct seen *s, struct slice in, size_t octets)
{
	CLEANUP(client_freep) struct client *c = asked();
	enum client_result result = CLIENT_MORE;
	struct slice piece;
	size_t total = in.len;

	while (result == CLIENT_MORE && fuzz_piece(&in, octets, &piece)) {
		size_t room;
		char *to = client_room(c, &room);

		must(room >= CLIENT_LEAST_ROOM && room >= piece.len);
		memcpy(to, piece.at, piece.len);
		client_received(c, piece.len);
		result = tell_all(c, s);
	}
	must(s->text <= total);
	buf_add_text(&s->all, result == CLIENT_BROKEN ? "broken" : "");
}

static void seen_finish(struct seen *s)
{
	buf_finish(&s->all);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(seen_finish) struct seen whole = {.tag = 0};
	struct slice in = fuzz_slice(octets, len < CLIENT_LEAST_ROOM ? len : CLIENT_LEAST_ROOM);

	tell(&whole, in, in.len);
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(seen_finish) struct seen s = {.tag = 0};

		tell(&s, in, fuzz_pieces[i]);
		must(slice_equal(buf_slice(&s.all), buf_slice(&whole.all)));
	}
	return 0;
}
