#include "slice.h"

#include <string.h>
#include <strings.h>

struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

struct slice slice_make(const char *at, size_t len)
{
	return (struct slice){at, len};
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool slice_is(struct slice s, const char *text)
{
	return slice_equal(s, slice_of(text));
}

bool slice_is_word(struct slice s, const char *text)
{
	return s.len == strlen(text) && slice_starts_word(s, text);
}

bool slice_starts_word(struct slice s, const char *text)
{
	size_t len = strlen(text);

	return s.len >= len && (len == 0 || strncasecmp(s.at, text, len) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.at, b.at, common) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool slice_has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f)
			return true;
	return false;
}

static bool one_of(char octet, const char *set)
{
	while (*set != '\0' && *set != octet)
		set++;
	return *set != '\0';
}

/* Two for each message of a listing: *rest is written once, not at each octet. */
struct slice slice_token(struct slice *rest, const char *separators)
{
	struct slice s = *rest;
	size_t from = 0, to;

	while (from < s.len && one_of(s.at[from], separators))
		from++;
	to = from;
	while (to < s.len && !one_of(s.at[to], separators))
		to++;
	if (to > 0)
		*rest = slice_make(s.at + to, s.len - to);
	return slice_make(from > 0 ? s.at + from : s.at, to - from);
}

struct slice slice_trim(struct slice s)
{
	static const char space[] = " \t\r\n";

	while (s.len > 0 && one_of(s.at[0], space)) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && one_of(s.at[s.len - 1], space))
		s.len--;
	return s;
}

bool slice_number(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.at[i] - '0';

		if (digit > 9 || value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}
