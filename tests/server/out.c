#include "out.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define FEWEST_ITEMS    16
#define WORTH_LENDING   2048 /* octets; fewer are cheaper to copy than to point at */
#define COMPACT_ITEMS   512  /* used items at the front before the rest moves down */
#define LONGEST_PRINTED 1024

void out_finish(struct out *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->items[o->first + i].own);
	free(o->items);
	buf_finish(&o->copied);
	*o = (struct out){0};
}

static struct out_item *last_item(struct out *o)
{
	return o->count ? &o->items[o->first + o->count - 1] : NULL;
}

static void add(struct out *o, struct out_item item)
{
	if (o->first >= COMPACT_ITEMS && o->first >= o->count) {
		memmove(o->items, o->items + o->first, o->count * sizeof(*o->items));
		o->first = 0;
	}
	if (o->first + o->count == o->room) {
		o->room = o->room ? 2 * o->room : FEWEST_ITEMS;
		o->items = xreallocarray(o->items, o->room, sizeof(*o->items));
	}
	o->items[o->first + o->count++] = item;
	if (item.kind == OUT_OCTETS)
		o->octets += item.len;
	else
		o->marks++;
}

void out_copy(struct out *o, const void *octets, size_t len)
{
	struct out_item *last = last_item(o);

	if (len == 0)
		return;
	buf_add(&o->copied, octets, len);
	if (last && last->kind == OUT_OCTETS && last->at == NULL) {
		last->len += len;
		o->octets += len;
	} else {
		add(o, (struct out_item){.kind = OUT_OCTETS, .len = len});
	}
}

void out_text(struct out *o, const char *text)
{
	out_copy(o, text, strlen(text));
}

void out_printf(struct out *o, const char *format, ...)
{
	char text[LONGEST_PRINTED];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	out_text(o, text);
}

void out_lend(struct out *o, const char *at, size_t len)
{
	if (len < WORTH_LENDING)
		out_copy(o, at, len);
	else
		add(o, (struct out_item){.kind = OUT_OCTETS, .at = at, .len = len});
}

void out_own(struct out *o, struct buf *b)
{
	if (b->len < WORTH_LENDING) {
		out_copy(o, buf_at(b), b->len);
		buf_finish(b);
		return;
	}
	add(o, (struct out_item){
		   .kind = OUT_OCTETS, .at = buf_at(b), .len = b->len, .own = b->memory});
	*b = (struct buf){0};
}

void out_mark(struct out *o, enum out_kind kind, size_t len, int64_t milliseconds)
{
	add(o, (struct out_item){.kind = kind, .len = len, .milliseconds = milliseconds});
}

void out_append(struct out *o, struct out *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct out_item *item = &from->items[from->first + i];

		if (item->kind != OUT_OCTETS || item->at) {
			add(o, *item);
			continue;
		}
		out_copy(o, buf_at(&from->copied), item->len);
		buf_take(&from->copied, item->len);
	}
	from->first = from->count = from->octets = from->marks = 0;
}

const struct out_item *out_first(const struct out *o)
{
	return o->count ? &o->items[o->first] : NULL;
}

size_t out_vector(const struct out *o, struct iovec *pieces, size_t max, size_t limit)
{
	const char *copied = buf_at(&o->copied);
	size_t used = 0;

	for (size_t i = 0; i < o->count && used < max && limit > 0; i++) {
		const struct out_item *item = &o->items[o->first + i];
		size_t len = item->len < limit ? item->len : limit;

		if (item->kind != OUT_OCTETS)
			break;
		pieces[used].iov_base = (void *)(uintptr_t)(item->at ? item->at : copied);
		pieces[used++].iov_len = len;
		limit -= len;
		if (item->at == NULL)
			copied += len;
	}
	return used;
}

static void drop_first(struct out *o)
{
	free(o->items[o->first].own);
	o->first++;
	if (--o->count == 0)
		o->first = 0;
}

void out_sent(struct out *o, size_t octets)
{
	o->octets -= octets;
	while (octets > 0) {
		struct out_item *item = &o->items[o->first];
		size_t len = item->len < octets ? item->len : octets;

		assert(item->kind == OUT_OCTETS);
		if (item->at)
			item->at += len;
		else
			buf_take(&o->copied, len);
		item->len -= len;
		octets -= len;
		if (item->len == 0)
			drop_first(o);
	}
}

void out_passed(struct out *o)
{
	assert(o->count > 0 && o->items[o->first].kind != OUT_OCTETS);
	o->marks--;
	drop_first(o);
}

void out_flatten(struct out *o, struct buf *to)
{
	struct iovec piece;

	buf_room(to, o->octets);
	while (out_vector(o, &piece, 1, SIZE_MAX)) {
		buf_add(to, piece.iov_base, piece.iov_len);
		out_sent(o, piece.iov_len);
	}
}
