#include "header.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "date.h"

#define A_DAY 86400 /* how wrong a clock may be */

static const char *const notes[] = {
    "Status", "X-Status", "X-UID", "X-UIDL", "X-IMAPbase", "X-Keywords"};

#define NOTES (sizeof(notes) / sizeof(notes[0]))

/* A text's lines, one after the other. */
struct lines {
	struct slice rest;
	bool crlf;
};

static struct lines lines_of(struct slice text)
{
	const char *lf = text.len ? memchr(text.at, '\n', text.len) : NULL;

	return (struct lines){text, lf && lf > text.at && lf[-1] == '\r'};
}

/* Octets up to and including the next line's end. */
static size_t line_octets(const struct lines *l)
{
	const char *at = l->rest.at, *end = at + l->rest.len, *lf = at;

	while ((lf = memchr(lf, '\n', (size_t)(end - lf)))) {
		lf++;
		if (!l->crlf || (lf - at > 1 && lf[-2] == '\r'))
			return (size_t)(lf - at);
	}
	return l->rest.len;
}

/* Sets *line to the next line without its end; false: there is none. Some servers send CR CR LF:
 * all CRs at the end belong to it. */
static bool next_line(struct lines *l, struct slice *line)
{
	size_t octets;

	if (l->rest.len == 0)
		return false;
	octets = line_octets(l);
	*line = slice_make(l->rest.at, octets);
	l->rest = slice_make(l->rest.at + octets, l->rest.len - octets);
	if (line->at[line->len - 1] == '\n')
		line->len--;
	while (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool is_folded(struct slice line)
{
	return line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t');
}

/* Sets *field to the next field with all its lines; false: the header ends here. */
static bool next_field(struct lines *l, struct slice *field)
{
	struct lines ahead = *l;
	const char *start = l->rest.at;
	struct slice line;

	if (!next_line(&ahead, &line) || line.len == 0)
		return false;
	do
		*l = ahead;
	while (next_line(&ahead, &line) && is_folded(line));
	*field = slice_make(start, (size_t)(l->rest.at - start));
	return true;
}

static bool is_named(struct slice field, const char *name, struct slice *value)
{
	size_t len = strlen(name);

	if (!slice_starts_word(field, name))
		return false;
	while (len < field.len && (field.at[len] == ' ' || field.at[len] == '\t'))
		len++;
	if (len == field.len || field.at[len] != ':')
		return false;
	*value = slice_trim(slice_make(field.at + len + 1, field.len - len - 1));
	return true;
}

/* A LF: does it end a line, and is that the blank one? */
static void scan_end(struct header_scan *scan)
{
	if (!scan->known)
		scan->crlf = scan->cr;
	scan->known = true;
	if (scan->crlf && !scan->cr) {
		scan->text = true; /* a bare one, of the line */
		return;
	}
	scan->ended = !scan->text;
	scan->text = scan->cr = false;
}

size_t header_scan(struct header_scan *scan, struct slice piece)
{
	size_t i = 0;

	for (; i < piece.len && !scan->ended; i++) {
		char octet = piece.at[i];

		if (octet == '\n') {
			scan_end(scan);
			continue;
		}
		scan->cr = octet == '\r';
		scan->text = scan->text || !scan->cr;
	}
	return i;
}

size_t header_length(struct slice text)
{
	struct header_scan scan = {.ended = false};

	return header_scan(&scan, text);
}

bool header_field(struct slice header, const char *name, struct slice *value)
{
	struct lines l = lines_of(header);
	struct slice field;

	while (next_field(&l, &field))
		if (is_named(field, name, value))
			return true;
	return false;
}

/* What stands behind the last ";" of a Received field, which no comment and no quoted string
 * holds. */
static struct slice behind_semicolon(struct slice value)
{
	struct slice behind = slice_make(value.at, 0);
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < value.len; i++) {
		char octet = value.at[i];

		if (octet == '\\' && (quoted || depth > 0))
			i++;
		else if (octet == '"' && depth == 0)
			quoted = !quoted;
		else if (octet == '(' && !quoted)
			depth++;
		else if (octet == ')' && !quoted && depth > 0)
			depth--;
		else if (octet == ';' && !quoted && depth == 0)
			behind = slice_make(value.at + i + 1, value.len - i - 1);
	}
	return behind;
}

/* Where quotes or parentheses are left open, the last ";" of all may do. */
static bool received_date(struct slice value, int64_t *when)
{
	const char *last;

	if (date_parse(behind_semicolon(value), when))
		return true;
	last = value.len ? memrchr(value.at, ';', value.len) : NULL;
	return last &&
	       date_parse(slice_make(last + 1, (size_t)(value.at + value.len - last - 1)), when);
}

static bool is_believed(int64_t date, int64_t now)
{
	return date >= 0 && date <= now + A_DAY;
}

bool header_received(struct slice header, int64_t now, int64_t *when)
{
	struct lines l = lines_of(header);
	struct slice field, value;
	int64_t date;

	while (next_field(&l, &field))
		if (is_named(field, "Received", &value) && received_date(value, &date) &&
		    is_believed(date, now)) {
			*when = date;
			return true;
		}
	if (!header_field(header, "Date", &value) || !date_parse(value, &date) ||
	    !is_believed(date, now))
		return false;
	*when = date;
	return true;
}

/* A header's lines without the server's notes. */
struct kept {
	struct lines lines;
	bool in_note;
	bool whole; /* the blank line was seen */
};

static struct kept kept_of(struct slice header)
{
	return (struct kept){.lines = lines_of(header)};
}

static bool is_note(struct slice line)
{
	struct slice value;

	for (size_t i = 0; i < NOTES; i++)
		if (is_named(line, notes[i], &value))
			return true;
	return false;
}

static bool next_kept(struct kept *k, struct slice *line)
{
	while (!k->whole && next_line(&k->lines, line)) {
		if (line->len == 0) {
			k->whole = true;
			return false;
		}
		if (!is_folded(*line))
			k->in_note = is_note(*line);
		if (!k->in_note)
			return true;
	}
	return false;
}

/* Like memory: a machine without SHA-256 is none to go on with. */
static void must(int good)
{
	if (good != 1)
		abort();
}

void header_digest(struct slice header, unsigned char out[HEADER_DIGEST_OCTETS])
{
	struct kept k = kept_of(header);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	struct slice line;

	must(hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL));
	while (next_kept(&k, &line)) {
		must(EVP_DigestUpdate(hash, line.at, line.len));
		must(EVP_DigestUpdate(hash, "\r\n", 2));
	}
	must(EVP_DigestFinal_ex(hash, out, NULL));
	EVP_MD_CTX_free(hash);
}

/* Whether `line`, the last of a cut header, may be the beginning of `other`, or of a note. */
static bool may_begin(const struct kept *k, struct slice line, struct slice other)
{
	if (k->lines.rest.len > 0)
		return false;
	if (line.len <= other.len && memcmp(line.at, other.at, line.len) == 0)
		return true;
	for (size_t i = 0; i < NOTES; i++)
		if (line.len <= strlen(notes[i]) && strncasecmp(line.at, notes[i], line.len) == 0)
			return true;
	return false;
}

bool header_same(struct slice a, struct slice b)
{
	struct kept ka = kept_of(a), kb = kept_of(b);
	struct slice la, lb;
	bool more_a, more_b, any = false;

	for (;;) {
		more_a = next_kept(&ka, &la);
		more_b = next_kept(&kb, &lb);
		if (!more_a || !more_b)
			break;
		if (!slice_equal(la, lb))
			return any && (may_begin(&ka, la, lb) || may_begin(&kb, lb, la));
		any = true;
	}
	if (more_a)
		return any && (!kb.whole || may_begin(&ka, la, slice_of("")));
	if (more_b)
		return any && (!ka.whole || may_begin(&kb, lb, slice_of("")));
	return any;
}
