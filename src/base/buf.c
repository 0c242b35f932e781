#include "buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define SMALLEST_ROOM 256

void buf_finish(struct buf *b)
{
	free(b->memory);
	*b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
	if (b->memory)
		wipe(b->memory, b->room);
	buf_finish(b);
}

const char *buf_at(const struct buf *b)
{
	return b->memory ? b->memory + b->start : "";
}

struct slice buf_slice(const struct buf *b)
{
	return slice_make(buf_at(b), b->len);
}

/* Grows by copying, not by realloc, so that a secret never stays behind in freed memory. */
static void grow(struct buf *b, size_t need)
{
	size_t room = b->room ? b->room : SMALLEST_ROOM;
	char *memory;

	while (room < need)
		room *= 2;
	memory = xmalloc(room);
	if (b->memory && b->len) {
		memcpy(memory, b->memory + b->start, b->len);
		wipe(b->memory + b->start, b->len);
	}
	free(b->memory);
	b->memory = memory;
	b->room = room;
	b->start = 0;
}

char *buf_room(struct buf *b, size_t octets)
{
	if (b->room - b->start - b->len >= octets && b->memory)
		return b->memory + b->start + b->len;
	if (b->memory && b->room - b->len >= octets && b->start >= b->len) {
		memmove(b->memory, b->memory + b->start, b->len);
		b->start = 0;
	} else {
		grow(b, b->len + octets);
	}
	return b->memory + b->start + b->len;
}

void buf_added(struct buf *b, size_t octets)
{
	assert(b->start + b->len + octets <= b->room);
	b->len += octets;
}

void buf_add(struct buf *b, const void *octets, size_t len)
{
	if (len == 0)
		return;
	memcpy(buf_room(b, len), octets, len);
	buf_added(b, len);
}

void buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.at, s.len);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len > 0) {
		vsnprintf(buf_room(b, (size_t)len + 1), (size_t)len + 1, format, again);
		buf_added(b, (size_t)len);
	}
	va_end(again);
}

void buf_take(struct buf *b, size_t octets)
{
	assert(octets <= b->len);
	b->start += octets;
	b->len -= octets;
	if (b->len == 0)
		b->start = 0;
}

void buf_clear(struct buf *b)
{
	b->start = b->len = 0;
}

const char *buf_text(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->memory + b->start;
}
