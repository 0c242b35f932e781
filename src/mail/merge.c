#include "merge.h"

#include <stdlib.h>

#include "alloc.h"
#include "counters.h"
#include "name.h"
#include "stored.h"

#define UNMATCHED UINT32_MAX

/* What LIST may say at most: more is a lie that would not fit beside a message's flags. */
#define MOST_LISTED (UINT64_C(1) << 55)

/* ---- what a new listing's rows are ---- */

/* For each row, which message of the listing in force has the name of its UIDL; for each message,
 * how many rows, where more than one is as good as two. */
struct matches {
	uint32_t *message; /* by row */
	unsigned char *rows;
};

static void matches_finish(struct matches *m)
{
	free(m->message);
	free(m->rows);
}

/* The message at `next`, where most are, needs no encoding to be known. */
static const struct message *find_message(const struct listing *l, struct slice uidl, size_t next)
{
	const struct message *m = next < l->count ? &l->messages[next] : NULL;
	char name[NAME_LONGEST + 1];

	if (m && name_is_itself(message_name(l, m), uidl))
		return m;
	return listing_by_name_near(l, slice_make(name, name_encode(name, uidl, 1)), next);
}

static struct matches match_names(const struct listing *l, const struct draft *d)
{
	size_t next = 0; /* servers list in order of arrival: behind the last one that was found */
	struct matches m = {
	    .message = xreallocarray(NULL, d->count, sizeof(uint32_t)),
	    .rows = xzalloc(l->count),
	};

	for (size_t i = 0; i < d->count; i++) {
		const struct message *found = NULL;
		size_t at;

		if (d->rows[i].kind != ROW_NAMELESS)
			found = find_message(l, row_uidl(d, &d->rows[i]), next);
		at = found ? listing_index(l, found) : UNMATCHED;
		next = found ? at + 1 : next;
		m.message[i] = (uint32_t)at;
		if (found && m.rows[at] < 2)
			m.rows[at]++;
	}
	return m;
}

/* LIST's size is no promise (facts.md), so another one than before is only a reason to look at the
 * header, and the body's true length is as good as the old one. */
static enum error compare_size(
    struct store *s, const struct message *m, struct row *r, struct failure *why)
{
	uint64_t listed = message_size(m);
	enum error error = OK;

	if (listed != r->listed && (message_flags(m) & MESSAGE_TRUE_SIZE))
		error = stored_listed(s, m->id, &listed, why);
	r->id = m->id;
	r->kind = listed == r->listed ? ROW_KNOWN : ROW_DOUBTFUL;
	return error;
}

/* All `count` rows with one UIDL that the listing in force does not simply have: new ones, twins,
 * and those that had vanished or stand under another ordinal. */
static void compare_group(
    const struct draft *d, struct row *const *rows, size_t count, const struct stored_set *set)
{
	const struct stored *only = NULL;
	size_t present = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->all[i].vanished)
			continue;
		only = &set->all[i];
		present++;
	}
	if (set->count == 1)
		only = &set->all[0];
	for (size_t i = 0; i < count; i++) {
		struct row *r = rows[i];

		r->id = 0;
		r->kind = ROW_TWIN;
		if (count == 1 && set->count == 0) {
			r->kind = ROW_NEW;
		} else if (count == 1 && only && present <= 1) {
			bool same = r->listed == only->listed || r->listed == only->size;

			/* a counter that comes back has begun anew, more likely */
			same = same && !(only->vanished && name_is_counter(row_uidl(d, r)));

			r->id = only->id;
			r->kind = same ? ROW_KNOWN : ROW_DOUBTFUL;
		}
	}
}

static int by_uidl(const void *left, const void *right, void *with)
{
	const struct draft *d = with;
	struct row *const *a = left, *const *b = right;
	int order = slice_compare(row_uidl(d, *a), row_uidl(d, *b));

	return order != 0 ? order : (*a > *b) - (*a < *b);
}

/* UIDLs that count upwards are in order as they come. */
static void sort_by_uidl(struct draft *d, struct row **rows, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (by_uidl(&rows[i - 1], &rows[i], d) > 0) {
			qsort_r(rows, count, sizeof(*rows), by_uidl, d);
			return;
		}
	}
}

static enum error compare_rest(
    struct store *s, struct draft *d, struct row **rows, size_t count, struct failure *why)
{
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	bool any = false; /* a first listing need not ask for each of its messages */
	enum error error = count > 0 ? stored_any(s, &any, why) : OK;
	size_t end;

	sort_by_uidl(d, rows, count);
	for (size_t from = 0; !error && from < count; from = end) {
		struct slice uidl = row_uidl(d, rows[from]);

		end = from + 1;
		while (end < count && slice_equal(uidl, row_uidl(d, rows[end])))
			end++;
		if (any)
			error = stored_of_uidl(s, uidl, &set, why);
		if (!error)
			compare_group(d, rows + from, end - from, &set);
	}
	return error;
}

enum error merge_draft(
    struct store *s, const struct listing *now_valid, struct draft *d, struct failure *why)
{
	CLEANUP(matches_finish) struct matches m = match_names(now_valid, d);
	CLEANUP(freep) struct row **rest = xreallocarray(NULL, d->count, sizeof(*rest));
	size_t count = 0;
	enum error error = OK;

	for (size_t i = 0; !error && i < d->count; i++) {
		const struct message *found =
		    m.message[i] == UNMATCHED ? NULL : &now_valid->messages[m.message[i]];

		if (d->rows[i].listed > MOST_LISTED)
			d->rows[i].listed = MOST_LISTED;
		if (d->rows[i].kind == ROW_NAMELESS)
			continue;
		if (!found || m.rows[m.message[i]] > 1 || (message_flags(found) & MESSAGE_TWIN)) {
			rest[count++] = &d->rows[i];
			continue;
		}
		error = compare_size(s, found, &d->rows[i], why);
	}
	if (!error)
		error = compare_rest(s, d, rest, count, why);
	if (!error)
		counters_doubt(s, d);
	return error;
}
