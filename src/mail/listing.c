#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ids.h"

#define FLAG_BITS 8 /* of `fact`; the size is above */
#define FLAG_MASK ((UINT64_C(1) << FLAG_BITS) - 1)

struct listing *listing_create(size_t count, size_t names)
{
	struct listing *l = xnew(struct listing);

	atomic_init(&l->holders, 1);
	l->count = count;
	l->messages = xzalloc(count * sizeof(*l->messages));
	l->by_name = xreallocarray(NULL, count, sizeof(*l->by_name));
	l->names = xzalloc(names);
	return l;
}

void listing_fit(struct listing *l, size_t names)
{
	l->messages = xreallocarray(l->messages, l->count, sizeof(*l->messages));
	l->by_name = xreallocarray(l->by_name, l->count, sizeof(*l->by_name));
	l->names = xrealloc(l->names, names);
}

struct listing *listing_hold(struct listing *l)
{
	if (l)
		atomic_fetch_add_explicit(&l->holders, 1, memory_order_relaxed);
	return l;
}

void listing_drop(struct listing *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->holders, 1, memory_order_acq_rel) > 1)
		return;
	free(l->messages);
	free(l->by_name);
	free(l->names);
	free(l);
}

void listing_dropp(struct listing **l)
{
	listing_drop(*l);
}

/* ---- the order by name ---- */

/* A name's first octets behind what all names have in common, as a number: most comparisons need no
 * look at the names themselves, which lie all over the memory. */
struct sort_key {
	uint64_t front;
	uint32_t index;
};

static size_t common_prefix(const struct listing *l)
{
	struct slice first = message_name(l, &l->messages[0]);
	size_t common = first.len;

	for (size_t i = 1; i < l->count && common > 0; i++) {
		struct slice name = message_name(l, &l->messages[i]);
		size_t same = 0;

		while (same < common && same < name.len && name.at[same] == first.at[same])
			same++;
		common = same;
	}
	return common;
}

/* Names have no NUL, so a shorter one, filled up with zeros, still comes first. */
static uint64_t front_of(struct slice name, size_t common)
{
	uint64_t front = 0;

	for (size_t i = common; i < common + sizeof(front); i++)
		front = front << 8 | (i < name.len ? (unsigned char)name.at[i] : 0);
	return front;
}

static int compare_keys(const void *left, const void *right, void *with)
{
	const struct sort_key *a = left, *b = right;
	const struct listing *l = with;

	if (a->front != b->front)
		return a->front < b->front ? -1 : 1;
	return slice_compare(
	    message_name(l, &l->messages[a->index]), message_name(l, &l->messages[b->index]));
}

static bool names_in_order(const struct listing *l)
{
	for (size_t i = 1; i < l->count; i++)
		if (slice_compare(message_name(l, &l->messages[l->by_name[i - 1]]),
			message_name(l, &l->messages[l->by_name[i]])) > 0)
			return false;
	return true;
}

static void sum_up(struct listing *l)
{
	uint64_t octets = 0, cached = 0;

	for (size_t i = 0; i < l->count; i++) {
		octets += message_size(&l->messages[i]);
		cached += (message_flags(&l->messages[i]) & MESSAGE_CACHED) != 0;
	}
	atomic_store(&l->octets, octets);
	atomic_store(&l->cached, cached);
}

void listing_sort_names(struct listing *l)
{
	CLEANUP(freep) struct sort_key *keys = NULL;
	size_t common;

	sum_up(l);
	for (size_t i = 0; i < l->count; i++)
		l->by_name[i] = (uint32_t)i;
	if (names_in_order(l))
		return;
	common = common_prefix(l);
	keys = xreallocarray(NULL, l->count, sizeof(*keys));
	for (size_t i = 0; i < l->count; i++)
		keys[i] = (struct sort_key){
		    front_of(message_name(l, &l->messages[i]), common), (uint32_t)i};
	qsort_r(keys, l->count, sizeof(*keys), compare_keys, l);
	for (size_t i = 0; i < l->count; i++)
		l->by_name[i] = keys[i].index;
}

/* ---- lookup ---- */

