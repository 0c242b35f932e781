#include "sasl.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "gnu.h"

#define DEFAULT_NAMES "PLAIN"
#define BLANKS        " ,"

struct sasl_mechanism {
	const char *name;
	enum sasl_result (*step)(struct sasl *s, struct slice answer, struct buf *challenge);
	bool client_first; /* without an initial response the first challenge is empty */
	bool gnu;
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

static enum sasl_result step_gnu(struct sasl *s, struct slice answer, struct buf *challenge)
{
	return gnu_step(s->gnu, answer, challenge);
}

static const struct sasl_mechanism mechanisms[] = {
    {"PLAIN", plain, .client_first = true},
    {"LOGIN", step_gnu, .gnu = true},
    {"CRAM-MD5", step_gnu, .gnu = true},
    {"SCRAM-SHA-1", step_gnu, .client_first = true, .gnu = true},
    {"SCRAM-SHA-1-PLUS", step_gnu, .client_first = true, .gnu = true},
    {"SCRAM-SHA-256", step_gnu, .client_first = true, .gnu = true},
    {"SCRAM-SHA-256-PLUS", step_gnu, .client_first = true, .gnu = true},
    {"EXTERNAL", step_gnu, .client_first = true, .gnu = true},
};

#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

static bool is_offered(const struct settings *settings, const char *name)
{
	struct slice rest = slice_of(settings->sasl ? settings->sasl : DEFAULT_NAMES), word;

	while ((word = slice_token(&rest, BLANKS)).len > 0) {
		if (slice_is_word(word, name))
			return true;
	}
	return false;
}

bool sasl_begin(struct sasl *s, const struct settings *settings, const struct sasl_line *line,
    struct slice name)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++) {
		const struct sasl_mechanism *m = &mechanisms[i];

		if (!slice_is_word(name, m->name) || !is_offered(settings, m->name))
			continue;
		*s = (struct sasl){.settings = settings, .line = line};
		if (m->gnu && !gnu_create(&s->gnu, settings, line, m->name))
			return false;
		s->mechanism = m;
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
		sasl_finish(s);
	return result;
}

void sasl_finish(struct sasl *s)
{
	gnu_free(take(&s->gnu));
	s->mechanism = NULL;
}

void sasl_names(
    struct buf *to, const struct settings *settings, const char *before, const char *after)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (is_offered(settings, mechanisms[i].name))
			buf_printf(to, "%s%s%s", before, mechanisms[i].name, after);
}
