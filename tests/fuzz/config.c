/* config.h: the same rows however the file is read; each says what one of its lines says; what is
 * quoted is unquoted to what it was. */
#include <string.h>

#include "alloc.h"
#include "config.h"
#include "fuzz.h"

static enum error feed(struct config *c, struct slice in, size_t octets, struct failure *why)
{
	struct slice piece;
	enum error e = OK;

	while (!e && fuzz_piece(&in, octets, &piece))
		e = config_feed(c, piece, why);
	return e ? e : config_end(c, why);
}

static void is_trimmed(const char *text)
{
	struct slice s = slice_of(text);

	must(slice_trim(s).len == s.len);
}

static void look_at_row(const struct config *c, const struct config_row *row, struct buf *seen)
{
	must(row->key && row->key[0] && row->line > 0);
	must(!row->section || config_find(c, row->section));
	is_trimmed(row->key);
	is_trimmed(row->value);
	buf_printf(seen, "%u [%s] %s = %s\n", row->line, row->section ? row->section : "*",
	    row->key, row->value ? row->value : "(none)");
}

static void read_file(struct slice in, size_t octets, struct buf *seen)
{
	struct config c;
	struct failure why = {.code = OK};
	enum error e;

	config_init(&c, "FILE");
	e = feed(&c, in, octets, &why);
	must(e == why.code);
	must(!e || (e == E_CONFIG && strncmp(why.words, "FILE:", 5) == 0));
	buf_add_text(seen, why.words);
	for (size_t i = 0; i < c.count && !e; i++)
		look_at_row(&c, &c.rows[i], seen);
	for (size_t i = 0; i < c.section_count && !e; i++)
		buf_printf(seen, "[%s]\n", c.sections[i].name ? c.sections[i].name : "*");
	config_finish(&c);
}

static void quotes(const char *text)
{
	CLEANUP(freep) char *quoted = config_quote(text);
	CLEANUP(freep) char *back = config_unquote(quoted);
	CLEANUP(freep) char *bare = config_unquote(text);

	must(strpbrk(text, "\r\n") || slice_trim(slice_of(quoted)).len == strlen(quoted));
	must(back && strcmp(back, text) == 0);
	must(!bare || strlen(bare) <= strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(freep) char *text = xstrndup((const char *)octets, len);
	CLEANUP(buf_finish) struct buf whole = {0};
	struct slice in = fuzz_slice(octets, len);

	read_file(in, len, &whole);
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(buf_finish) struct buf seen = {0};

		read_file(in, fuzz_pieces[i], &seen);
		must(slice_equal(buf_slice(&seen), buf_slice(&whole)));
	}
	quotes(text);
	return 0;
}
