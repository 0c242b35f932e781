#include "happenings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_LINE 320 /* octets: a word, a name of at most 255, a number */

void happenings_finish(struct happenings *h)
{
	for (size_t i = 0; i < HAPPENINGS_MOST; i++)
		buf_finish(&h->lines[i]);
}

void happenings_add(struct happenings *h, const char *format, ...)
{
	struct buf *line = &h->lines[h->next++ % HAPPENINGS_MOST];
	char text[LONGEST_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_clear(line);
	buf_printf(line, "%s\n", text);
}

void happenings_offline(struct happenings *h, bool offline)
{
	if (offline != h->offline)
		happenings_add(h, "%s", offline ? "offline" : "online");
	h->offline = offline;
}

size_t happenings_read(const struct happenings *h, uint64_t from, char *text, size_t room,
    uint64_t *next, uint64_t *lost)
{
	uint64_t oldest = h->next > HAPPENINGS_MOST ? h->next - HAPPENINGS_MOST : 0;
	size_t used = 0;

	*lost = from < oldest ? oldest - from : 0;
	if (from < oldest)
		from = oldest;
	for (; from < h->next; from++) {
		struct slice line = buf_slice(&h->lines[from % HAPPENINGS_MOST]);

		if (line.len > room - used)
			break;
		memcpy(text + used, line.at, line.len);
		used += line.len;
	}
	*next = from < h->next ? from : h->next;
	return used;
}
