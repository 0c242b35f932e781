#include "settle.h"

#include <stdlib.h>

#include "alloc.h"
#include "name.h"
#include "stored.h"
#include "twins.h"

/* The same message: what the listing says anew is kept. A cached body stays: the UIDL promises the
 * same message, the header agrees as far as it is known, and LIST's size alone proves nothing
 * (facts.md: some servers give another one each time). Where LIST had no line, the old size stays.
 */
static void renew(struct publication *p, struct place *at, const struct stored *m)
{
	const struct row *r = row_of(p, at);

	at->id = m->id;
	at->resized = r->listed != 0 && r->listed != m->listed;
	at->headed = r->learnt && !m->has_digest;
}

/* Another message than all that are stored with its UIDL. Where UIDLs are counters, this one's
 * began anew, and so did the others'. */
static void come_anew(struct publication *p, struct place *at, unsigned ordinal)
{
	const struct row *r = row_of(p, at);

	at->ordinal = ordinal;
	if (r->kind == ROW_DOUBTFUL && name_is_counter(row_uidl(p->draft, r)))
		p->restarted = true;
}

/* All rows with one UIDL, in order of number, and all that was ever stored under it. */
struct group {
	struct place **places;
	size_t count;
	struct stored_set stored;
	struct twin *rows, *known;
	const unsigned char **digests;
	unsigned *flags;
};

static void group_finish(struct group *g)
{
	stored_set_finish(&g->stored);
	free(g->rows);
	free(g->known);
	free(g->digests);
	free(g->flags);
}

static enum error prepare(struct publication *p, struct group *g, struct failure *why)
{
	struct stored *all = g->stored.all;

	g->rows = xreallocarray(g->rows, g->count, sizeof(*g->rows));
	g->known = xreallocarray(g->known, g->stored.count, sizeof(*g->known));
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = row_of(p, g->places[i]);

		g->rows[i] = (struct twin){
		    .digest = r->learnt ? r->learnt->digest : NULL, .listed = r->listed};
	}
	for (size_t i = 0; i < g->stored.count; i++) {
		enum error error = stored_find_digest(p->store, &all[i], why);

		if (error)
			return error;
		/* one alone that comes back is taken as the same, as if it had never been away */
		g->known[i] = (struct twin){
		    .digest = all[i].has_digest ? all[i].digest : NULL,
		    .listed = all[i].listed,
		    .vanished = all[i].vanished && (g->stored.count > 1 || g->count > 1),
		};
	}
	return OK;
}

static void flag_group(struct group *g)
{
	g->digests = xreallocarray(g->digests, g->count, sizeof(*g->digests));
	g->flags = xreallocarray(g->flags, g->count, sizeof(*g->flags));
	for (size_t i = 0; i < g->count; i++) {
		const struct twin *t = &g->rows[i];

		g->digests[i] =
		    t->mate == TWIN_ALONE || t->digest ? t->digest : g->known[t->mate].digest;
	}
	twins_flag(g->digests, g->count, g->flags);
	for (size_t i = 0; i < g->count; i++)
		g->places[i]->flags = g->flags[i];
}

static enum error settle_group(struct publication *p, struct group *g, struct failure *why)
{
	const struct stored_set *set = &g->stored;
	unsigned ordinal;
	enum error error =
	    stored_of_uidl(p->store, row_uidl(p->draft, row_of(p, g->places[0])), &g->stored, why);

	if (!error)
		error = prepare(p, g, why);
	if (error)
		return error;
	twins_pair(g->rows, g->count, g->known, set->count);
	flag_group(g);
	ordinal = set->count > 0 ? set->all[set->count - 1].ordinal : 0;
	for (size_t i = 0; i < g->count; i++) {
		size_t mate = g->rows[i].mate;

		if (mate == TWIN_ALONE)
			come_anew(p, g->places[i], ++ordinal);
		else
			renew(p, g->places[i], &set->all[mate]);
	}
	return OK;
}

static int by_uidl(const void *left, const void *right, void *with)
{
	const struct publication *p = with;
	struct place *const *a = left, *const *b = right;
	int order =
	    slice_compare(row_uidl(p->draft, row_of(p, *a)), row_uidl(p->draft, row_of(p, *b)));

	return order != 0 ? order : (*a > *b) - (*a < *b);
}

static enum error settle_groups(
    struct publication *p, struct place **places, size_t count, struct failure *why)
{
	CLEANUP(group_finish) struct group g = {0};
	enum error error = OK;

	qsort_r(places, count, sizeof(struct place *), by_uidl, p);
	for (size_t from = 0; !error && from < count; from += g.count) {
		struct slice uidl = row_uidl(p->draft, row_of(p, places[from]));

		g.places = places + from;
		g.count = 1;
		while (from + g.count < count &&
		       slice_equal(uidl, row_uidl(p->draft, row_of(p, places[from + g.count]))))
			g.count++;
		error = settle_group(p, &g, why);
	}
	return error;
}

enum error settle_rows(struct publication *p, struct failure *why)
{
	const struct draft *d = p->draft;
	CLEANUP(freep) struct place **doubtful = xreallocarray(NULL, d->count, sizeof(*doubtful));
	size_t count = 0;

	p->places = xreallocarray(NULL, d->count, sizeof(*p->places));
	p->count = d->count;
	for (size_t i = 0; i < d->count; i++) {
		const struct row *r = &d->rows[i];
		struct place *at = &p->places[i];

		*at = (struct place){.row = (uint32_t)i};
		if (r->kind == ROW_KNOWN)
			at->id = r->id;
		else if (r->kind == ROW_NEW)
			at->ordinal = 1;
		else
			doubtful[count++] = at;
	}
	return settle_groups(p, doubtful, count, why);
}

enum error settle_news(struct publication *p, struct failure *why)
{
	enum error error = OK;

	for (size_t i = 0; !error && i < p->count; i++) {
		const struct place *at = &p->places[i];

		if (at->resized)
			error = stored_set_listed(p->store, at->id, row_of(p, at)->listed, why);
		if (!error && at->headed)
			error = stored_set_header(p->store, at->id, row_of(p, at)->learnt, why);
	}
	return error;
}
