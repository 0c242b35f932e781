#include "maildrop.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "hidden.h"

struct maildrop {
	struct listing *listing;
	struct intentions *intentions;
	struct hidden_set hidden;
	struct newcomers newcomers;
	int64_t
	    changed; /* when messages last came, left, were hidden or shown, as far as seen here */
	long again;  /* and how often within that second before */
	uint64_t version;
};

static struct intentions *no_intentions(void)
{
	return xzalloc(sizeof(struct intentions));
}

struct maildrop *maildrop_create(void)
{
	struct maildrop *d = xnew(struct maildrop);

	d->listing = listing_create(0, 0);
	d->intentions = no_intentions();
	d->version = 1;
	return d;
}

void maildrop_free(struct maildrop *d)
{
	if (!d)
		return;
	listing_drop(d->listing);
	free(d->intentions);
	hidden_finish(&d->hidden);
	newcomers_finish(&d->newcomers);
	free(d);
}

static int64_t changed(const struct maildrop *d)
{
	return d->changed > d->listing->changed ? d->changed : d->listing->changed;
}

static void note_change(struct maildrop *d, int64_t at)
{
	int64_t last = changed(d);

	d->version++;
	d->again = at > last ? 0 : d->again + 1;
	d->changed = at > last ? at : last;
}

struct listing *maildrop_listing(const struct maildrop *d)
{
	return d->listing;
}

const struct intentions *maildrop_intentions(const struct maildrop *d)
{
	return d->intentions;
}

/* ---- the visible ---- */

bool maildrop_hides(const struct maildrop *d, int64_t id)
{
	return hidden_find(&d->hidden, id) != NULL;
}

static bool is_visible(const struct maildrop *d, int64_t id)
{
	return !maildrop_hides(d, id) && !newcomers_hold(&d->newcomers, id);
}

static struct message *if_visible(const struct maildrop *d, struct message *m)
{
	return m && is_visible(d, m->id) ? m : NULL;
}

struct message *maildrop_by_name(const struct maildrop *d, struct slice name)
{
	return if_visible(d, listing_by_name(d->listing, name));
}

struct message *maildrop_by_id(const struct maildrop *d, int64_t id)
{
	return if_visible(d, listing_by_id(d->listing, id));
}

/* ---- what is held back ---- */

void maildrop_hold_back(struct maildrop *d, newcomers_ready *ready, void *with)
{
	d->newcomers.ready = ready;
	d->newcomers.with = with;
}

bool maildrop_holds_back(const struct maildrop *d, int64_t id)
{
	return newcomers_hold(&d->newcomers, id);
}

size_t maildrop_held_back(const struct maildrop *d)
{
	return d->newcomers.held;
}

bool maildrop_show(struct maildrop *d, int64_t id)
{
	if (!newcomers_show(&d->newcomers, id) || maildrop_hides(d, id))
		return false;
	note_change(d, clock_seconds());
	return true;
}

uint32_t maildrop_era(const struct maildrop *d)
{
	return d->newcomers.era;
}

bool maildrop_shows(const struct maildrop *d, int64_t id, uint32_t era)
{
	return !maildrop_hides(d, id) && newcomers_shown_in(&d->newcomers, id, era);
}

/* ---- the deleted ---- */

static struct message *if_deleted(const struct maildrop *d, const struct hidden *h)
{
	return h && h->why != HIDDEN_ASSUMED ? hidden_message(h, d->listing) : NULL;
}

struct message *maildrop_deleted(const struct maildrop *d, int64_t id)
{
	return if_deleted(d, hidden_find(&d->hidden, id));
}

struct message *maildrop_deleted_by_name(const struct maildrop *d, struct slice name)
{
	const struct message *m = listing_by_name(d->listing, name);

	return m ? maildrop_deleted(d, m->id) : NULL;
}

struct message *maildrop_deleted_after(const struct maildrop *d, int64_t id)
{
	const struct hidden_set *s = &d->hidden;

	for (size_t i = hidden_from(s, id + 1); i < s->count; i++) {
		struct message *m = if_deleted(d, &s->all[i]);

		if (m)
			return m;
	}
	return NULL;
}

/* ---- unlink, and back ---- */

void maildrop_unlink(struct maildrop *d, const struct message *m)
{
	if (hidden_add(&d->hidden, d->listing, m->id))
		note_change(d, clock_seconds());
}

static void show(struct maildrop *d, struct hidden *h)
{
	hidden_remove(&d->hidden, h);
	note_change(d, clock_seconds());
}

