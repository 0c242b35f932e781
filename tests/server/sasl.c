#include "sasl.h"

#include <string.h>

struct sasl_mechanism {
	const char *name;
	enum sasl_result (*step)(struct sasl *s, struct slice answer, struct buf *challenge);
	bool client_first; /* without an initial response the first challenge is empty */
};

bool account_is(const struct settings *settings, struct slice user, struct slice password)
{
	return (settings->user == NULL || slice_is(user, settings->user)) &&
	       slice_is(password, settings->password);
}

/* Takes what stands before the next NUL off *rest. */
static struct slice until_nul(struct slice *rest)
{
	const char *nul = rest->len ? memchr(rest->at, '\0', rest->len) : NULL;
	struct slice part = slice_make(rest->at, nul ? (size_t)(nul - rest->at) : rest->len);
	size_t used = part.len + (nul ? 1 : 0);

	*rest = slice_make(rest->at + used, rest->len - used);
	return part;
}

/* RFC 4616: [authzid] NUL authcid NUL passwd. */
static enum sasl_result plain(struct sasl *s, struct slice answer, struct buf *challenge)
{
	struct slice user;

	until_nul(&answer);
	user = until_nul(&answer);
	return account_is(s->settings, user, answer) ? SASL_GOOD : SASL_BAD;
}

static const struct sasl_mechanism mechanisms[] = {
    {"PLAIN", plain, .client_first = true},
};

#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

bool sasl_begin(struct sasl *s, const struct settings *settings, struct slice name)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++) {
		if (!slice_is_word(name, mechanisms[i].name))
			continue;
		*s = (struct sasl){.mechanism = &mechanisms[i], .settings = settings};
		return true;
	}
	return false;
}

enum sasl_result sasl_step(struct sasl *s, struct slice answer, bool present, struct buf *challenge)
{
	enum sasl_result result;

	if (!present && s->mechanism->client_first)
		return SASL_MORE;
	result = s->mechanism->step(s, answer, challenge);
	s->step++;
	if (result != SASL_MORE)
		s->mechanism = NULL;
	return result;
}

void sasl_names(struct buf *to, const char *before, const char *after)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		buf_printf(to, "%s%s%s", before, mechanisms[i].name, after);
}
