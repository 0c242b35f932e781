/* A draft becomes the listing in force. */
#include "settle.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "counters.h"
#include "hold.h"
#include "ids.h"
#include "learn.h"
#include "name.h"
#include "nameless.h"
#include "query.h"
#include "stored.h"

static void publication_finish(struct publication *p)
{
	free(p->places);
	free(p->fates);
}

/* ---- what comes and what goes ---- */

static enum error insert_new(struct publication *p, struct failure *why)
{
	struct stored_new batch[STORED_BATCH];
	size_t count = 0;
	enum error error = OK;

	for (size_t i = 0; !error && i < p->count; i++) {
		struct place *at = &p->places[i];

		if (stored_is_fixed(row_uidl(p->draft, row_of(p, at))))
			at->flags |= MESSAGE_FIXED;
		if (at->id != 0)
			continue;
		p->set_changed = true;
		batch[count++] = (struct stored_new){row_of(p, at), at->ordinal, &at->id};
		if (count < STORED_BATCH)
			continue;
		error = stored_insert(p->store, p->draft, batch, count, why);
		count = 0;
	}
	if (!error && count > 0)
		error = stored_insert(p->store, p->draft, batch, count, why);
	return error;
}

/* What a partial listing lacks may still be there. */
static void keep_lost(struct publication *p)
{
	const struct listing *l = p->now_valid;

	if (!p->draft->partial || p->lost == 0)
		return;
	p->places = xreallocarray(p->places, p->count + p->lost, sizeof(*p->places));
	for (size_t i = 0; i < l->count; i++)
		if (p->fates[i] == FATE_LOST)
			p->places[p->count++] = (struct place){
			    .id = l->messages[i].id,
			    .row = NO_ROW,
			    .flags = message_flags(&l->messages[i]) & OWN_FLAGS,
			};
}

/* A message of the listing in force goes on: does anything that the new one says of it differ? */
static void go_on(struct publication *p, struct place *at, const struct message *m)
{
	at->old = m;
	if (is_touched(at) || at->flags != (message_flags(m) & OWN_FLAGS))
		p->touched = true;
}

static enum error come_back(struct publication *p, struct place *at, struct failure *why)
{
	p->set_changed = true;
	return at->ordinal ? OK : stored_return(p->store, at->id, why);
}

static enum error vanish(struct publication *p, const struct message *m, struct failure *why)
{
	p->set_changed = true;
	return stored_vanish(p->store, m->id, p->draft->at, why);
}

/* Both in order of id. */
static enum error compare_listings(struct publication *p, struct failure *why)
{
	const struct listing *l = p->now_valid;
	size_t i = 0;
	enum error error = OK;

	for (size_t j = 0; !error && j < p->count; j++) {
		struct place *at = &p->places[j];

		while (!error && i < l->count && l->messages[i].id < at->id)
			error = vanish(p, &l->messages[i++], why);
		if (error)
			return error;
		if (i < l->count && l->messages[i].id == at->id)
			go_on(p, at, &l->messages[i++]);
		else
			error = come_back(p, at, why);
	}
	while (!error && i < l->count)
		error = vanish(p, &l->messages[i++], why);
	return error;
}

/* ---- the new listing ---- */

static void put_name(struct listing *l, struct message *m, size_t *used, struct slice name)
{
	m->name = (uint32_t)*used;
	m->name_len = (uint32_t)name.len;
	memcpy(l->names + *used, name.at, name.len);
	*used += name.len + 1;
}

static void copy_message(const struct publication *p, const struct place *at, struct listing *l,
    struct message *m, size_t *used)
{
	const struct message *old = at->old;
	unsigned flags = (message_flags(old) & ~OWN_FLAGS) | at->flags;
	uint64_t size = message_size(old);
	uint32_t header = atomic_load(&old->header);