void maildrop_unlinked(struct maildrop *d, int64_t id, bool stays_unlinked)
{
	struct hidden *h = hidden_find(&d->hidden, id);

	if (!h || h->why != HIDDEN_FLYING)
		return;
	if (stays_unlinked)
		h->why = HIDDEN_LANDED;
	else
		show(d, h);
}

void maildrop_undeleted(struct maildrop *d, int64_t id)
{
	struct hidden *h = hidden_find(&d->hidden, id);

	if (h)
		show(d, h);
}

/* ---- the journal ---- */

void maildrop_intend(struct maildrop *d, struct intentions *all)
{
	free(d->intentions);
	d->intentions = all ? all : no_intentions();
	if (hidden_replace(&d->hidden, d->intentions, d->listing))
		note_change(d, clock_seconds());
}

/* ---- another listing ---- */

/* Calls `change` for each visible message of `l` that `other` lacks. */
static void tell(const struct maildrop *d, const struct listing *l, const struct listing *other,
    maildrop_change *change, void *with)
{
	size_t there = 0;

	for (size_t i = 0; change && i < l->count; i++) {
		const struct message *m = &l->messages[i];

		while (there < other->count && other->messages[there].id < m->id)
			there++;
		if (there < other->count && other->messages[there].id == m->id)
			continue;
		if (is_visible(d, m->id))
			change(with, l, m);
	}
}

static bool same_messages(const struct listing *a, const struct listing *b)
{
	size_t i = 0;

	while (i < a->count && i < b->count && a->messages[i].id == b->messages[i].id)
		i++;
	return i == a->count && i == b->count;
}

/* What was deleted in an earlier mount, and waits, has changed the directory then. */
static int64_t last_deleted(const struct maildrop *d)
{
	int64_t last = 0;

	for (size_t i = 0; i < d->intentions->count; i++) {
		const struct intention *x = &d->intentions->all[i];
		const struct hidden *h = hidden_find(&d->hidden, x->id);

		if (h && h->index != HIDDEN_NOT_LISTED && x->made > last)
			last = x->made;
	}
	return last;
}

void maildrop_swap(struct maildrop *d, struct listing *next, maildrop_change *gone,
    maildrop_change *come, void *with)
{
	CLEANUP(listing_dropp) struct listing *last = d->listing;

	if (!same_messages(last, next)) {
		d->version++;
		if (last->changed)
			note_change(d, next->changed);
	}
	d->listing = next;
	hidden_place(&d->hidden, d->listing);
	if (!last->changed && d->changed < last_deleted(d))
		d->changed = last_deleted(d);
	tell(d, last, next, gone, with);
	newcomers_swap(&d->newcomers, last, next);
	tell(d, next, last, come, with);
}

/* ---- sums ---- */

/* The next one from *at on that is held back, and not hidden besides; NULL: none. */
static const struct message *next_unseen(const struct maildrop *d, size_t *at)
{
	const struct newcomers *n = &d->newcomers;

	while (n->held > 0 && *at < n->count) {
		const struct newcomer *x = &n->all[(*at)++];

		if (x->era == NEWCOMERS_HELD && !maildrop_hides(d, x->id))
			return listing_by_id(d->listing, x->id);
	}
	return NULL;
}

size_t maildrop_count(const struct maildrop *d)
{
	size_t count = d->listing->count - d->hidden.listed;

	for (size_t at = 0; next_unseen(d, &at);)
		count--;
	return count;
}

/* The pen is another thread's: sums taken while it writes may be one message apart. */
static uint64_t less(uint64_t all, uint64_t part)
{
	return part < all ? all - part : 0;
}

uint64_t maildrop_octets(const struct maildrop *d)
{
	uint64_t octets = hidden_octets(&d->hidden, d->listing);
	const struct message *m;

	for (size_t at = 0; (m = next_unseen(d, &at));)
		octets += message_size(m);
	return less(atomic_load(&d->listing->octets), octets);
}

size_t maildrop_cached(const struct maildrop *d)
{
	size_t cached = hidden_cached(&d->hidden, d->listing);
	const struct message *m;

	for (size_t at = 0; (m = next_unseen(d, &at));)
		cached += (message_flags(m) & MESSAGE_CACHED) != 0;
	return (size_t)less(atomic_load(&d->listing->cached), cached);
}

size_t maildrop_pending(const struct maildrop *d)
{
	return d->hidden.count;
}

struct timespec maildrop_changed(const struct maildrop *d)
{
	return (struct timespec){changed(d), d->changed < d->listing->changed ? 0 : d->again};
}

uint64_t maildrop_version(const struct maildrop *d)
{
	return d->version;
}
