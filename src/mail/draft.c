#include "draft.h"

#include <stdlib.h>

#include "alloc.h"

/* A server that never ends its listing must not take all memory. Lines beyond count as bad. */
#define MOST_ROWS   (UINT32_C(1) << 24)
#define HIGHEST     MOST_ROWS           /* number of a message */
#define MOST_OCTETS (UINT32_C(1) << 30) /* of UIDLs */

#define FIRST_ROOM 64 /* rows; doubled when full */

/* A line of LIST, until draft_close. */
struct draft_size {
	uint64_t octets;
	uint32_t number;
	uint32_t order; /* of arrival */
};

struct draft *draft_create(void)
{
	return xnew(struct draft);
}

void draft_free(struct draft *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++)
		free(d->rows[i].learnt);
	free(d->rows);
	free(d->sizes);
	buf_finish(&d->uidls);
	free(d);
}

void draft_freep(struct draft **d)
{
	draft_free(*d);
}

/* Sessions count from 1 (RFC 1939, 4). */
static bool is_number(uint32_t number)
{
	return number >= 1 && number <= HIGHEST;
}

static struct row *add_row(struct draft *d, uint32_t number, enum row_kind kind)
{
	if (d->count == d->room) {
		d->room = d->room ? 2 * d->room : FIRST_ROOM;
		d->rows = xreallocarray(d->rows, d->room, sizeof(*d->rows));
	}
	d->rows[d->count] = (struct row){.number = number, .kind = kind};
	return &d->rows[d->count++];
}

static void set_uidl(struct draft *d, struct row *r, struct slice uidl)
{
	r->uidl = (uint32_t)d->uidls.len;
	r->len = (uint32_t)uidl.len & (MOST_OCTETS - 1);
	buf_add_slice(&d->uidls, uidl);
	buf_add(&d->uidls, "", 1); /* so that where one begins also tells the order of arrival */
}

void draft_uidl(struct draft *d, uint32_t number, struct slice uidl)
{
	if (!is_number(number) || d->count == MOST_ROWS || uidl.len >= MOST_OCTETS - d->uidls.len) {
		d->bad_lines++;
		return;
	}
	set_uidl(d, add_row(d, number, ROW_NEW), uidl);
}

void draft_listed(struct draft *d, uint32_t number, uint64_t octets)
{
	if (!is_number(number) || d->size_count == MOST_ROWS) {
		d->bad_lines++;
		return;
	}
	if (d->size_count == d->size_room) {
		d->size_room = d->size_room ? 2 * d->size_room : FIRST_ROOM;
		d->sizes = xreallocarray(d->sizes, d->size_room, sizeof(*d->sizes));
	}
	d->sizes[d->size_count] = (struct draft_size){
	    .octets = octets, .number = number, .order = (uint32_t)d->size_count};
	d->size_count++;
}

static int by_number_and_arrival(uint32_t a, uint32_t b, uint32_t first, uint32_t second)
{
	return a != b ? (a > b) - (a < b) : (first > second) - (first < second);
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	return by_number_and_arrival(a->number, b->number, a->uidl, b->uidl);
}

static int compare_sizes(const void *left, const void *right)
{
	const struct draft_size *a = left, *b = right;

	return by_number_and_arrival(a->number, b->number, a->order, b->order);
}

/* Sorts what did not come in order; servers nearly always list in order. */
static void sort(
    void *memory, size_t count, size_t item, int (*compare)(const void *, const void *))
{
	const char *at = memory;

	for (size_t i = 1; i < count; i++) {
		if (compare(at + (i - 1) * item, at + i * item) > 0) {
			qsort(memory, count, item, compare);
			return;
		}
	}
}

/* Of the lines for one number the first that came counts; of those of LIST, the first that has a
 * size. */
static void drop_repeated_rows(struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++)
		if (kept == 0 || d->rows[kept - 1].number != d->rows[i].number)
			d->rows[kept++] = d->rows[i];
	d->bad_lines += d->count - kept;
	d->count = kept;
}

static void drop_repeated_sizes(struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->size_count; i++) {
		if (kept == 0 || d->sizes[kept - 1].number != d->sizes[i].number)
			d->sizes[kept++] = d->sizes[i];
		else if (d->sizes[kept - 1].octets == 0)
			d->sizes[kept - 1].octets = d->sizes[i].octets;
	}
	d->bad_lines += d->size_count - kept;
	d->size_count = kept;
}

/* Both in order of number: gives the rows their sizes, and what only LIST had a row behind them. */
static void join(struct draft *d)
{
	size_t row = 0, named = d->count;

	d->sizeless = named;
	for (size_t i = 0; i < d->size_count; i++) {
		const struct draft_size *size = &d->sizes[i];

		while (row < named && d->rows[row].number < size->number)
			row++;
		if (row < named && d->rows[row].number == size->number) {
			d->rows[row].listed = size->octets;
			d->sizeless--;
		} else {
			add_row(d, size->number, ROW_NAMELESS)->listed = size->octets;
		}
	}
	d->nameless = d->count - named;
}

void draft_close(struct draft *d)
{
	sort(d->rows, d->count, sizeof(*d->rows), compare_rows);
	drop_repeated_rows(d);
	sort(d->sizes, d->size_count, sizeof(*d->sizes), compare_sizes);
	drop_repeated_sizes(d);
	join(d);
	sort(d->rows, d->count, sizeof(*d->rows), compare_rows);
	free(d->sizes);
	d->sizes = NULL;
	d->size_count = d->size_room = 0;
}

void draft_name(struct draft *d, struct row *r, struct slice stand_in)
{
	set_uidl(d, r, stand_in);
}

struct slice row_uidl(const struct draft *d, const struct row *r)
{
	return slice_make(buf_at(&d->uidls) + r->uidl, r->len);
}
