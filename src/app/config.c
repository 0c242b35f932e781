#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define LONGEST_LINE 8192
#define MOST_ROWS    10000

void config_init(struct config *c, const char *path)
{
	*c = (struct config){.path = path};
}

static void free_wiped(char *text)
{
	if (text)
		wipe(text, strlen(text));
	free(text);
}

void config_finish(struct config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->rows[i].section);
		free(c->rows[i].key);
		free_wiped(c->rows[i].value);
	}
	for (size_t i = 0; i < c->section_count; i++)
		free(c->sections[i].name);
	free(c->rows);
	free(c->sections);
	buf_wipe(&c->line);
	*c = (struct config){.path = NULL};
}

static enum error wrong(const struct config *c, const char *what, struct failure *why)
{
	return failed(why, E_CONFIG, "%s:%u: %s", c->path, c->number, what);
}

const struct config_section *config_find(const struct config *c, const char *section)
{
	for (size_t i = 0; i < c->section_count; i++)
		if (c->sections[i].name && strcmp(c->sections[i].name, section) == 0)
			return &c->sections[i];
	return NULL;
}

/* ---- lines ---- */

static void add_section(struct config *c, char *name)
{
	c->sections = xreallocarray(c->sections, c->section_count + 1, sizeof(*c->sections));
	c->sections[c->section_count++] = (struct config_section){name, c->number};
}

/* "[work]", "[*]". A name with an "@" would be a SOURCE by itself. */
static enum error take_section(struct config *c, struct slice line, struct failure *why)
{
	CLEANUP(freep) char *name = NULL;
	struct slice inside;

	if (line.at[line.len - 1] != ']')
		return wrong(c, "a section is written [NAME]", why);
	inside = slice_trim(slice_make(line.at + 1, line.len - 2));
	name = xstrndup(inside.at, inside.len);
	if (inside.len == 0 || strpbrk(name, "[]@/"))
		return wrong(c, "a section has a name without any of @ / [ ]", why);
	if (config_find(c, name))
		return wrong(c, "a section of this name has been before", why);
	if (strcmp(name, "*") == 0)
		add_section(c, NULL);
	else
		add_section(c, take(&name));
	return OK;
}

static enum error take_row(struct config *c, struct slice line, struct failure *why)
{
	const char *equals = memchr(line.at, '=', line.len);
	const char *section = c->section_count ? c->sections[c->section_count - 1].name : NULL;
	struct config_row *row;
	struct slice key = line, value = {0};

	if (equals) {
		key = slice_trim(slice_make(line.at, (size_t)(equals - line.at)));
		value =
		    slice_trim(slice_make(equals + 1, (size_t)(line.at + line.len - equals - 1)));
	}
	if (key.len == 0)
		return wrong(c, "there is no name before the =", why);
	if (c->count == MOST_ROWS)
		return wrong(c, "there are too many lines", why);
	c->rows = xreallocarray(c->rows, c->count + 1, sizeof(*c->rows));
	row = &c->rows[c->count++];
	*row = (struct config_row){.line = c->number};
	row->section = section ? xstrdup(section) : NULL;
	row->key = xstrndup(key.at, key.len);
	row->value = equals ? xstrndup(value.len ? value.at : "", value.len) : NULL;
	return OK;
}

static bool has_control(struct slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (slice_has_control(slice_make(&line.at[i], 1)) && line.at[i] != '\t')
			return true;
	return false;
}

static enum error take_line(struct config *c, struct failure *why)
{
	struct slice line = slice_trim(buf_slice(&c->line));
	enum error e = OK;

	c->number++;
	if (has_control(line))
		return wrong(c, "there is a control character", why);
	if (line.len > 0 && line.at[0] == '[')
		e = take_section(c, line, why);
	else if (line.len > 0 && line.at[0] != '#' && line.at[0] != ';')
		e = take_row(c, line, why);
	buf_wipe(&c->line);
	return e;
}

static enum error add(struct config *c, struct slice piece, struct failure *why)
{
	if (c->line.len + piece.len > LONGEST_LINE) {
		c->number++;
		return wrong(c, "the line is too long", why);
	}
	buf_add_slice(&c->line, piece);
	return OK;
}

enum error config_feed(struct config *c, struct slice octets, struct failure *why)
{
	enum error e = OK;

	while (octets.len > 0 && !e) {
		const char *newline = memchr(octets.at, '\n', octets.len);
		size_t len = newline ? (size_t)(newline - octets.at) : octets.len;

		e = add(c, slice_make(octets.at, len), why);
		if (!e && newline)
			e = take_line(c, why);
		len += newline != NULL;
		octets = slice_make(octets.at + len, octets.len - len);
	}
	return e;
}

enum error config_end(struct config *c, struct failure *why)
{
	return c->line.len > 0 ? take_line(c, why) : OK;
}

/* ---- quotes ---- */

char *config_unquote(const char *value)
{
	size_t len = strlen(value), to = 0;
	char *text = xstrdup(value);

	if (value[0] != '"')
		return text;
	for (size_t i = 1; i < len; i++) {
		if (value[i] == '"' && i + 1 == len) {
			text[to] = '\0';
			return text;
		}
		if (value[i] == '"')
			break;
		if (value[i] == '\\' && (value[i + 1] == '"' || value[i + 1] == '\\'))
			i++;
		text[to++] = value[i];
	}
	free_wiped(text);
	return NULL;
}

char *config_quote(const char *value)
{
	size_t len = strlen(value);
	struct buf quoted = {.len = 0};

	if (len > 0 && !strchr(" \t\"", value[0]) && !strchr(" \t", value[len - 1]))
		return xstrdup(value);
	buf_add_text(&quoted, "\"");
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_add_text(&quoted, "\\");
		buf_add(&quoted, value, 1);
	}
	buf_add_text(&quoted, "\"");
	buf_text(&quoted);
	return quoted.memory; /* nothing was taken from its front */
}
