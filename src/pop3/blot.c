#include "blot.h"

#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "buf.h"

#define GROUP_IN  3 /* octets that base64 makes ... */
#define GROUP_OUT 4 /* ... so many of */

/* The text as it came, and where it is to be blotted: places may overlap. */
struct blots {
	struct slice text;
	char *stars;
};

static void mark(struct blots *b, size_t at, size_t octets)
{
	memset(b->stars + at, '*', octets);
}

/* Its beginning, where the text ends within it. */
static void find_cut(struct blots *b, struct slice what)
{
	size_t octets = what.len < b->text.len ? what.len : b->text.len;

	for (; octets >= BLOT_LEAST; octets--) {
		size_t at = b->text.len - octets;

		if (memcmp(b->text.at + at, what.at, octets) == 0)
			mark(b, at, octets);
	}
}

static void find(struct blots *b, struct slice what)
{
	size_t piece = what.len < BLOT_PIECE ? what.len : BLOT_PIECE;

	for (size_t at = 0; piece > 0 && at + piece <= b->text.len; at++)
		if (memmem(what.at, what.len, b->text.at + at, piece))
			mark(b, at, piece);
	find_cut(b, what);
}

/* Base64 of it where so many octets stand before it in its group: that is, the characters that
 * depend on nothing but the secret. */
static void find_base64(struct blots *b, struct slice secret, size_t before)
{
	CLEANUP(buf_wipe) struct buf octets = {.len = 0}, coded = {.len = 0};
	size_t whole = (before + secret.len) / GROUP_IN * GROUP_OUT;
	size_t from = before ? GROUP_OUT : 0;

	buf_add(&octets, "\0\0", before);
	buf_add_slice(&octets, secret);
	base64_add(&coded, buf_slice(&octets));
	if (whole > from)
		find(b, slice_make(buf_at(&coded) + from, whole - from));
}

void blot_secret(char *text, size_t len, const struct secret *secret)
{
	struct slice octets = secret_octets(secret);
	CLEANUP(freep) char *stars = NULL;
	struct blots b = {.text = slice_make(text, len)};

	if (octets.len < BLOT_LEAST)
		return;
	b.stars = stars = xzalloc(len + 1);
	find(&b, octets);
	for (size_t before = 0; before < GROUP_IN; before++)
		find_base64(&b, octets, before);
	for (size_t i = 0; i < len; i++)
		if (stars[i])
			text[i] = '*';
}
