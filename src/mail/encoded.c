#include "encoded.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "charset.h"

#define PIECE 512 /* octets that iconv makes at a time */

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* ---- what comes out ---- */

struct text {
	struct buf *out;
	size_t end; /* out may have so many octets */
	bool full;
};

static struct text text_of(struct buf *out, size_t most)
{
	return (struct text){.out = out, .end = out->len + most};
}

static void put(struct text *t, const char *at, size_t len)
{
	t->full = t->full || len > t->end - t->out->len;
	if (!t->full)
		buf_add(t->out, at, len);
}

static void put_replacement(struct text *t)
{
	put(t, replacement, sizeof(replacement) - 1);
}

static bool is_between(char octet, unsigned low, unsigned high)
{
	return (unsigned char)octet >= low && (unsigned char)octet <= high;
}

/* Octets of the character that `s` begins with, by RFC 3629, 4; 0: it begins with none. */
static size_t character(struct slice s)
{
	static const struct {
		unsigned char first, last, low, high; /* the first octet; the second */
		size_t len;
	} rows[] = {
	    {0x00, 0x7F, 0, 0, 1},
	    {0xC2, 0xDF, 0x80, 0xBF, 2},
	    {0xE0, 0xE0, 0xA0, 0xBF, 3},
	    {0xE1, 0xEC, 0x80, 0xBF, 3},
	    {0xED, 0xED, 0x80, 0x9F, 3},
	    {0xEE, 0xEF, 0x80, 0xBF, 3},
	    {0xF0, 0xF0, 0x90, 0xBF, 4},
	    {0xF1, 0xF3, 0x80, 0xBF, 4},
	    {0xF4, 0xF4, 0x80, 0x8F, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!is_between(s.at[0], rows[i].first, rows[i].last))
			continue;
		if (s.len < rows[i].len)
			return 0;
		if (rows[i].len > 1 && !is_between(s.at[1], rows[i].low, rows[i].high))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if (!is_between(s.at[k], 0x80, 0xBF))
				return 0;
		return rows[i].len;
	}
	return 0;
}

/* Controls would do something to a terminal: those of ASCII, and U+0080 to U+009F. */
static bool is_control(struct slice character)
{
	char first = character.at[0];

	if (character.len == 1)
		return (is_between(first, 0, 0x1F) && first != '\t') || first == 0x7F;
	return character.len == 2 && is_between(first, 0xC2, 0xC2) &&
	       is_between(character.at[1], 0x80, 0x9F);
}

static void put_utf8(struct text *t, struct slice s)
{
	while (s.len > 0 && !t->full) {
		size_t len = character(s);

		if (len == 0 || is_control(slice_make(s.at, len)))
			put_replacement(t);
		else
			put(t, s.at, len);
		if (len == 0)
			len = 1;
		s = slice_make(s.at + len, s.len - len);
	}
}

/* ---- from a charset ---- */

/* One step: what iconv can make of the input before its output is full or something is wrong.
 * false: that was all. */
static bool convert_some(struct text *t, iconv_t how, struct slice *in)
{
	char piece[PIECE], *to = piece, *from = (char *)in->at;
	size_t room = sizeof(piece), left = in->len;
	bool end = in->len == 0;
	size_t result = iconv(how, end ? NULL : &from, end ? NULL : &left, &to, &room);
	int number = result == (size_t)-1 ? errno : 0;

	put_utf8(t, slice_make(piece, (size_t)(to - piece)));
	if (end)
		return false;
	*in = slice_make(from, left);
	if (number == EILSEQ || number == EINVAL) {
		put_replacement(t);
		*in =
		    number == EINVAL ? slice_make(from + left, 0) : slice_make(from + 1, left - 1);
	}
	return true;
}

static void put_charset(struct text *t, struct slice charset, struct slice octets)
{
	const char *as = charset_find(charset);
	iconv_t how = as ? iconv_open("UTF-8", as) : (iconv_t)-1;

	if (how == (iconv_t)-1) {
		put_utf8(t, octets);
		return;
	}
	while (!t->full && convert_some(t, how, &octets))
		;
	iconv_close(how);
}

/* ---- encoded words ---- */

struct word {
	struct slice charset, text;
	bool base64;
};

static bool is_blank(char octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

/* Takes what is before the next "?" off *s, with it; false: there is none. */
static bool take_part(struct slice *s, struct slice *part)
{
	const char *mark = s->len > 0 ? memchr(s->at, '?', s->len) : NULL;

	if (!mark)
		return false;
	*part = slice_make(s->at, (size_t)(mark - s->at));
	*s = slice_make(mark + 1, s->len - part->len - 1);
	return true;
}

/* RFC 2231, 5: a language may stand behind the charset. */
static struct slice without_language(struct slice charset)
{
	const char *star = charset.len > 0 ? memchr(charset.at, '*', charset.len) : NULL;

	return star ? slice_make(charset.at, (size_t)(star - charset.at)) : charset;
}

static bool has_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_blank(s.at[i]))
			return true;
	return false;
}

