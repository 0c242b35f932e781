#include "hold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "journal.h"

static const char held_fact[] = "listing held since"; /* seconds since 1970; 0: none is */

/* ---- what is missing ---- */

static unsigned char *fate_of(const struct publication *p, int64_t id)
{
	const struct message *m = id ? listing_by_id(p->now_valid, id) : NULL;

	return m ? &p->fates[listing_index(p->now_valid, m)] : NULL;
}

/* Its DELE went out, or may have. */
static bool is_expected(const struct intention *i)
{
	return i->state == INTENTION_SENT || i->state == INTENTION_ASSUMED ||
	       i->state == INTENTION_UNKNOWN;
}

static enum error find_expected(struct publication *p, struct failure *why)
{
	CLEANUP(freep) struct intentions *all = NULL;
	enum error error = journal_all(p->store, &all, why);

	for (size_t i = 0; !error && i < all->count; i++) {
		unsigned char *fate = fate_of(p, all->all[i].id);

		if (fate && *fate == FATE_LOST && is_expected(&all->all[i])) {
			*fate = FATE_DELETED;
			p->deleted++;
			p->lost--;
		}
	}
	return error;
}

enum error hold_find(struct publication *p, struct failure *why)
{
	p->fates = xzalloc(p->now_valid->count);
	p->lost = p->now_valid->count;
	for (size_t i = 0; i < p->count; i++) {
		unsigned char *fate = fate_of(p, p->places[i].id);

		if (!fate)
			continue;
		*fate = FATE_LISTED;
		p->lost--;
	}
	return p->lost > 0 ? find_expected(p, why) : OK;
}

/* ---- is it believed? ---- */

static int64_t held_since(const struct publication *p)
{
	char value[24];

	return store_recall(p->store, held_fact, value, sizeof(value)) ? strtoll(value, NULL, 10)
								       : 0;
}

static enum error set_held_since(struct publication *p, int64_t at, struct failure *why)
{
	char value[24];

	snprintf(value, sizeof(value), "%" PRId64, at);
	return store_remember(p->store, held_fact, value, why);
}

enum error hold_judge(struct publication *p, bool *held, struct failure *why)
{
	struct draft *d = p->draft;
	size_t known = p->now_valid->count - p->deleted;
	bool lost_most = known >= HOLD_LEAST && p->lost > known / 2 && !d->partial && !d->sure;
	int64_t since = held_since(p);

	/* a clock that was set back has not seen the minute either */
	*held = lost_most && (since == 0 || since > d->at || (d->at - since) * 1000 < d->hold_ms);
	if (*held) {
		d->known = known;
		d->missing = p->lost;
	}
	if (*held && (since == 0 || since > d->at))
		return set_held_since(p, d->at, why);
	return !*held && since != 0 ? set_held_since(p, 0, why) : OK;
}
