/* encoded.h: what comes out is UTF-8 without controls, no longer than it may be, and what a shorter
 * one is cut from. */
#include <string.h>

#include "alloc.h"
#include "encoded.h"
#include "fuzz.h"

#define MOST 1000

typedef void decoder(struct buf *out, struct slice value, size_t most);

/* Octets of the character that `s` begins with, told by its number (RFC 3629, 3); 0: none. */
static size_t character(struct slice s, uint32_t *number)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.at[0];
	size_t len = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

	if (len == 0 || len > s.len || first > 0xF7)
		return 0;
	*number = len == 1 ? first : first & (0x7FU >> len);
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s.at[i] & 0xC0) != 0x80)
			return 0;
		*number = *number << 6 | ((unsigned char)s.at[i] & 0x3F);
	}
	if (*number < least[len] || *number > 0x10FFFF || (*number >= 0xD800 && *number < 0xE000))
		return 0;
	return len;
}

static void is_text(struct slice s)
{
	while (s.len > 0) {
		uint32_t number;
		size_t len = character(s, &number);

		must(len > 0);
		must(number >= 0x20 || number == '\t');
		must(number < 0x7F || number > 0x9F);
		s = slice_make(s.at + len, s.len - len);
	}
}

static void is_cut(decoder *decode, struct slice value, struct slice whole)
{
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(buf_finish) struct buf b = {0};

		decode(&b, value, fuzz_pieces[i]);
		must(b.len <= fuzz_pieces[i] && b.len <= whole.len);
		must(b.len == 0 || memcmp(buf_at(&b), whole.at, b.len) == 0);
		must(b.len == whole.len || whole.len > fuzz_pieces[i]);
		is_text(buf_slice(&b));
	}
}

static void decoded(decoder *decode, struct slice value)
{
	CLEANUP(buf_finish) struct buf b = {0}, again = {0};
	struct slice text;

	buf_add_text(&b, "\xFF");
	decode(&b, value, MOST);
	must(*buf_at(&b) == '\xFF');
	buf_take(&b, 1);
	text = buf_slice(&b);
	must(text.len <= MOST);
	is_text(text);
	is_cut(decode, value, text);
	encoded_plain(&again, text, MOST);
	must(slice_equal(buf_slice(&again), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	decoded(encoded_decode, fuzz_slice(octets, len));
	decoded(encoded_plain, fuzz_slice(octets, len));
	return 0;
}
