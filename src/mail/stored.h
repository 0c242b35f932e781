/* Messages as rows of the database: for the merge (merge.c, publish.c). */
#ifndef POP3FS_STORED_H
#define POP3FS_STORED_H

#include "draft.h"
#include "listing.h"
#include "store.h"

struct stored {
	int64_t id;
	unsigned ordinal;
	uint64_t listed, size; /* size is listed while the true one is unknown */
	bool vanished;
	bool has_digest;
	unsigned char digest[32];
};

struct stored_set { /* zeroed: empty */
	struct stored *all;
	size_t count, room;
};
void stored_set_finish(struct stored_set *set);

/* All rows that ever had this UIDL, in order of ordinal, in place of what *set held. */
enum error stored_of_uidl(
    struct store *s, struct slice uidl, struct stored_set *set, struct failure *why);

/* Whether there ever was a message. */
enum error stored_any(struct store *s, bool *any, struct failure *why);

/* Where the hash is unknown, makes it from the header or the body that is stored, and keeps it. */
enum error stored_find_digest(struct store *s, struct stored *m, struct failure *why);

/* What has no UIDL of its own cannot be deleted. */
bool stored_is_fixed(struct slice uidl);

/* LIST's size of one message: *listed. */
enum error stored_listed(struct store *s, int64_t id, uint64_t *listed, struct failure *why);

/* New messages of the draft, STORED_BATCH at a time at most: *id is its number for ever. */
#define STORED_BATCH 100
struct stored_new {
	const struct row *row;
	unsigned ordinal;
	int64_t *id;
};
enum error stored_insert(struct store *s, const struct draft *d, const struct stored_new *all,
    size_t count, struct failure *why);

/* The time that it is shown with. */
int64_t stored_received(const struct draft *d, const struct row *r);

enum error stored_set_listed(struct store *s, int64_t id, uint64_t listed, struct failure *why);
/* Keeps the header of a message that had none; its time stays as it was shown. */
enum error stored_set_header(
    struct store *s, int64_t id, const struct learnt *l, struct failure *why);
/* The text alone, in place of what there was. */
enum error stored_set_header_text(
    struct store *s, int64_t id, const struct learnt *l, struct failure *why);
/* A header that somebody wanted to see, whole (learn_length): kept unless the body is there, which
 * knows better. *length is that of the header as it is known then. */
enum error stored_bring_header(
    struct store *s, int64_t id, const struct learnt *l, uint32_t *length, struct failure *why);
enum error stored_vanish(struct store *s, int64_t id, int64_t at, struct failure *why);
enum error stored_return(struct store *s, int64_t id, struct failure *why);

/* When the set of messages last changed, seconds since 1970 (0: never), and how many they are. */
int64_t stored_changed(struct store *s);
enum error stored_set_changed(struct store *s, int64_t at, size_t count, struct failure *why);
/* Whether that is at least half of all there ever were. No more than a hint at what is quicker. */
bool stored_are_most(struct store *s);

/* The columns that stored_message reads, in its order, where a visit (query.h) gets them, and what
 * it makes of them: all of *m but its name. */
#define STORED_MESSAGE                                                                             \
	"id, listed, size, lines, chunks, header_len, coalesce(received, seen), seen, uidl, "      \
	"ordinal"
void stored_message(sqlite3_value **columns, struct message *m);
#define STORED_MESSAGE_UIDL    8
#define STORED_MESSAGE_ORDINAL 9

/* Sets the size (octets) and the MESSAGE_ flags of a message that nobody else sees yet. */
void stored_set_fact(struct message *m, uint64_t size, unsigned flags);

#endif
