#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "json.h"
#include "log.h"
#include "progress.h"

#define LONGEST_SHOWN 8192 /* octets, escaped: of a value */

/* Keys whose value is more than text. */
static const struct fact {
	const char *key;
	enum { TEXT, NUMBER, OCTETS } kind;
	const char *nothing;       /* the value where there is none: null; or NULL */
	const char *usual, *color; /* any other value has this color */
} facts[] = {
    {"state", TEXT},
    {"server", TEXT, "unknown"},
    {"tls", TEXT, "none"},
    {"login", TEXT, "none"},
    {"messages", NUMBER},
    {"bytes", OCTETS},
    {"cached", NUMBER},
    {"pending deletions", NUMBER, NULL, "0", REPORT_YELLOW},
    {"last listing", TEXT, "never"},
    {"skipped lines", NUMBER, NULL, "0", REPORT_YELLOW},
    {"queue", NUMBER},
    {"last error", TEXT, "none", "none", REPORT_RED},
    {"pid", NUMBER},
};

static const struct {
	const char *state, *color;
} states[] = {
    {"ready", REPORT_GREEN},
    {"connecting", REPORT_GREEN},
    {"listing", REPORT_GREEN},
    {"committing", REPORT_GREEN},
    {"ending", REPORT_YELLOW},
    {"offline", REPORT_RED},
};

struct line {
	struct slice key, value;
};

/* Takes the next line, "key: value", off the text; false: there is none. */
static bool next(struct slice *text, struct line *out)
{
	struct slice line = slice_token(text, "\n");
	const char *colon = line.len ? memmem(line.at, line.len, ": ", 2) : NULL;
	size_t len = colon ? (size_t)(colon - line.at) : 0;

	out->key = slice_make(line.at, len);
	out->value = colon ? slice_make(colon + 2, line.len - len - 2) : line;
	return line.len > 0;
}

static const struct fact *fact_of(struct slice key)
{
	static const struct fact plain = {.kind = TEXT};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (slice_is(key, facts[i].key))
			return &facts[i];
	return &plain;
}

bool report_coloured(void)
{
	const char *unwanted = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(unwanted && *unwanted) && term &&
	       strcmp(term, "dumb") != 0;
}

/* The value of a key; empty: it is not there. */
static struct slice value_of(struct slice text, const char *key)
{
	struct line l;

	while (next(&text, &l))
		if (slice_is(l.key, key))
			return l.value;
	return slice_of("");
}

/* ---- for people ---- */

/* "": as all else. */
static const char *color_of(const struct line *l)
{
	const struct fact *f = fact_of(l->key);

	if (f->usual)
		return slice_is(l->value, f->usual) ? "" : f->color;
	if (!slice_is(l->key, "state"))
		return "";
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (slice_is(l->value, states[i].state))
			return states[i].color;
	return "";
}

/* The daemon has done so already, but anybody may serve a mount, and root may ask. */
static void add_escaped(struct buf *to, struct slice text)
{
	char shown[LONGEST_SHOWN];

	buf_add_text(to, log_escape(shown, sizeof(shown), text));
}

static void add_value(struct buf *to, const struct line *l)
{
	uint64_t octets;

	if (fact_of(l->key)->kind == OCTETS && slice_number(l->value, UINT64_MAX, &octets))
		progress_octets(to, octets);
	else
		add_escaped(to, l->value);
}

void report_people(struct buf *to, struct slice text, bool coloured)
{
	size_t widest = 0;
	struct slice rest = text;
	struct line l;

	while (next(&rest, &l))
		if (l.key.len > widest)
			widest = l.key.len;
	while (next(&text, &l)) {
		const char *color = coloured ? color_of(&l) : "";

		if (l.key.len) {
			add_escaped(to, l.key);
			buf_printf(to, ":%*s ", (int)(widest - l.key.len), "");
		}
		buf_add_text(to, color);
		add_value(to, &l);
		buf_printf(to, "%s\n", *color ? REPORT_PLAIN : "");
	}
}

void report_counts(struct buf *to, struct slice text, bool coloured)
{
	struct slice messages = value_of(text, "messages");
	struct slice pending = value_of(text, "pending deletions");

	add_escaped(to, messages);
	buf_add_text(to, slice_is(messages, "1") ? " message" : " messages");
	if (!pending.len || slice_is(pending, "0"))
		return;
	buf_printf(to, ", %s", coloured ? REPORT_YELLOW : "");
	add_escaped(to, pending);
	buf_printf(to, " %s%s", slice_is(pending, "1") ? "deletion waits" : "deletions wait",
	    coloured ? REPORT_PLAIN : "");
}

/* ---- for programs ---- */

static void add_key(struct buf *to, struct slice key)
{
	CLEANUP(buf_finish) struct buf joined = {.len = 0};

	for (size_t i = 0; i < key.len; i++)
		buf_add(&joined, key.at[i] == ' ' ? "_" : key.at + i, 1);
	json_string(to, buf_slice(&joined));
	buf_add_text(to, ":");
}

void report_json(struct buf *to, struct slice text)
{
	const char *between = "";
	struct line l;

	for (; next(&text, &l); between = ",") {
		const struct fact *f = fact_of(l.key);

		buf_add_text(to, between);
		add_key(to, l.key);
		if (f->nothing && slice_is(l.value, f->nothing))
			buf_add_text(to, "null");
		else if (f->kind != TEXT)
			json_number(to, l.value);
		else
			json_string(to, l.value);
	}
}
