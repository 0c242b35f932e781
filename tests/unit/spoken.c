#include "spoken.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

struct learnt *spoken_header(char header)
{
	struct learnt *l = xzalloc(sizeof(*l) + 1);

	memset(l->digest, header, sizeof(l->digest));
	l->received = 1000 + header;
	l->len = 1;
	l->text[0] = header;
	return l;
}

struct draft *spoken_draft(const char *says, char headers[SPOKEN_MOST])
{
	struct draft *d = draft_create();
	struct slice rest = slice_of(says);
	uint32_t number = 0;

	for (;;) {
		struct slice row = slice_token(&rest, " ");
		const char *colon = row.len ? memchr(row.at, ':', row.len) : NULL;

		if (!colon)
			break;
		headers[number] = row.at[row.len - 1];
		number++;
		if (row.at[0] != '?')
			draft_uidl(d, number, slice_make(row.at, (size_t)(colon - row.at)));
		draft_listed(d, number, strtoull(colon + 1, NULL, 10));
	}
	draft_close(d);
	return d;
}

void spoken_bring(struct draft *d, const char headers[SPOKEN_MOST])
{
	for (size_t i = 0; i < d->count; i++) {
		struct row *r = &d->rows[i];

		if (r->kind != ROW_KNOWN && !r->learnt && headers[r->number - 1] != '-')
			r->learnt = spoken_header(headers[r->number - 1]);
	}
}
