#include "hold.h"

#include "alloc.h"
#include "facts.h"
#include "journal.h"

/* ---- what is missing ---- */

/* `near`: where it stands, unless something before it came or went. */
static unsigned char *fate_of(const struct publication *p, int64_t id, size_t near)
{
	const struct message *m = id ? listing_by_id_near(p->now_valid, id, near) : NULL;

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
		unsigned char *fate = fate_of(p, all->all[i].id, i);

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
		unsigned char *fate = fate_of(p, p->places[i].id, i);

		if (!fate)
			continue;
		*fate = FATE_LISTED;
		p->lost--;
	}
	return p->lost > 0 ? find_expected(p, why) : OK;
}

/* ---- is it believed? ---- */

enum error hold_judge(struct publication *p, bool *held, struct failure *why)
{
	struct draft *d = p->draft;
	size_t known = p->now_valid->count - p->deleted;
	bool lost_most = known >= HOLD_LEAST && p->lost > known / 2 && !d->partial && !d->sure;
	int64_t since = fact_recall(p->store, FACT_HELD_SINCE);

	/* a clock that was set back has not seen the minute either */
	*held = lost_most && (since == 0 || since > d->at || (d->at - since) * 1000 < d->hold_ms);
	if (*held) {
		d->known = known;
		d->missing = p->lost;
	}
	if (*held && (since == 0 || since > d->at))
		return fact_remember(p->store, FACT_HELD_SINCE, d->at, why);
	return !*held && since != 0 ? fact_remember(p->store, FACT_HELD_SINCE, 0, why) : OK;
}
