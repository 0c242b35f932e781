#include "reply.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define BLANKS       " \t"
#define LONGEST_WORD 60
#define MOST_DAYS    INT32_MAX /* of EXPIRE; more is no number */
#define MOST_SECONDS INT32_MAX /* of LOGIN-DELAY */

static bool is_blank(char octet)
{
	return octet == ' ' || octet == '\t';
}

static struct slice behind(struct slice s, size_t octets)
{
	return slice_make(s.at + octets, s.len - octets);
}

static struct slice skip_blanks(struct slice s)
{
	while (s.len > 0 && is_blank(s.at[0]))
		s = behind(s, 1);
	return s;
}

/* Whether `s` is the word, or begins with it and a blank. */
static bool begins(struct slice s, const char *word)
{
	size_t len = strlen(word);

	return slice_starts_word(s, word) && (s.len == len || is_blank(s.at[len]));
}

/* Codes have levels, divided by "/", and whoever does not know the lower one goes by the upper
 * ones (RFC 2449, 8): [SYS/TEMP/DISK] is [SYS/TEMP]. */
static enum reply_code code_of(struct slice name)
{
	static const struct {
		const char *name;
		enum reply_code code;
	} codes[] = {
	    {"IN-USE", CODE_IN_USE},
	    {"LOGIN-DELAY", CODE_LOGIN_DELAY},
	    {"SYS/TEMP", CODE_SYS_TEMP},
	    {"SYS/PERM", CODE_SYS_PERM},
	    {"AUTH", CODE_AUTH},
	    {"UTF8", CODE_UTF8},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		size_t len = strlen(codes[i].name);

		if (slice_starts_word(name, codes[i].name) &&
		    (name.len == len || name.at[len] == '/'))
			return codes[i].code;
	}
	return CODE_OTHER;
}

/* Takes "[CODE arguments]" off the front of *text. Brackets that do not close, or hold nothing, are
 * text. */
static enum reply_code take_code(struct slice *text)
{
	const char *close;
	struct slice inside, name;

	if (text->len == 0 || text->at[0] != '[')
		return CODE_NONE;
	close = memchr(text->at, ']', text->len);
	if (!close)
		return CODE_NONE;
	inside = slice_make(text->at + 1, (size_t)(close - text->at) - 1);
	name = slice_token(&inside, BLANKS);
	if (name.len == 0)
		return CODE_NONE;
	*text = slice_trim(behind(*text, (size_t)(close - text->at) + 1));
	return code_of(name);
}

struct reply_status reply_status(struct slice line)
{
	static const struct {
		const char *word;
		enum reply_sign sign;
	} signs[] = {{"+OK", REPLY_OK}, {"-ERR", REPLY_ERR}, {"+", REPLY_CONTINUE}};
	struct reply_status s = {.sign = REPLY_NEITHER, .text = slice_trim(line)};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (!begins(line, signs[i].word))
			continue;
		s.sign = signs[i].sign;
		s.text = slice_trim(behind(line, strlen(signs[i].word)));
		if (s.sign != REPLY_CONTINUE)
			s.code = take_code(&s.text);
		break;
	}
	return s;
}

static bool is_plain_word(struct slice s)
{
	if (s.len == 0 || s.len > LONGEST_WORD)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char o = s.at[i];

		if (!(o >= 'A' && o <= 'Z') && !(o >= 'a' && o <= 'z') && !(o >= '0' && o <= '9') &&
		    o != '-' && o != '_')
			return false;
	}
	return true;
}

static bool holds(const char *words, const char *word)
{
	char spaced[LONGEST_WORD + 3];

	snprintf(spaced, sizeof(spaced), " %s ", word);
	return strstr(words, spaced) != NULL;
}

/* Adds a word, in capitals, to a list of them that has this room; what is no plain word, or known
 * already, or too much is passed over. */
static void add_word(char *words, size_t room, struct slice name)
{
	size_t used = strlen(words);
	char word[LONGEST_WORD + 1] = "";

	if (!is_plain_word(name))
		return;
	for (size_t i = 0; i < name.len; i++)
		word[i] = (char)(name.at[i] >= 'a' && name.at[i] <= 'z' ? name.at[i] - 'a' + 'A'
									: name.at[i]);
	if (holds(words, word) || used + name.len + 3 > room)
		return;
	snprintf(words + used, room - used, "%s%s ", used ? "" : " ", word);
}

