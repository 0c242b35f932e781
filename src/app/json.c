#include "json.h"

#include <inttypes.h>

/* Octets of the character that begins here; 0: it is no UTF-8. RFC 3629, 4. */
static size_t character(const unsigned char *at, size_t left)
{
	static const struct {
		unsigned char first, last; /* octets that begin one ... */
		unsigned char least, most; /* ... and the second one's range */
		size_t len;
	} rows[] = {
	    {0x00, 0x7f, 0, 0, 1},
	    {0xc2, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3},
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t i = 0;

	while (i < sizeof(rows) / sizeof(rows[0]) && (*at < rows[i].first || *at > rows[i].last))
		i++;
	if (i == sizeof(rows) / sizeof(rows[0]) || rows[i].len > left)
		return 0;
	if (rows[i].len > 1 && (at[1] < rows[i].least || at[1] > rows[i].most))
		return 0;
	for (size_t n = 2; n < rows[i].len; n++)
		if (at[n] < 0x80 || at[n] > 0xbf)
			return 0;
	return rows[i].len;
}

void json_string(struct buf *to, struct slice text)
{
	const unsigned char *at = (const unsigned char *)text.at;

	buf_add_text(to, "\"");
	for (size_t left = text.len, len; left > 0; at += len, left -= len) {
		len = character(at, left);
		if (len == 0)
			buf_printf(to, "\\udc%02x", *at);
		else if (*at < 0x20 || *at == 0x7f)
			buf_printf(to, "\\u%04x", *at);
		else if (*at == 0xc2 && at[1] < 0xa0)
			buf_printf(to, "\\u%04x", at[1]);
		else if (*at == '"' || *at == '\\')
			buf_printf(to, "\\%c", *at);
		else
			buf_add_slice(to, slice_make((const char *)at, len));
		len = len ? len : 1;
	}
	buf_add_text(to, "\"");
}

void json_number(struct buf *to, struct slice text)
{
	uint64_t number;

	if (slice_number(text, UINT64_MAX, &number))
		buf_printf(to, "%" PRIu64, number);
	else
		json_string(to, text);
}
