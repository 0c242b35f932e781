/* What a maildrop holds, at one moment: an immutable, reference-counted array in order of id (which
 * is the order of arrival), with a second order by name. A refresh makes a new one; who still reads
 * the old keeps it. Lookup is a binary search; an id resumes a directory read in any later listing.
 */
#ifndef POP3FS_LISTING_H
#define POP3FS_LISTING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* 48 octets, with its name and its place in the order by name about 70 in all. */
struct message {
	int64_t id;       /* of the store's row; the inode is made from it */
	int64_t received; /* seconds since 1970: mtime */
	int64_t seen;     /* when it was first listed: ctime */
	/* What is learnt after the listing was made. The store thread alone writes these, after its
	 * transaction and before the event that tells of it; any thread reads them. */
	_Atomic uint64_t fact;   /* size << 8 | MESSAGE_ flags: both change in one step */
	_Atomic uint32_t lines;  /* CRLFs in the body, known when MESSAGE_TRUE_SIZE is set */
	_Atomic uint32_t header; /* octets of the header, 0 while unknown or empty */
	uint32_t name;           /* where it begins in the listing's names; ended by NUL */
	uint32_t name_len;
};

#define MESSAGE_TRUE_SIZE 1u  /* the size is the body's true length, else what LIST says */
#define MESSAGE_CACHED    2u  /* the whole body is in the store */
#define MESSAGE_TWIN      4u  /* its UIDL is listed more than once */
#define MESSAGE_RESIZED   16u /* the size that was shown first, in this mount, was another */
#define MESSAGE_REPLACED  32u /* so were the octets: the cache held another body before */
#define MESSAGE_FIXED     8u  /* cannot be deleted: no UIDL, or a twin that nothing tells apart */

struct listing {
	atomic_int holders;
	size_t count;
	struct message *messages; /* in order of id */
	uint32_t *by_name;        /* indexes into messages, in memcmp order of name */
	char *names;
	int64_t changed;         /* when the set of messages last changed, seconds since 1970 */
	_Atomic uint64_t octets; /* sum of all sizes, kept as sizes become true */
	_Atomic uint64_t cached; /* messages in the cache */
};

/* A listing of `count` messages, all zero, with `names` octets of names (each with its NUL), held
 * once. The maker fills messages in order of id, and names, then calls listing_sort_names, which
 * puts by_name in order and sums up octets and cached. */
struct listing *listing_create(size_t count, size_t names);
void listing_sort_names(struct listing *l);
/* For a maker who did not know how many there will be: messages and names, which it made larger
 * itself, become as large as `count` and the octets of names are. */
void listing_fit(struct listing *l, size_t names);
struct listing *listing_hold(struct listing *l); /* returns l; NULL is fine */
void listing_drop(struct listing *l);            /* the last one frees; NULL is fine */
void listing_dropp(struct listing **l);          /* for CLEANUP */

/* NULL where there is none. */
struct message *listing_by_id(const struct listing *l, int64_t id);
struct message *listing_by_name(const struct listing *l, struct slice name);
/* The same for who walks along: one look at `index` of messages, where it is likely to be, comes
 * before the search. */
struct message *listing_by_id_near(const struct listing *l, int64_t id, size_t index);
struct message *listing_by_name_near(const struct listing *l, struct slice name, size_t index);
/* The first message with an id above `id`; NULL at the end. */
struct message *listing_after(const struct listing *l, int64_t id);
size_t listing_index(const struct listing *l, const struct message *m);
/* Where it stands in the order by name: an index into by_name. */
size_t listing_place(const struct listing *l, const struct message *m);

struct slice message_name(const struct listing *l, const struct message *m);
uint64_t message_size(const struct message *m); /* true, or LIST's */
unsigned message_flags(const struct message *m);

/* The store thread's pen: a body is known (and cached or not), or has left the cache. Keeps the
 * listing's octets and cached right. A reader that sees the new size also sees the new lines. */
void message_set_body(struct listing *l, struct message *m, uint64_t size, uint32_t lines,
    uint32_t header, bool cached);
void message_set_header(struct message *m, uint32_t header); /* known without the body */
void message_set_uncached(struct listing *l, struct message *m);
void message_set_cached(
    struct listing *l, struct message *m); /* after all: the body is there yet */
/* Before message_set_body: it comes with other octets than the body before. (That it has another
 * size message_set_body sees itself.) */
void message_set_replaced(struct listing *l, struct message *m);

#endif
