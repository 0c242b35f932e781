#include "blot.h"

#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "buf.h"

#define GROUP_IN  3 /* octets that base64 makes ... */
#define GROUP_OUT 4 /* ... so many of */

static void blot(char *text, size_t len, struct slice what)
{
	char *end = text + len, *at = text;

	while (what.len > 0 && (at = memmem(at, (size_t)(end - at), what.at, what.len))) {
		memset(at, '*', what.len);
		at += what.len;
	}
}

/* Base64 of it where so many octets stand before it in its group: that is, the characters that
 * depend on nothing but the secret. */
static void blot_base64(char *text, size_t len, struct slice secret, size_t before)
{
	CLEANUP(buf_wipe) struct buf octets = {.len = 0}, coded = {.len = 0};
	size_t whole = (before + secret.len) / GROUP_IN * GROUP_OUT;
	size_t from = before ? GROUP_OUT : 0;

	buf_add(&octets, "\0\0", before);
	buf_add_slice(&octets, secret);
	base64_add(&coded, buf_slice(&octets));
	if (whole > from)
		blot(text, len, slice_make(buf_at(&coded) + from, whole - from));
}

void blot_secret(char *text, size_t len, const struct secret *secret)
{
	struct slice octets = secret_octets(secret);

	if (octets.len < BLOT_LEAST)
		return;
	blot(text, len, octets);
	for (size_t before = 0; before < GROUP_IN; before++)
		blot_base64(text, len, octets, before);
}
