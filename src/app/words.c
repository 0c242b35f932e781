#include "words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"

#define FOR_A_SHELL        "|&;<>()$`" /* bare, these would ask for one */
#define FOR_A_SHELL_QUOTED "$`"        /* between double quotes */

enum quote { BARE, SINGLE, DOUBLE };

struct splitter {
	enum quote quote; /* where we are */
	bool in_word;
	struct buf word;
	char **words;
	size_t count;
};

static void end_word(struct splitter *s)
{
	if (!s->in_word)
		return;
	s->words = xreallocarray(s->words, s->count + 2, sizeof(*s->words));
	s->words[s->count++] = xstrdup(buf_text(&s->word));
	s->words[s->count] = NULL;
	buf_clear(&s->word);
	s->in_word = false;
}

static void add(struct splitter *s, char octet)
{
	buf_add(&s->word, &octet, 1);
	s->in_word = true;
}

static bool asks_for_a_shell(const struct splitter *s, char octet)
{
	if (s->quote == BARE)
		return strchr(FOR_A_SHELL, octet) || (octet == '~' && !s->in_word);
	return s->quote == DOUBLE && strchr(FOR_A_SHELL_QUOTED, octet);
}

/* Takes one octet; `next` is the one behind it. Returns how many it took, 0 for what it will not
 * do. */
static size_t take_octet(struct splitter *s, char octet, char next)
{
	if (asks_for_a_shell(s, octet))
		return 0;
	if (octet == '\\' && s->quote != SINGLE) {
		if (!next)
			return 0;
		if (s->quote == DOUBLE && !strchr("\"\\$`", next))
			add(s, octet);
		add(s, next);
		return 2;
	}
	if ((octet == '\'' && s->quote != DOUBLE) || (octet == '"' && s->quote != SINGLE)) {
		s->quote = s->quote != BARE ? BARE : octet == '"' ? DOUBLE : SINGLE;
		s->in_word = true;
	} else if (s->quote == BARE && (octet == ' ' || octet == '\t')) {
		end_word(s);
	} else {
		add(s, octet);
	}
	return 1;
}

static enum error cut(
    struct splitter *s, const char *name, const char *command, struct failure *why)
{
	size_t took;

	for (const char *at = command; *at; at += took) {
		took = take_octet(s, at[0], at[1]);
		if (took == 0 && at[0] == '\\')
			return failed(why, E_USAGE, "%s ends in a backslash", name);
		if (took == 0)
			return failed(why, E_USAGE,
			    "%s is run without a shell: quote the %c, or write sh -c '...'", name,
			    at[0]);
	}
	if (s->quote != BARE)
		return failed(why, E_USAGE, "%s has a quote that does not end", name);
	end_word(s);
	return s->words ? OK : failed(why, E_USAGE, "%s names no command", name);
}

char **words_split(const char *name, const char *command, struct failure *why)
{
	struct splitter s = {.quote = BARE};

	if (cut(&s, name, command, why)) {
		words_free(s.words);
		s.words = NULL;
	}
	buf_finish(&s.word);
	return s.words;
}

void words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}
