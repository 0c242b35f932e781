#include "netrc.h"

#include <string.h>

#include "alloc.h"

/* A word longer than this is no host, user or password, and the file is no netrc. */
#define LONGEST_WORD 4096

enum keyword { NONE, MACHINE, DEFAULT, LOGIN, PASSWORD, ACCOUNT, MACDEF };

static const char *const keywords[] = {
    [MACHINE] = "machine",
    [DEFAULT] = "default",
    [LOGIN] = "login",
    [PASSWORD] = "password",
    [ACCOUNT] = "account",
    [MACDEF] = "macdef",
};

void netrc_init(struct netrc *n, const char *host, const char *user)
{
	*n = (struct netrc){.host = host, .user = user, .line = 1};
}

void netrc_finish(struct netrc *n)
{
	buf_wipe(&n->word);
	buf_wipe(&n->password);
}

static void wrong(struct netrc *n, const char *what)
{
	if (!n->failure.code)
		failed(&n->failure, E_SECRET, "line %u %s", n->line, what);
}

/* ---- entries ---- */

/* The entry has come to its end: whether it was the one. */
static void end_entry(struct netrc *n)
{
	if (n->applies && !n->other_login && n->has_password)
		n->found = true;
	else
		buf_wipe(&n->password);
	n->applies = n->other_login = n->has_password = false;
}

static enum keyword keyword_of(struct slice word)
{
	for (size_t i = MACHINE; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (slice_is(word, keywords[i]))
			return (enum keyword)i;
	return NONE;
}

static void take_keyword(struct netrc *n, struct slice word)
{
	enum keyword k = keyword_of(word);

	if (k == NONE)
		wrong(n, "has a word that is none of machine, default, login, password, account "
			 "and macdef");
	if (k == MACHINE || k == DEFAULT)
		end_entry(n);
	n->applies = n->applies || k == DEFAULT;
	n->value_of = k == DEFAULT ? NONE : (int)k;
}

static void take_value(struct netrc *n, struct slice word)
{
	enum keyword k = (enum keyword)n->value_of;

	n->value_of = NONE;
	if (k == MACHINE) {
		n->applies = slice_is_word(word, n->host);
	} else if (k == LOGIN) {
		n->other_login = !slice_is(word, n->user);
	} else if (k == PASSWORD) {
		buf_wipe(&n->password);
		buf_add_slice(&n->password, word);
		n->has_password = true;
	} else if (k == MACDEF) {
		n->macro_ends = 1;
	}
}

/* ---- words ---- */

static void end_word(struct netrc *n)
{
	struct slice word = buf_slice(&n->word);

	if (!n->in_word || n->found)
		return;
	if (n->value_of == NONE)
		take_keyword(n, word);
	else
		take_value(n, word);
	n->in_word = false;
	buf_wipe(&n->word);
}

static void add(struct netrc *n, char octet)
{
	n->in_word = true;
	if (n->word.len == LONGEST_WORD)
		wrong(n, "has a word that does not end");
	else
		buf_add(&n->word, &octet, 1);
}

static bool is_blank(char octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

/* A macro goes on to an empty line: two line ends in a row. The first line is the rest of its
 * name's. */
static void take_of_macro(struct netrc *n, char octet)
{
	if (octet == '\n' && n->macro_ends == 2)
		n->macro_ends = 0;
	else if (octet == '\n')
		n->macro_ends = 2;
	else if (octet != '\r')
		n->macro_ends = 1;
}

static void take_of_word(struct netrc *n, char octet)
{
	if (n->escaped) {
		n->escaped = false;
		add(n, octet);
	} else if (octet == '\\') {
		n->escaped = n->in_word = true;
	} else if (octet == '"') {
		n->quoted = !n->quoted;
		n->in_word = true;
	} else if (n->quoted && octet == '\n') {
		wrong(n, "has a quote that does not end");
	} else if (n->quoted || !is_blank(octet)) {
		add(n, octet);
	} else {
		end_word(n);
	}
}

static void take_octet(struct netrc *n, char octet)
{
	bool begins = !n->in_word && n->value_of == NONE;

	if (n->macro_ends > 0)
		take_of_macro(n, octet);
	else if (n->in_comment)
		n->in_comment = octet != '\n';
	else if (begins && octet == '#')
		n->in_comment = true;
	else
		take_of_word(n, octet);
	/* the line end behind a macro's name was taken as the end of that word */
	if (n->macro_ends == 1 && octet == '\n')
		n->macro_ends = 2;
	if (octet == '\n')
		n->line++;
}

void netrc_feed(struct netrc *n, struct slice octets)
{
	for (size_t i = 0; i < octets.len && !n->failure.code && !n->found; i++)
		take_octet(n, octets.at[i]);
}

enum error netrc_end(struct netrc *n, struct buf *password, struct failure *why)
{
	if (!n->found && (n->quoted || n->escaped))
		wrong(n, "has a quote that does not end");
	if (!n->failure.code)
		end_word(n);
	if (!n->found && !n->failure.code && n->value_of != NONE)
		wrong(n, "ends behind a word that wants another");
	if (!n->found && !n->failure.code)
		end_entry(n);
	if (n->failure.code)
		return failed(why, E_SECRET, "%s", n->failure.words);
	if (!n->found)
		return failed(why, E_SECRET, "there is no password of %s on %s", n->user, n->host);
	buf_add_slice(password, buf_slice(&n->password));
	return OK;
}
