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
	uint32_t ordinal; /* of a new message, else 0 */
	unsigned flags;   /* of OWN_FLAGS */
	bool touched;     /* its row in the database was changed */
};

struct publication {
	struct store *store;
	struct listing *now_valid;
	const struct draft *draft;
	struct place *places; /* one a row; in order of row, later of id */
	bool set_changed;     /* messages came or went */
	bool touched;         /* something else changed */
};

/* Gives every row its place: the ids of known messages, ordinals for new ones. Keeps what the
 * listing says anew of known ones. */
enum error settle_rows(struct publication *p, struct failure *why);

static inline const struct row *row_of(const struct publication *p, const struct place *at)
{
	return &p->draft->rows[at->row];
}

#endif