	if (at->resized && !(flags & MESSAGE_TRUE_SIZE)) {
		size = row_of(p, at)->listed;
		flags |= MESSAGE_RESIZED;
	}
	if (at->headed && header == 0)
		header = learn_length(row_of(p, at)->learnt);
	m->id = old->id;
	m->received = old->received;
	m->seen = old->seen;
	atomic_store(&m->lines, atomic_load(&old->lines));
	atomic_store(&m->header, header);
	stored_set_fact(m, size, flags);
	put_name(l, m, used, message_name(p->now_valid, old));
}

static void put_encoded(
    struct listing *l, struct message *m, size_t *used, struct slice uidl, unsigned ordinal)
{
	char name[NAME_LONGEST + 1];

	put_name(l, m, used, slice_make(name, name_encode(name, uidl, ordinal)));
}

/* As it stands in the store by now: to ask for each there would double a first listing's time. */
static void make_message(const struct publication *p, const struct place *at, struct listing *l,
    struct message *m, size_t *used)
{
	const struct row *r = row_of(p, at);

	m->id = at->id;
	m->received = stored_received(p->draft, r);
	m->seen = p->draft->at;
	atomic_store(&m->header, r->learnt ? learn_length(r->learnt) : 0);
	stored_set_fact(m, r->listed, at->flags);
	put_encoded(l, m, used, row_uidl(p->draft, r), at->ordinal);
}

/* One that comes back: what is known of it is in the store alone. */
struct reading {
	const struct place *at;
	struct listing *listing;
	struct message *message;
	size_t *used;
	bool found;
};

static void read_row(void *with, sqlite3_value **columns)
{
	struct reading *r = with;
	struct message *m = r->message;

	r->found = true;
	stored_message(columns, m);
	stored_set_fact(m, message_size(m), message_flags(m) | r->at->flags);
	put_encoded(r->listing, m, r->used, query_value_blob(columns[STORED_MESSAGE_UIDL]),
	    (unsigned)sqlite3_value_int(columns[STORED_MESSAGE_ORDINAL]));
}

static enum error read_message(struct publication *p, const struct place *at, struct listing *l,
    struct message *m, size_t *used, struct failure *why)
{
	struct reading r = {.at = at, .listing = l, .message = m, .used = used};
	enum error error = query_visit(p->store, read_row, &r, why,
	    "SELECT visit(?1, " STORED_MESSAGE ") FROM message WHERE id = ?2", "i", at->id);

	if (!error && !r.found)
		error = failed(why, E_STORE, "a message is missing in the cache database");
	return error;
}

/* Octets that all names take at most: an escaped octet is three, and "~" and an ordinal follow. */
static size_t names_room(const struct publication *p)
{
	size_t room = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct place *at = &p->places[i];
		size_t most = at->old ? at->old->name_len + 1u : row_of(p, at)->len * 3u + 12;

		room += most < NAME_LONGEST + 1 ? most : NAME_LONGEST + 1;
	}
	return room;
}

static enum error make_listing(struct publication *p, struct listing **out, struct failure *why)
{
	CLEANUP(listing_dropp)
	struct listing *l = listing_create(p->count, names_room(p));
	size_t used = 0;
	enum error error = OK;

	for (size_t i = 0; !error && i < l->count; i++) {
		const struct place *at = &p->places[i];
		struct message *m = &l->messages[i];

		if (at->old)
			copy_message(p, at, l, m, &used);
		else if (at->ordinal != 0)
			make_message(p, at, l, m, &used);
		else
			error = read_message(p, at, l, m, &used, why);
	}
	if (error)
		return error;
	listing_fit(l, used);
	l->changed = p->set_changed ? p->draft->at : p->now_valid->changed;
	listing_sort_names(l);
	*out = take(&l);
	return OK;
}

static uint32_t *number_places(const struct publication *p)
{
	uint32_t *numbers = xreallocarray(NULL, p->count, sizeof(*numbers));

	for (size_t i = 0; i < p->count; i++) {
		const struct place *at = &p->places[i];

		numbers[i] = at->row == NO_ROW ? 0 : row_of(p, at)->number;
	}
	return numbers;
}

/* ---- what stands in its way ---- */

