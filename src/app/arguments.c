#include "arguments.h"

#include <string.h>

#include "alloc.h"

/* What is still to be read of the command line. */
struct line {
	char *const *at, *const *end;
};

static enum error unknown(const char *dashes, struct slice name, struct failure *why)
{
	if (option_is_password(name))
		return failed(why, E_USAGE,
		    "a password does not belong on a command line, where all can read it: use "
		    "password_command= or password_file=");
	return failed(why, E_USAGE, "unknown option %s%.*s: pop3fs --help lists all", dashes,
	    SLICE_ARGS(name));
}

/* One item of -o, escapes undone: "name", "name=value". */
static enum error set_item(
    struct options *o, const char *item, bool (*skip)(struct slice name), struct failure *why)
{
	const char *equals = strchr(item, '=');
	struct slice name = equals ? slice_make(item, (size_t)(equals - item)) : slice_of(item);
	const struct option *row = option_find(name);

	if (skip && skip(name))
		return OK;
	if (!row)
		return unknown("", name, why);
	if (!option_is_for_lists(row))
		return failed(why, E_USAGE, "%s is not for -o: write --%s", option_name(row),
		    option_name(row));
	return option_set(o, row, equals ? equals + 1 : NULL, why);
}

enum error arguments_list(
    struct options *o, const char *list, bool (*skip)(struct slice name), struct failure *why)
{
	CLEANUP(freep) char *item = xmalloc(strlen(list) + 1);
	size_t len = 0;
	enum error e = OK;

	for (;; list++) {
		if (*list == '\\') {
			if (list[1] != ',' && list[1] != '\\')
				return failed(why, E_USAGE,
				    "a backslash in -o stands before a comma or another backslash");
			item[len++] = *++list;
		} else if (*list == ',' || *list == '\0') {
			item[len] = '\0';
			if (len > 0)
				e = set_item(o, item, skip, why);
			if (e || !*list)
				return e;
			len = 0;
		} else {
			item[len++] = *list;
		}
	}
}

/* "--name", "--name=value", "--name value"; "-" may stand for "_". */
static enum error set_long(
    struct options *o, const char *word, struct line *rest, struct failure *why)
{
	CLEANUP(freep) char *name = xstrdup(word);
	char *equals = strchr(name, '=');
	const struct option *row;
	const char *value = equals ? word + (equals - name) + 1 : NULL;

	if (equals)
		*equals = '\0';
	for (char *c = name; *c; c++) {
		if (*c == '-')
			*c = '_';
	}
	row = option_find(slice_of(name));
	if (!row)
		return unknown("--", slice_make(word, strlen(name)), why);
	if (option_needs_value(row) && !equals && rest->at < rest->end)
		value = *rest->at++;
	return option_set(o, row, value, why);
}

/* "-f", "-fd", "-o list", "-olist". */
static enum error set_letters(
    struct options *o, const char *letters, struct line *rest, struct failure *why)
{
	enum error e = OK;

	for (; *letters && !e; letters++) {
		const struct option *row = option_by_letter(*letters);

		if (*letters == 'o' && letters[1])
			return arguments_list(o, letters + 1, NULL, why);
		if (*letters == 'o' && rest->at == rest->end)
			return failed(why, E_USAGE, "-o needs a value: -o NAME=VALUE,...");
		if (*letters == 'o')
			return arguments_list(o, *rest->at++, NULL, why);
		if (!row)
			return unknown("-", slice_make(letters, 1), why);
		e = option_set(o, row, NULL, why);
	}
	return e;
}

enum error arguments_word(struct arguments *a, const char *word, struct failure *why)
{
	if (a->count == ARGUMENTS_MOST_WORDS)
		return failed(why, E_USAGE, "too many words");
	a->words[a->count++] = word;
	return OK;
}

static enum error take_word(
    struct arguments *a, struct options *o, struct line *rest, struct failure *why)
{
	const char *word = *rest->at++;

	if (strncmp(word, "--", 2) == 0)
		return set_long(o, word + 2, rest, why);
	if (word[0] == '-' && word[1])
		return set_letters(o, word + 1, rest, why);
	return arguments_word(a, word, why);
}

enum error arguments_parse(
    struct arguments *a, struct options *o, int argc, char *const *argv, struct failure *why)
{
	struct line rest = {argv + (argc > 0), argv + argc};
	bool words_only = false;
	enum error e = OK;

	a->count = 0;
	while (rest.at < rest.end && !e && !o->help && !o->version) {
		if (words_only) {
			e = arguments_word(a, *rest.at++, why);
		} else if (strcmp(*rest.at, "--") == 0) {
			words_only = true;
			rest.at++;
		} else {
			e = take_word(a, o, &rest, why);
		}
	}
	return e;
}
