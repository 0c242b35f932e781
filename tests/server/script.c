#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "octets.h"

#define BLANKS " \t\r"

static const struct {
	const char *word;
	enum operand operand;
} actions[] = {
#define ACTION(kind, word, operand) [ACTION_##kind] = {word, operand},
    ACTIONS(ACTION)
#undef ACTION
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

/* A word of a rule; octets between quotes still have their escapes. */
struct token {
	struct slice text;
	bool quoted;
};

/* Takes the next word off *rest. false: there is none, or its quote does not end. */
static bool next_token(struct slice *rest, struct token *t)
{
	size_t len = 1;

	*rest = slice_trim(*rest);
	if (rest->len == 0)
		return false;
	t->quoted = rest->at[0] == '"';
	if (!t->quoted) {
		t->text = slice_token(rest, BLANKS);
		return true;
	}
	while (len < rest->len && rest->at[len] != '"')
		len += rest->at[len] == '\\' ? 2 : 1;
	if (len >= rest->len)
		return false;
	t->text = slice_make(rest->at + 1, len - 1);
	*rest = slice_make(rest->at + len + 1, rest->len - len - 1);
	return true;
}

static bool read_number(struct slice text, int64_t *out)
{
	bool negative = text.len > 0 && text.at[0] == '-';
	uint64_t value;

	if (negative)
		text = slice_make(text.at + 1, text.len - 1);
	if (!slice_number(text, INT64_MAX, &value))
		return false;
	*out = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static bool take_number(struct slice *rest, struct action *a)
{
	struct slice after = *rest;
	struct token t;

	if (!next_token(&after, &t) || t.quoted || !read_number(t.text, &a->number))
		return false;
	a->has_number = true;
	*rest = after;
	return true;
}

static bool take_text(struct slice *rest, struct action *a)
{
	struct token t;

	if (!next_token(rest, &t))
		return false;
	octets_unescape(t.text, &a->text);
	return true;
}

static enum error take_file(struct slice *rest, struct action *a, struct failure *why)
{
	CLEANUP(freep) char *path = NULL;
	struct token t;

	if (!next_token(rest, &t))
		return failed(why, E_USAGE, "a file is missing");
	path = xstrndup(t.text.at, t.text.len);
	return octets_read(path, &a->text, why);
}

static enum error take_operands(struct slice *rest, struct action *a, struct failure *why)
{
	bool good = true;

	switch (actions[a->kind].operand) {
	case NOTHING:
		break;
	case A_NUMBER:
		good = take_number(rest, a);
		break;
	case MAYBE_A_NUMBER:
		take_number(rest, a);
		break;
	case SOME_TEXT:
		good = take_text(rest, a);
		break;
	case A_NUMBER_AND_TEXT:
		good = take_number(rest, a) && take_text(rest, a);
		break;
	case A_FILE:
		return take_file(rest, a, why);
	}
	return good ? OK : failed(why, E_USAGE, "what %s wants is missing", actions[a->kind].word);
}

/* nth=N and its like. false: that is none of them. */
static bool read_condition(struct rule *rule, struct slice text)
{
	struct slice word = slice_token(&text, "="), value = slice_token(&text, "=");
	bool open_end = value.len > 1 && value.at[value.len - 1] == '-';
	int64_t number;

	if (!read_number(slice_make(value.at, value.len - (open_end ? 1 : 0)), &number))
		return false;
	if (slice_is(word, "conn")) {
		rule->connection_from = number;
		rule->connection_to = open_end ? INT64_MAX : number;
	} else if (slice_is(word, "nth")) {
		rule->nth = number;
	} else if (slice_is(word, "from")) {
		rule->from = number;
	} else if (slice_is(word, "total")) {
		rule->total = number;
	} else if (slice_is(word, "times")) {
		rule->times = number;
	} else {
		return false;
	}
	return !open_end || slice_is(word, "conn");
}

static bool is_action(struct token t, enum action_kind *kind)
{
	for (size_t i = 0; i < ACTION_COUNT; i++) {
		if (t.quoted || !slice_is(t.text, actions[i].word))
			continue;
		*kind = (enum action_kind)i;
		return true;
	}
	return false;
}

static struct action *add_action(struct rule *rule, enum action_kind kind)
{
	rule->actions =
	    xreallocarray(rule->actions, rule->action_count + 1, sizeof(*rule->actions));
	rule->actions[rule->action_count] = (struct action){.kind = kind};
	return &rule->actions[rule->action_count++];
}

/* The words after the verb: argument, conditions and actions. */
static enum error read_rule(struct rule *rule, struct slice rest, struct failure *why)
{
	enum action_kind kind;
	struct token t;

	while (next_token(&rest, &t)) {
		if (is_action(t, &kind)) {
			enum error error = take_operands(&rest, add_action(rule, kind), why);

			if (error)
				return error;
			continue;
		}
		if (rule->action_count > 0)
			return failed(why, E_USAGE, "unknown action");
		if (!t.quoted && memchr(t.text.at, '=', t.text.len)) {
			if (!read_condition(rule, t.text))
				return failed(why, E_USAGE, "unknown condition");
			continue;
		}
		if (rule->argument)
			return failed(why, E_USAGE, "unknown action");
		rule->argument = xstrndup(t.text.at, t.text.len);
	}
	if (rest.len > 0)
		return failed(why, E_USAGE, "a quote does not end");
	return rule->action_count ? OK : failed(why, E_USAGE, "no known action");
}

static void rule_finish(struct rule *rule)
{
	for (size_t i = 0; i < rule->action_count; i++)
		buf_finish(&rule->actions[i].text);
	free(rule->actions);
	free(rule->argument);
	free(rule->words);
}

/* One line: a rule, a comment, or nothing. */
static enum error add_line(struct script *s, struct slice line, struct failure *why)
{
	struct slice rest = line = slice_trim(line);
	struct rule rule = {.connection_from = 1, .connection_to = INT64_MAX};
	struct failure inner = {0};

	if (line.len == 0 || line.at[0] == '#')
		return OK;
	rule.words = xstrndup(line.at, line.len);
	if (!slice_is(slice_token(&rest, BLANKS), "on") ||
	    !verb_of_rule(slice_token(&rest, BLANKS), &rule.verb))
		failed(&inner, E_USAGE, "a rule begins with: on VERB");
	else
		read_rule(&rule, rest, &inner);
	if (inner.code) {
		failed(why, E_USAGE, "%s: %s", inner.words, rule.words);
		rule_finish(&rule);
		return E_USAGE;
	}
	s->rules = xreallocarray(s->rules, s->count + 1, sizeof(*s->rules));
	s->rules[s->count++] = rule;
	return OK;
}

static enum error add_file(struct script *s, const char *path, struct failure *why)
{
	struct buf text = {0};
	enum error error = octets_read(path, &text, why);
	struct slice rest = buf_slice(&text), line;

	while (!error && (line = slice_token(&rest, "\n")).len > 0)
		error = add_line(s, line, why);
	buf_finish(&text);
	return error;
}

struct script *script_load(const struct settings *settings, struct failure *why)
{
	static unsigned generation;
	struct script *s = xnew(struct script);
	enum error error = OK;

	s->generation = ++generation;
	for (size_t i = 0; i < settings->faults.count && !error; i++)
		error = add_line(s, slice_of(settings->faults.at[i]), why);
	if (!error && settings->script)
		error = add_file(s, settings->script, why);
	if (error) {
		script_free(s);
		return NULL;
	}
	return s;
}

void script_free(struct script *s)
{
	for (size_t i = 0; i < s->count; i++)
		rule_finish(&s->rules[i]);
	free(s->rules);
	free(s);
}
