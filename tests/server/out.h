/* What is still to be sent on a connection, in order: octets, and marks between them at which
 * something happens (a wait, a handshake, the end). No I/O. */
#ifndef SERVER_OUT_H
#define SERVER_OUT_H

#include <sys/uio.h>

#include "buf.h"

enum out_kind {
	OUT_OCTETS,
	OUT_WAIT,  /* milliseconds pass */
	OUT_PACE,  /* from here on: writes of `len` octets (0: any), milliseconds between them */
	OUT_TLS,   /* the handshake */
	OUT_CLOSE, /* the end, in good order */
	OUT_ABORT, /* the end, by RST */
	OUT_STALL, /* nothing more, for ever */
};

struct out_item {
	enum out_kind kind;
	const char *at; /* OUT_OCTETS: where they are; NULL: next in `copied` */
	size_t len;
	void *own; /* freed when the item is done */
	int64_t milliseconds;
};

struct out {
	struct out_item *items;
	size_t first, count, room; /* items[first] .. items[first + count - 1] */
	struct buf copied;
	size_t octets, marks; /* how many are queued */
};

/* A zeroed struct out is an empty one. */
void out_finish(struct out *o);

void out_copy(struct out *o, const void *octets, size_t len);
void out_text(struct out *o, const char *text);
void out_printf(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_lend(struct out *o, const char *at, size_t len); /* octets must outlive the queue */
void out_own(struct out *o, struct buf *b);               /* takes them over; *b is empty then */
void out_mark(struct out *o, enum out_kind kind, size_t len, int64_t milliseconds);

/* Moves all that `from` holds to the end of `o`. */
void out_append(struct out *o, struct out *from);

/* The first item, or NULL. */
const struct out_item *out_first(const struct out *o);

/* Points at most `max` pieces at the octets before the first mark, `limit` octets in all. */
size_t out_vector(const struct out *o, struct iovec *pieces, size_t max, size_t limit);

void out_sent(struct out *o, size_t octets); /* those are gone from the front */
void out_passed(struct out *o);              /* the mark at the front is done */

/* Moves all octets to the end of *to; there may be no marks. */
void out_flatten(struct out *o, struct buf *to);

#endif
