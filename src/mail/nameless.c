#include "nameless.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "name.h"
#include "query.h"

#define DIGEST_OCTETS 32

void nameless_name(struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct row *r = &d->rows[i];
		char stand_in[NAME_STAND_IN];

		if (r->kind == ROW_NAMELESS && r->len == 0 && !r->learnt)
			continue;
		if (r->kind == ROW_NAMELESS && r->len == 0) {
			name_stand_in(stand_in, r->learnt->digest);
			draft_name(d, r, slice_make(stand_in, sizeof(stand_in)));
		}
		d->rows[kept++] = *r;
	}
	d->partial = d->partial || kept < d->count;
	d->bad_lines += d->count - kept;
	d->count = kept;
}

/* ---- has one of them lost its UIDL? ---- */

struct digests {
	const unsigned char **all; /* in order */
	size_t count;
};

static void digests_finish(struct digests *d)
{
	free(d->all);
}

static int compare(const void *left, const void *right)
{
	const unsigned char *const *a = left, *const *b = right;

	return memcmp(*a, *b, DIGEST_OCTETS);
}

/* Those of the nameless that are new. */
static struct digests new_digests(const struct publication *p)
{
	struct digests d = {.all = xreallocarray(NULL, p->count, sizeof(*d.all))};

	for (size_t i = 0; i < p->count; i++) {
		const struct place *at = &p->places[i];

		if (at->id == 0 && row_of(p, at)->kind == ROW_NAMELESS)
			d.all[d.count++] = row_of(p, at)->learnt->digest;
	}
	qsort(d.all, d.count, sizeof(*d.all), compare);
	return d;
}

/* A message whose header is unknown may be any of them. */
static enum error may_be_one(
    struct store *s, int64_t id, const struct digests *d, bool *found, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why, "SELECT digest FROM message WHERE id = ?1", "i", id);
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;
	struct slice digest;

	if (error || !row)
		return error;
	digest = query_blob(q, 0);
	*found = digest.len != DIGEST_OCTETS ||
		 bsearch(&digest.at, d->all, d->count, sizeof(*d->all), compare) != NULL;
	return OK;
}

enum error nameless_check(struct publication *p, struct failure *why)
{
	CLEANUP(digests_finish) struct digests d = {0};
	const struct listing *l = p->now_valid;

	if (p->draft->nameless == 0 || p->lost == 0 || p->draft->sure)
		return OK;
	d = new_digests(p);
	for (size_t i = 0; d.count > 0 && i < l->count; i++) {
		bool found = false;
		enum error error = OK;

		if (p->fates[i] == FATE_LOST)
			error = may_be_one(p->store, l->messages[i].id, &d, &found, why);
		if (error)
			return error;
		if (found)
			return failed(why, E_PROTOCOL,
			    "the listing came short: %.*s, or another known message, is listed "
			    "without its UIDL",
			    SLICE_ARGS(message_name(l, &l->messages[i])));
	}
	return OK;
}