static void add_expire(struct capabilities *c, struct slice days)
{
	uint64_t number = 0;
	bool never = slice_is_word(days, "NEVER");

	if (!never && !slice_number(days, MOST_DAYS, &number))
		return;
	if (!c->expire || (!never && (c->expire_days < 0 || (int64_t)number < c->expire_days)))
		c->expire_days = never ? -1 : (int64_t)number;
	c->expire = true;
}

static void add_login_delay(struct capabilities *c, struct slice seconds)
{
	uint64_t number;

	if (!slice_number(seconds, MOST_SECONDS, &number))
		return;
	if (!c->login_delay || (int64_t)number > c->login_delay_s)
		c->login_delay_s = (int64_t)number;
	c->login_delay = true;
}

static bool set_flag(struct capabilities *c, struct slice word)
{
#define FLAG(name, field)                                                                          \
	{                                                                                          \
		name, offsetof(struct capabilities, field)                                         \
	}
	static const struct {
		const char *name;
		size_t field;
	} flags[] = {
	    FLAG("TOP", top),
	    FLAG("UIDL", uidl),
	    FLAG("USER", user),
	    FLAG("STLS", stls),
	    FLAG("RESP-CODES", resp_codes),
	    FLAG("AUTH-RESP-CODE", auth_resp_code),
	    FLAG("PIPELINING", pipelining),
	    FLAG("UTF8", utf8),
	    FLAG("APOP", apop),
	};
#undef FLAG

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (slice_is_word(word, flags[i].name)) {
			*(bool *)((char *)c + flags[i].field) = true;
			return true;
		}
	}
	return false;
}

void capabilities_line(struct capabilities *c, struct slice line)
{
	struct slice word = slice_token(&line, BLANKS);
	struct slice rest = line;
	struct slice argument = slice_token(&line, BLANKS);

	if (set_flag(c, word)) {
		if (slice_is_word(word, "UTF8") && slice_is_word(argument, "USER"))
			c->utf8_user = true;
	} else if (slice_is_word(word, "SASL")) {
		for (; argument.len > 0; argument = slice_token(&line, BLANKS))
			add_word(c->sasl, sizeof(c->sasl), argument);
	} else if (slice_is_word(word, "EXPIRE")) {
		add_expire(c, argument);
	} else if (slice_is_word(word, "LOGIN-DELAY")) {
		add_login_delay(c, argument);
	} else if (slice_is_word(word, "IMPLEMENTATION")) {
		log_escape(c->implementation, sizeof(c->implementation), slice_trim(rest));
	} else {
		add_word(c->others, sizeof(c->others), word);
	}
}

bool capabilities_sasl(const struct capabilities *c, const char *mechanism)
{
	return holds(c->sasl, mechanism);
}

bool capabilities_other(const struct capabilities *c, const char *word)
{
	return holds(c->others, word);
}

/* Takes a message's number off the front of *line, and the "+OK" that some servers repeat before
 * it. */
static bool take_number(struct slice *line, uint32_t *number)
{
	struct slice rest = skip_blanks(*line);
	uint64_t value;

	if (rest.len > 0 && rest.at[0] == '+' && begins(rest, "+OK")) /* a listing is long */
		rest = behind(rest, strlen("+OK"));
	if (!slice_number(slice_token(&rest, BLANKS), REPLY_HIGHEST_NUMBER, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	*line = rest;
	return true;
}

bool reply_list(struct slice line, uint32_t *number, uint64_t *octets)
{
	uint32_t n;

	if (!take_number(&line, &n) ||
	    !slice_number(slice_token(&line, BLANKS), REPLY_LARGEST_SIZE, octets))
		return false;
	*number = n;
	return true;
}

bool reply_uidl(struct slice line, uint32_t *number, struct slice *uidl)
{
	if (!take_number(&line, number))
		return false;
	line = skip_blanks(line);
	while (line.len > 0 && (is_blank(line.at[line.len - 1]) || line.at[line.len - 1] == '\r'))
		line.len--;
	*uidl = line;
	return true;
}

bool reply_stat(struct slice text, uint64_t *count)
{
	return slice_number(slice_token(&text, BLANKS), REPLY_HIGHEST_NUMBER, count);
}
