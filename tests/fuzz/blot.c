/* blot.h: the first line is a secret, the rest is what a server says, which may quote it. Nothing
 * of it is left, as it is or in base64, and nothing is done but writing stars. */
#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "blot.h"
#include "buf.h"
#include "fuzz.h"

static bool holds(struct slice text, struct slice what)
{
	return what.len > 0 && memmem(text.at, text.len, what.at, what.len) != NULL;
}

/* "*" in a secret might be what was written over it. */
static bool can_be_told(struct slice secret)
{
	return secret.len >= BLOT_LEAST && !memchr(secret.at, '*', secret.len);
}

static void quoted(struct slice secret, struct slice before, struct slice quote)
{
	struct secret *s = secret_create(secret);
	CLEANUP(buf_finish) struct buf said = {0};
	CLEANUP(freep) char *text = NULL;

	buf_add_slice(&said, before);
	buf_add_slice(&said, quote);
	text = xmemdup(buf_text(&said), said.len + 1);
	blot_secret(text, said.len, s);
	secret_free(s);
	for (size_t i = 0; i < said.len; i++)
		must(text[i] == buf_at(&said)[i] || text[i] == '*');
	if (can_be_told(secret)) {
		must(!holds(slice_make(text, said.len), secret));
		must(quote.len < BLOT_LEAST || text[said.len - 1] == '*');
	}
	must(secret.len >= BLOT_LEAST || memcmp(text, buf_at(&said), said.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct slice rest = fuzz_slice(octets, len), secret = {"", 0};
	CLEANUP(buf_finish) struct buf coded = {0};

	fuzz_line(&rest, &secret);
	quoted(secret, rest, slice_make(secret.at, 0));
	quoted(secret, rest, secret);
	for (size_t i = 0; i < FUZZ_PIECES; i++)
		if (fuzz_pieces[i] < secret.len)
			quoted(secret, rest, slice_make(secret.at, fuzz_pieces[i]));
	base64_add(&coded, slice_make(secret.at, secret.len / 3 * 3));
	quoted(secret, rest, buf_slice(&coded));
	return 0;
}