/* The listing in force stays; what is still listed of it can be fetched. */
static uint32_t *number_known(const struct publication *p)
{
	uint32_t *numbers = xzalloc(p->now_valid->count * sizeof(*numbers));

	for (size_t i = 0; i < p->count; i++) {
		const struct place *at = &p->places[i];
		const struct message *m =
		    at->id ? listing_by_id_near(p->now_valid, at->id, i) : NULL;

		if (m)
			numbers[listing_index(p->now_valid, m)] = row_of(p, at)->number;
	}
	return numbers;
}

/* May turn out to be anything but DRAFT_STANDS. */
static enum error judge(struct publication *p, struct failure *why)
{
	bool held = false, asks = false;
	enum error error;

	p->draft->verdict = DRAFT_STANDS;
	nameless_name(p->draft);
	error = settle_rows(p, why);
	if (!error && p->restarted)
		error = counters_question(p->store, p->draft, &asks, why);
	if (asks)
		p->draft->verdict = DRAFT_ASKS;
	if (error || asks)
		return error;
	error = hold_find(p, why);
	if (!error)
		error = nameless_check(p, why);
	if (!error)
		error = hold_judge(p, &held, why);
	if (held)
		p->draft->verdict = DRAFT_HELD;
	return error;
}

/* ---- nothing new ---- */

static bool is_as_it_was(const struct draft *d, const struct row *r, const struct message *m)
{
	return r->kind == ROW_KNOWN && r->id == m->id && !r->learnt &&
	       !(message_flags(m) & OWN_FLAGS) && !stored_is_fixed(row_uidl(d, r));
}

/* So are most listings. */
static bool is_the_same(const struct draft *d, const struct listing *l)
{
	bool same = d->count == l->count && !d->partial;

	for (size_t i = 0; same && i < d->count; i++)
		same = is_as_it_was(d, &d->rows[i], &l->messages[i]);
	return same;
}

/* What the long way comes to then, without a place and a fate for each of a million. */
static enum error stay(struct publication *p, uint32_t **numbers, struct failure *why)
{
	const struct draft *d = p->draft;
	bool held = false;
	enum error error = hold_judge(p, &held, why); /* nothing is lost any more */

	if (error)
		return error;
	p->draft->verdict = DRAFT_STANDS;
	*numbers = xreallocarray(NULL, d->count, sizeof(**numbers));
	for (size_t i = 0; i < d->count; i++)
		(*numbers)[i] = d->rows[i].number;
	return OK;
}

/* ---- the story ---- */

static enum error write_all(struct publication *p, struct failure *why)
{
	enum error error = settle_news(p, why);

	if (!error)
		error = insert_new(p, why);
	if (error)
		return error;
	keep_lost(p);
	ids_sort(p->places, p->count, sizeof(*p->places)); /* servers list in order of arrival */
	error = compare_listings(p, why);
	if (!error && p->set_changed)
		error = stored_set_changed(p->store, p->draft->at, p->count, why);
	return error;
}

static enum error change(struct publication *p, struct listing **out, uint32_t **numbers,
    bool *same, struct failure *why)
{
	enum error error = judge(p, why);

	if (error || p->draft->verdict == DRAFT_ASKS)
		return error;
	*same = true;
	if (p->draft->verdict == DRAFT_HELD) {
		*numbers = number_known(p);
		return OK;
	}
	error = write_all(p, why);
	*same = !p->set_changed && !p->touched;
	if (!error && !*same)
		error = make_listing(p, out, why);
	if (!error)
		*numbers = number_places(p);
	return error;
}

enum error merge_publish(struct store *s, struct listing *now_valid, struct draft *d,
    struct listing **out, uint32_t **numbers, bool *same, struct failure *why)
{
	CLEANUP(publication_finish)
	struct publication p = {.store = s, .now_valid = now_valid, .draft = d};
	enum error error;

	*same = is_the_same(d, now_valid);
	error = *same ? stay(&p, numbers, why) : change(&p, out, numbers, same, why);
	if (error || d->verdict == DRAFT_ASKS)
		return error;
	if (*same)
		*out = listing_hold(now_valid);
	if (d->verdict == DRAFT_STANDS)
		store_set_listed_at(s, d->at);
	return OK;
}