/* Takes an encoded word off the front of *s. Blanks in its text are against the law, and are
 * sent. */
static bool take_word(struct slice *s, struct word *w)
{
	struct slice rest = *s, encoding;

	if (rest.len < 2 || rest.at[0] != '=' || rest.at[1] != '?')
		return false;
	rest = slice_make(rest.at + 2, rest.len - 2);
	if (!take_part(&rest, &w->charset) || !take_part(&rest, &encoding) ||
	    !take_part(&rest, &w->text) || rest.len == 0 || rest.at[0] != '=')
		return false;
	w->base64 = slice_is_word(encoding, "B");
	if ((!w->base64 && !slice_is_word(encoding, "Q")) || has_blank(w->charset))
		return false;
	w->charset = without_language(w->charset);
	*s = slice_make(rest.at + 1, rest.len - 1);
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A word that was folded is unfolded. */
static void decode_quoted(struct buf *to, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char octet = (char)(s.at[i] == '_' ? ' ' : s.at[i]);

		if (octet == '\r' || octet == '\n')
			continue;
		if (octet == '=' && s.len - i > 2 && hex(s.at[i + 1]) >= 0 &&
		    hex(s.at[i + 2]) >= 0) {
			octet = (char)(hex(s.at[i + 1]) << 4 | hex(s.at[i + 2]));
			i += 2;
		}
		buf_add(to, &octet, 1);
	}
}

static int base64_value(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* What is no digit is passed over; bits that make no octet are padding. */
static void decode_base64(struct buf *to, struct slice s)
{
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < s.len && s.at[i] != '='; i++) {
		int value = base64_value(s.at[i]);
		char octet;

		if (value < 0)
			continue;
		bits = (bits << 6 | (unsigned)value) & 0xFFFF;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		octet = (char)(bits >> count);
		buf_add(to, &octet, 1);
	}
}

/* ---- words and what is between them ---- */

/* Words of one charset, decoded: a character may begin in one and end in the next. */
struct run {
	bool open;
	struct slice charset;
	struct buf octets;
};

static void run_finish(struct run *r)
{
	buf_finish(&r->octets);
}

static void run_end(struct run *r, struct text *t)
{
	if (r->open)
		put_charset(t, r->charset, buf_slice(&r->octets));
	r->open = false;
	buf_clear(&r->octets);
}

static bool same_word(struct slice a, struct slice b)
{
	return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static void run_add(struct run *r, struct text *t, const struct word *w)
{
	if (r->open && !same_word(r->charset, w->charset))
		run_end(r, t);
	r->open = true;
	r->charset = w->charset;
	if (w->base64)
		decode_base64(&r->octets, w->text);
	else
		decode_quoted(&r->octets, w->text);
}

static void skip_blanks(struct slice *s)
{
	while (s->len > 0 && is_blank(s->at[0]))
		*s = slice_make(s->at + 1, s->len - 1);
}

/* Up to the next octet that may begin an encoded word; the first one never counts. */
static struct slice take_text(struct slice *s)
{
	const char *mark = s->len > 1 ? memchr(s->at + 1, '=', s->len - 1) : NULL;
	struct slice text = mark ? slice_make(s->at, (size_t)(mark - s->at)) : *s;

	*s = slice_make(s->at + text.len, s->len - text.len);
	return text;
}

/* Unfolded: without its line ends. */
static void put_lines(struct text *t, struct slice s)
{
	while (s.len > 0 && !t->full) {
		size_t len = 0;

		while (len < s.len && s.at[len] != '\r' && s.at[len] != '\n')
			len++;
		put_utf8(t, slice_make(s.at, len));
		while (len < s.len && (s.at[len] == '\r' || s.at[len] == '\n'))
			len++;
		s = slice_make(s.at + len, s.len - len);
	}
}

void encoded_decode(struct buf *out, struct slice value, size_t most)
{
	CLEANUP(run_finish) struct run run = {.open = false};
	struct text t = text_of(out, most);
	struct word w;

	while (value.len > 0 && !t.full) {
		struct slice ahead = value;

		if (run.open)
			skip_blanks(&ahead); /* between two words they do not count */
		if (take_word(&ahead, &w)) {
			run_add(&run, &t, &w);
			value = ahead;
		} else {
			run_end(&run, &t);
			put_lines(&t, take_text(&value));
		}
	}
	run_end(&run, &t);
}

void encoded_plain(struct buf *out, struct slice value, size_t most)
{
	struct text t = text_of(out, most);

	put_lines(&t, value);
}
