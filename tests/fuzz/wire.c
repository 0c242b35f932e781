/* wire.h: the same lines and the same text however they are cut, and what a slow and simple reading
 * of RFC 1939, 3 makes of them. */
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "wire.h"
#include "fuzz.h"

#define LIMIT 40 /* octets of a line */

/* Its end does not count, nor a CR that may be the beginning of that. */
static bool is_too_long(struct slice held)
{
	struct slice line;

	if (!fuzz_line(&held, &line))
		return false;
	return line.len - (line.len > 0 && line.at[line.len - 1] == '\r') > LIMIT;
}

/* What was seen, as text: "|" behind each line, "!" where one was too long. */
static size_t take_lines(struct buf *seen, struct wire *w, bool *too_long)
{
	enum wire_result result;
	const char *start = w->at;
	struct slice line;

	while ((result = wire_line(w, LIMIT, &line)) == WIRE_LINE) {
		must(line.len <= LIMIT);
		buf_add_slice(seen, line);
		buf_add_text(seen, w->lf ? "|\n" : "|\r\n");
	}
	*too_long = result == WIRE_TOO_LONG;
	must(!*too_long || is_too_long(slice_make(w->at, (size_t)(w->end - w->at))));
	must(*too_long || result == WIRE_MORE);
	return (size_t)(w->at - start);
}

/* What is not taken comes again in front of the next piece. */
static void lines_in_pieces(struct buf *seen, struct slice in, size_t octets)
{
	CLEANUP(buf_finish) struct buf held = {0};
	struct wire w = {0};
	struct slice piece;
	bool too_long = false;

	while (!too_long && fuzz_piece(&in, octets, &piece)) {
		buf_add_slice(&held, piece);
		w.at = buf_at(&held);
		w.end = w.at + held.len;
		buf_take(&held, take_lines(seen, &w, &too_long));
	}
	buf_add_text(seen, too_long ? "!" : "");
}

/* Octets up to where the input was taken, the end included. */
static size_t body_in_pieces(struct buf *text, struct slice in, size_t octets, bool lf, bool *ended)
{
	struct wire w = {.lf = lf};
	size_t before = 0;
	struct slice piece, part;

	*ended = false;
	wire_body_start(&w);
	while (fuzz_piece(&in, octets, &piece)) {
		enum wire_result result;

		w.at = piece.at;
		w.end = piece.at + piece.len;
		while ((result = wire_body(&w, &part)) == WIRE_TEXT) {
			must(part.len > 0);
			buf_add_slice(text, part);
		}
		if (result == WIRE_END) {
			*ended = true;
			return before + (size_t)(w.at - piece.at);
		}
		must(result == WIRE_MORE && w.at == w.end);
		before += piece.len;
	}
	return before;
}

/* Octets of the line that `s` begins with, its end included; *end: octets of that, 0: none yet. */
static size_t line_octets(struct slice s, bool lf, size_t *end)
{
	for (size_t i = 0; i < s.len; i++) {
		bool cr = i > 0 && s.at[i - 1] == '\r';

		if (s.at[i] != '\n' || (!cr && !lf))
			continue;
		*end = cr ? 2 : 1;
		return i + 1;
	}
	*end = 0;
	return s.len;
}

static size_t body_simply(struct buf *text, struct slice in, bool lf, bool *ended)
{
	struct slice rest = in;

	*ended = false;
	while (rest.len > 0) {
		size_t end, octets = line_octets(rest, lf, &end);
		struct slice line = slice_make(rest.at, octets);

		rest = slice_make(rest.at + octets, rest.len - octets);
		if (line.at[0] == '.') {
			line = slice_make(line.at + 1, octets - 1);
			*ended = end > 0 && line.len == end;
			if (*ended)
				return in.len - rest.len;
			if (slice_is(line, "\r"))
				return in.len; /* the end, or not: the next octet says */
		}
		buf_add_slice(text, line);
	}
	return in.len;
}

static void lines(struct slice in)
{
	CLEANUP(buf_finish) struct buf whole = {0};

	lines_in_pieces(&whole, in, in.len);
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(buf_finish) struct buf seen = {0};

		lines_in_pieces(&seen, in, fuzz_pieces[i]);
		must(slice_equal(buf_slice(&seen), buf_slice(&whole)));
	}
}

static void body(struct slice in, bool lf)
{
	CLEANUP(buf_finish) struct buf want = {0}, whole = {0};
	bool end, ended;
	size_t taken = body_simply(&want, in, lf, &end);

	must(body_in_pieces(&whole, in, in.len, lf, &ended) == taken && ended == end);
	must(slice_equal(buf_slice(&whole), buf_slice(&want)));
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(buf_finish) struct buf text = {0};

		must(body_in_pieces(&text, in, fuzz_pieces[i], lf, &ended) == taken);
		must(ended == end);
		must(slice_equal(buf_slice(&text), buf_slice(&want)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct slice in = fuzz_slice(octets, len);

	lines(in);
	body(in, false);
	body(in, true);
	return 0;
}
