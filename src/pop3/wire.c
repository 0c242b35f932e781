#include "wire.h"

#include <string.h>

enum wire_result wire_line(struct wire *w, size_t limit, struct slice *line)
{
	size_t held = (size_t)(w->end - w->at);
	const char *lf = held ? memchr(w->at, '\n', held) : NULL;
	size_t len = lf ? (size_t)(lf - w->at) : held;
	bool cr = len > 0 && w->at[len - 1] == '\r';

	if (len - cr > limit)
		return WIRE_TOO_LONG;
	if (!lf)
		return WIRE_MORE;
	*line = slice_make(w->at, len - cr);
	w->at = lf + 1;
	w->lf = !cr;
	return WIRE_LINE;
}

void wire_body_start(struct wire *w)
{
	w->place = WIRE_LINE_START;
}

/* Where `at` stands, judged by the octets before it and, at the edge of the input, by w->place. */
static enum wire_place place_at(const struct wire *w, const char *at)
{
	bool behind_cr;

	if (at == w->at)
		return w->place;
	if (at[-1] == '\r')
		return WIRE_CR;
	if (at[-1] != '\n')
		return WIRE_IN_LINE;
	behind_cr = at - w->at >= 2 ? at[-2] == '\r' : w->place == WIRE_CR;
	return behind_cr || w->lf ? WIRE_LINE_START : WIRE_IN_LINE;
}

/* The next dot that stands first on its line, else the end of the input. Mail has fewer dots than
 * lines (base64 has none), so looking for dots is quicker than looking for line ends. */
static const char *next_line_dot(const struct wire *w)
{
	const char *dot = w->at;

	while ((dot = memchr(dot, '.', (size_t)(w->end - dot)))) {
		if (place_at(w, dot) == WIRE_LINE_START)
			return dot;
		while (dot < w->end && *dot == '.')
			dot++; /* none behind another dot stands first */
	}
	return w->end;
}

static enum wire_result take_text(struct wire *w, struct slice *text)
{
	const char *stop = next_line_dot(w);

	*text = slice_make(w->at, (size_t)(stop - w->at));
	w->place = place_at(w, stop);
	w->at = stop;
	return WIRE_TEXT;
}

/* The CR behind a stuffed dot was held back, because LF would have made it the end. Its own octet
 * may be gone from the input by now. */
static enum wire_result held_back_cr(struct wire *w, struct slice *text)
{
	*text = slice_of("\r");
	w->place = WIRE_CR;
	return WIRE_TEXT;
}

static enum wire_result end(struct wire *w)
{
	w->at++;
	w->place = WIRE_LINE_START;
	return WIRE_END;
}

enum wire_result wire_body(struct wire *w, struct slice *text)
{
	while (w->at < w->end) {
		switch (w->place) {
		case WIRE_LINE_START:
			if (*w->at != '.')
				return take_text(w, text);
			w->at++;
			w->place = WIRE_DOT;
			break;
		case WIRE_DOT:
			if (*w->at == '\n' && w->lf)
				return end(w);
			w->place = WIRE_IN_LINE;
			if (*w->at != '\r')
				return take_text(w, text);
			w->at++;
			w->place = WIRE_DOT_CR;
			break;
		case WIRE_DOT_CR:
			return *w->at == '\n' ? end(w) : held_back_cr(w, text);
		case WIRE_IN_LINE:
		case WIRE_CR:
			return take_text(w, text);
		}
	}
	return WIRE_MORE;
}
