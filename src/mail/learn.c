#include "learn.h"

#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "header.h"

uint32_t learn_length(const struct learnt *l)
{
	return l->len < LEARN_LARGEST ? l->len : 0;
}

static bool begins(const struct learnt *l, const char *word)
{
	return l->len >= strlen(word) && strncasecmp(l->text, word, strlen(word)) == 0;
}

bool learn_is_reply(const struct learnt *l)
{
	return begins(l, "+OK") || begins(l, "-ERR");
}

struct learnt *learn_of_body(struct slice text)
{
	struct learnt *learnt;
	size_t len = header_length(text);

	if (len > LEARN_LARGEST)
		len = LEARN_LARGEST;
	text.len = len;
	learnt = xzalloc(sizeof(*learnt) + len);
	header_digest(text, learnt->digest);
	learnt->received = INT64_MIN;
	learnt->len = (uint32_t)len;
	if (len > 0) /* no text at all may have no place either */
		memcpy(learnt->text, text.at, len);
	return learnt;
}

struct learnt *learn_header(struct slice text, int64_t now)
{
	struct learnt *learnt = learn_of_body(text);

	header_received(slice_make(learnt->text, learnt->len), now, &learnt->received);
	return learnt;
}
