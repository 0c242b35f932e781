#include "maildrop.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

#define FIRST_ROOM 16 /* hidden messages; doubled when full */
#define NOT_LISTED UINT32_MAX

/* Why a message is hidden. */
enum why {
	IN_JOURNAL, /* the journal's last word has it */
	ASSUMED,    /* the same, but the server said that it is done: there is no way back */
	FLYING,     /* unlinked, its row not yet in the log */
	LANDED,     /* its row is in the log, but the journal's last word is older */
};

struct hidden {
	int64_t id;
	uint32_t index; /* in the valid listing, or NOT_LISTED */
	enum why why;
};

struct maildrop {
	struct listing *listing;
	struct intentions *intentions;
	struct hidden *hidden; /* in order of id; rm in order of arrival adds at its end */
	size_t count, room;
	size_t listed; /* of the hidden, those that the listing has */
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
	free(d->hidden);
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

/* ---- the hidden ---- */

/* Where the first hidden one with an id of at least `id` is, or count. */
static size_t hidden_from(const struct maildrop *d, int64_t id)
{
	size_t low = 0, high = d->count;

	if (high > 0 && d->hidden[high - 1].id < id)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->hidden[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct hidden *find_hidden(const struct maildrop *d, int64_t id)
{
	size_t at = hidden_from(d, id);

	return at < d->count && d->hidden[at].id == id ? &d->hidden[at] : NULL;
}

static uint32_t place_of(const struct listing *l, int64_t id)
{
	const struct message *m = listing_by_id(l, id);

	return m ? (uint32_t)listing_index(l, m) : NOT_LISTED;
}

/* After the listing or the set of hidden ones has become another. */
static void place_hidden(struct maildrop *d)
{
	d->listed = 0;
	for (size_t i = 0; i < d->count; i++) {
		d->hidden[i].index = place_of(d->listing, d->hidden[i].id);
		d->listed += d->hidden[i].index != NOT_LISTED;
	}
}

bool maildrop_hides(const struct maildrop *d, int64_t id)
{
	return find_hidden(d, id) != NULL;
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
	if (!h || h->index == NOT_LISTED || h->why == ASSUMED)
		return NULL;
	return &d->listing->messages[h->index];
}

struct message *maildrop_deleted(const struct maildrop *d, int64_t id)
{
	return if_deleted(d, find_hidden(d, id));
}

struct message *maildrop_deleted_by_name(const struct maildrop *d, struct slice name)
{
	const struct message *m = listing_by_name(d->listing, name);

	return m ? maildrop_deleted(d, m->id) : NULL;
}

struct message *maildrop_deleted_after(const struct maildrop *d, int64_t id)
{
	for (size_t i = hidden_from(d, id + 1); i < d->count; i++) {
		struct message *m = if_deleted(d, &d->hidden[i]);

		if (m)
			return m;
	}
	return NULL;
}

/* ---- unlink, and back ---- */

void maildrop_unlink(struct maildrop *d, const struct message *m)
{
	size_t at = hidden_from(d, m->id);

	if (at < d->count && d->hidden[at].id == m->id)
		return;
	if (d->count == d->room) {
		d->room = d->room ? 2 * d->room : FIRST_ROOM;
		d->hidden = xreallocarray(d->hidden, d->room, sizeof(*d->hidden));
	}
	memmove(d->hidden + at + 1, d->hidden + at, (d->count - at) * sizeof(*d->hidden));
	d->hidden[at] = (struct hidden){m->id, place_of(d->listing, m->id), FLYING};
	d->listed += d->hidden[at].index != NOT_LISTED;
	d->count++;
	note_change(d, clock_seconds());
}

static void show(struct maildrop *d, struct hidden *h)
{
	d->listed -= h->index != NOT_LISTED;
	d->count--;
	memmove(h, h + 1, (size_t)(d->hidden + d->count - h) * sizeof(*h));
	note_change(d, clock_seconds());
}

void maildrop_unlinked(struct maildrop *d, int64_t id, bool stays_unlinked)
{
	struct hidden *h = find_hidden(d, id);

	if (!h || h->why != FLYING)
		return;
	if (stays_unlinked)
		h->why = LANDED;
	else
		show(d, h);
}

void maildrop_undeleted(struct maildrop *d, int64_t id)
{
	struct hidden *h = find_hidden(d, id);

	if (h)
		show(d, h);
}

/* ---- the journal ---- */

static enum why hidden_by(const struct intention *i)
{
	return i->state == INTENTION_ASSUMED ? ASSUMED : IN_JOURNAL;
}

static size_t next_listed(const struct hidden *all, size_t count, size_t from)
{
	while (from < count && all[from].index == NOT_LISTED)
		from++;
	return from;
}

/* Whether both hide the same listed messages. */
static bool same_hidden(const struct hidden *a, size_t m, const struct hidden *b, size_t n)
{
	size_t i = next_listed(a, m, 0), j = next_listed(b, n, 0);

	while (i < m && j < n && a[i].id == b[j].id) {
		i = next_listed(a, m, i + 1);
		j = next_listed(b, n, j + 1);
	}
	return i == m && j == n;
}

static void replace_hidden(struct maildrop *d, struct hidden *next, size_t count, size_t room)
{
	CLEANUP(freep) struct hidden *last = d->hidden;
	size_t last_count = d->count;

	d->hidden = next;
	d->count = count;
	d->room = room;
	place_hidden(d);
	if (!same_hidden(last, last_count, next, count))
		note_change(d, clock_seconds());
}

/* The journal's hidden ones and those still flying, both in order of id, become one. */
void maildrop_intend(struct maildrop *d, struct intentions *all)
{
	struct intentions *next = all ? all : no_intentions();
	struct hidden *merged = xreallocarray(NULL, next->count + d->count, sizeof(*merged));
	size_t count = 0, old = 0;

	for (size_t i = 0; i <= next->count; i++) {
		int64_t id = i < next->count ? next->all[i].id : INT64_MAX;

		for (; old < d->count && d->hidden[old].id <= id; old++)
			if (d->hidden[old].why == FLYING)
				merged[count++] = d->hidden[old];
		if (i == next->count || next->all[i].state == INTENTION_REFUSED)
			continue;
		if (count == 0 || merged[count - 1].id != id)
			merged[count++] = (struct hidden){id, NOT_LISTED, hidden_by(&next->all[i])};
	}
	free(d->intentions);
	d->intentions = next;
	replace_hidden(d, merged, count, next->count + d->count);
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
		const struct hidden *h = find_hidden(d, x->id);

		if (h && h->index != NOT_LISTED && x->made > last)
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
	place_hidden(d);
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
	size_t count = d->listing->count - d->listed;

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
	uint64_t octets = 0;
	const struct message *m;

	for (size_t i = 0; i < d->count; i++)
		if (d->hidden[i].index != NOT_LISTED)
			octets += message_size(&d->listing->messages[d->hidden[i].index]);
	for (size_t at = 0; (m = next_unseen(d, &at));)
		octets += message_size(m);
	return less(atomic_load(&d->listing->octets), octets);
}

size_t maildrop_cached(const struct maildrop *d)
{
	size_t cached = 0;
	const struct message *m;

	for (size_t at = 0; (m = next_unseen(d, &at));)
		cached += (message_flags(m) & MESSAGE_CACHED) != 0;
	for (size_t i = 0; i < d->count; i++) {
		uint32_t index = d->hidden[i].index;

		if (index != NOT_LISTED)
			cached +=
			    (message_flags(&d->listing->messages[index]) & MESSAGE_CACHED) != 0;
	}
	return (size_t)less(atomic_load(&d->listing->cached), cached);
}

size_t maildrop_pending(const struct maildrop *d)
{
	return d->count;
}

struct timespec maildrop_changed(const struct maildrop *d)
{
	return (struct timespec){changed(d), d->changed < d->listing->changed ? 0 : d->again};
}

uint64_t maildrop_version(const struct maildrop *d)
{
	return d->version;
}