/* Where the first message with an id of at least `id` is, or count. */
static size_t first_from(const struct listing *l, int64_t id)
{
	return ids_from(l->messages, l->count, sizeof(*l->messages), id);
}

struct message *listing_by_id(const struct listing *l, int64_t id)
{
	return ids_find(l->messages, l->count, sizeof(*l->messages), id);
}

struct message *listing_after(const struct listing *l, int64_t id)
{
	size_t at = id < INT64_MAX ? first_from(l, id + 1) : l->count;

	return at < l->count ? &l->messages[at] : NULL;
}

/* Where in the order by name the first one that is not before `name` is, or count. */
static size_t first_named(const struct listing *l, struct slice name)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct message *m = &l->messages[l->by_name[middle]];

		if (slice_compare(message_name(l, m), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct message *listing_by_name(const struct listing *l, struct slice name)
{
	size_t place = first_named(l, name);
	struct message *m = place < l->count ? &l->messages[l->by_name[place]] : NULL;

	return m && slice_equal(message_name(l, m), name) ? m : NULL;
}

struct message *listing_by_id_near(const struct listing *l, int64_t id, size_t index)
{
	if (index < l->count && l->messages[index].id == id)
		return &l->messages[index];
	return listing_by_id(l, id);
}

struct message *listing_by_name_near(const struct listing *l, struct slice name, size_t index)
{
	if (index < l->count && slice_equal(message_name(l, &l->messages[index]), name))
		return &l->messages[index];
	return listing_by_name(l, name);
}

size_t listing_place(const struct listing *l, const struct message *m)
{
	return first_named(l, message_name(l, m));
}

size_t listing_index(const struct listing *l, const struct message *m)
{
	return (size_t)(m - l->messages);
}

struct slice message_name(const struct listing *l, const struct message *m)
{
	return slice_make(l->names + m->name, m->name_len);
}

uint64_t message_size(const struct message *m)
{
	return atomic_load_explicit(&m->fact, memory_order_acquire) >> FLAG_BITS;
}

unsigned message_flags(const struct message *m)
{
	return (unsigned)(atomic_load_explicit(&m->fact, memory_order_acquire) & FLAG_MASK);
}

/* ---- the store thread's pen ---- */

/* The one writer changes `fact`, then what the listing sums up of it. */
static void set_fact(struct listing *l, struct message *m, uint64_t size, unsigned flags)
{
	uint64_t old_size = message_size(m);
	bool was_cached = message_flags(m) & MESSAGE_CACHED, is_cached = flags & MESSAGE_CACHED;

	atomic_store_explicit(&m->fact, size << FLAG_BITS | flags, memory_order_release);
	atomic_fetch_add(&l->octets, size - old_size); /* modulo 2^64: less is fine, too */
	if (is_cached && !was_cached)
		atomic_fetch_add(&l->cached, 1);
	if (was_cached && !is_cached)
		atomic_fetch_sub(&l->cached, 1);
}

void message_set_body(struct listing *l, struct message *m, uint64_t size, uint32_t lines,
    uint32_t header, bool cached)
{
	unsigned kept = message_flags(m) & ~(MESSAGE_TRUE_SIZE | MESSAGE_CACHED);

	if (size != message_size(m))
		kept |= MESSAGE_RESIZED;
	atomic_store_explicit(&m->lines, lines, memory_order_relaxed);
	atomic_store_explicit(&m->header, header, memory_order_relaxed);
	set_fact(l, m, size, kept | MESSAGE_TRUE_SIZE | (cached ? MESSAGE_CACHED : 0));
}

void message_set_header(struct message *m, uint32_t header)
{
	atomic_store_explicit(&m->header, header, memory_order_release);
}

void message_set_uncached(struct listing *l, struct message *m)
{
	set_fact(l, m, message_size(m), message_flags(m) & ~MESSAGE_CACHED);
}

void message_set_cached(struct listing *l, struct message *m)
{
	set_fact(l, m, message_size(m), message_flags(m) | MESSAGE_CACHED);
}

void message_set_replaced(struct listing *l, struct message *m)
{
	set_fact(l, m, message_size(m), message_flags(m) | MESSAGE_REPLACED);
}
