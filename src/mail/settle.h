/* Inside a publication (publish.c): which message each row of the draft is (settle.c). */
#ifndef POP3FS_SETTLE_H
#define POP3FS_SETTLE_H

#include "merge.h"

#define OWN_FLAGS (MESSAGE_TWIN | MESSAGE_FIXED) /* what the listing itself says of a message */

/* What becomes of one row of the draft. */
struct place {
	int64_t id;                /* 0: a new message */
	const struct message *old; /* in the listing in force; NULL: it was not there */
	uint32_t row;
	uint32_t ordinal;     /* of a new message, else 0 */
	unsigned flags;       /* of OWN_FLAGS */
	bool resized, headed; /* the listing says a size, or brings a header, that is news */
};

#define NO_ROW UINT32_MAX /* of a message that is kept although this listing lacks it */

/* What becomes of a message of the listing in force: hold.c finds out. */
enum fate {
	FATE_LOST,    /* it is not listed ... */
	FATE_DELETED, /* ... and that is what we wanted */
	FATE_LISTED,
};

struct publication {
	struct store *store;
	struct listing *now_valid;
	struct draft *draft;
	struct place *places; /* one a row, and those kept; in order of row, later of id */
	size_t count;
	unsigned char *fates; /* by index in now_valid */
	size_t lost, deleted; /* so many of each fate */
	bool restarted;       /* a counter's UIDL turned out to be another message */
	bool set_changed;     /* messages came or went */
	bool touched;         /* something else changed */
};

/* Gives every row its place: the ids of known messages, ordinals for new ones. Writes no more than
 * hashes of headers that were stored without. */
enum error settle_rows(struct publication *p, struct failure *why);

/* Writes what the listing says anew of known messages. */
enum error settle_news(struct publication *p, struct failure *why);

static inline bool is_touched(const struct place *at)
{
	return at->resized || at->headed;
}

static inline const struct row *row_of(const struct publication *p, const struct place *at)
{
	return &p->draft->rows[at->row];
}

#endif
