#include "apop.h"

#include <string.h>

#include "md5.h"

#define LONGEST_TIMESTAMP 250

static bool is_atom(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\".[]", c);
}

/* Atoms with dots between them: RFC 822, 6.1. Returns where they end; `at` itself if there are
 * none.
 */
static const char *past_atoms(const char *at, const char *end)
{
	const char *word = at;

	for (const char *c = at; c < end; c++) {
		if (is_atom((unsigned char)*c))
			word = c + 1;
		else if (*c != '.' || c == at || c[-1] == '.')
			break;
	}
	return word;
}

/* "[192.0.2.1]" */
static const char *past_literal(const char *at, const char *end)
{
	const char *c = at + 1;

	while (c<end && * c> ' ' && *c < 0x7f && !strchr("[]\\<>@", *c))
		c++;
	return c < end && c > at + 1 && *c == ']' ? c + 1 : at;
}

static bool is_msg_id(struct slice s)
{
	const char *at = s.at + 1, *end = s.at + s.len - 1, *sign = past_atoms(at, end), *rest;

	if (sign == at || sign == end || *sign != '@' || sign + 1 == end)
		return false;
	rest = sign[1] == '[' ? past_literal(sign + 1, end) : past_atoms(sign + 1, end);
	return rest == end;
}

struct slice apop_timestamp(struct slice greeting)
{
	static const struct slice none = {"", 0};
	const char *from = greeting.len ? memchr(greeting.at, '<', greeting.len) : NULL;
	const char *to = greeting.len ? memchr(greeting.at, '>', greeting.len) : NULL;
	struct slice s;

	if (!from || !to || to <= from + 1)
		return none;
	s = slice_make(from, (size_t)(to - from) + 1);
	return s.len <= LONGEST_TIMESTAMP && is_msg_id(s) ? s : none;
}

void apop_add(struct buf *out, struct slice user, struct slice timestamp, struct slice password)
{
	unsigned char digest[MD5_OCTETS];

	md5(digest, timestamp, password);
	buf_add_slice(out, user);
	buf_add_text(out, " ");
	for (size_t i = 0; i < sizeof(digest); i++)
		buf_printf(out, "%02x", digest[i]);
}
