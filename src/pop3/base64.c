#include "base64.h"

#include <string.h>

#include "alloc.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *out, struct slice in)
{
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		unsigned a = (unsigned char)in.at[i];
		unsigned b = left > 1 ? (unsigned char)in.at[i + 1] : 0;
		unsigned c = left > 2 ? (unsigned char)in.at[i + 2] : 0;
		char four[] = {digits[a >> 2], digits[(a & 3) << 4 | b >> 4],
		    (char)(left > 1 ? digits[(b & 15) << 2 | c >> 6] : '='),
		    (char)(left > 2 ? digits[c & 63] : '=')};

		buf_add(out, four, sizeof(four));
		wipe(four, sizeof(four));
	}
}

static bool digit(char c, uint32_t *bits)
{
	const char *at = c ? memchr(digits, c, sizeof(digits) - 1) : NULL;

	*bits = *bits << 6 | (at ? (uint32_t)(at - digits) : 0);
	return at != NULL;
}

/* One group; `octets` of its three count. */
static bool undo_group(struct buf *out, const char *four, size_t octets)
{
	uint32_t bits = 0;
	char three[3];

	for (size_t i = 0; i < 4; i++) {
		bool is_digit = digit(four[i], &bits);

		if (is_digit != (i <= octets) || (!is_digit && four[i] != '='))
			return false;
	}
	if (bits & ((UINT32_C(1) << 8 * (3 - octets)) - 1))
		return false;
	for (size_t i = 0; i < 3; i++)
		three[i] = (char)(bits >> 8 * (2 - i) & 0xff);
	buf_add(out, three, octets);
	return true;
}

bool base64_undo(struct buf *out, struct slice text)
{
	CLEANUP(buf_wipe) struct buf octets = {0};

	if (text.len % 4 != 0)
		return false;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t count = 3;

		if (i + 4 == text.len && text.at[i + 3] == '=')
			count = text.at[i + 2] == '=' ? 1 : 2;
		if (!undo_group(&octets, text.at + i, count))
			return false;
	}
	buf_add_slice(out, buf_slice(&octets));
	return true;
}
