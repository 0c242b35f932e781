/* Bodies in the store: chunk rows, each with its number of CRLFs. A body counts only when
 * bodies_complete, or bodies_keep, has been committed: until then message.chunks does not tell of
 * it, and a start sweeps it away.
 *
 * The rows of a body have the keys place << 24 | index. Its place is the message's id or, where a
 * whole body is there already, the id's negative: a second copy comes beside the first, which is
 * read until the second is whole, and goes on being read where that never is. */
#ifndef POP3FS_BODIES_H
#define POP3FS_BODIES_H

#include "buf.h"
#include "jobs.h"
#include "store.h"

enum error bodies_add(struct store *s, int64_t id, uint32_t index, struct slice data,
    uint32_t lines, struct failure *why);

/* What there is of a message, beside a body of it that has come. */
struct known {
	bool header;    /* its header is known ... */
	bool same;      /* ... and the body's is no other, but for what servers add ... */
	bool same_text; /* ... and it is kept, octet for octet */
	bool differs;   /* the body that was known before had other octets */
	bool whole;     /* there is one in the store */
	bool pieces;    /* there are some, of that one or of another */
};
enum error bodies_known(
    struct store *s, int64_t id, const struct body *b, struct known *known, struct failure *why);

/* Whether its header is the one that is known of the message, as far as that goes. Where none is
 * known: unless it is unproven. Whatever is known: where it is sure. */
bool bodies_agree(const struct body *b, const struct known *known);

/* What a whole body, wherever it is kept, says of its message. */
enum error bodies_learn(struct store *s, int64_t id, const struct body *b, struct failure *why);
/* The same, and its pieces are all here: it is in the cache. */
enum error bodies_complete(struct store *s, int64_t id, const struct body *b, struct failure *why);
/* The same of a body in one piece, which is kept by it. */
enum error bodies_keep(struct store *s, int64_t id, const struct body *b, struct slice piece,
    const struct known *known, struct failure *why);
/* Appends one piece of the whole body, or of the one that is arriving, and its number of CRLFs.
 * E_STORE: there is none. */
enum error bodies_piece(struct store *s, int64_t id, uint32_t index, struct buf *data,
    uint32_t *lines, struct failure *why);
enum error bodies_piece_arrived(struct store *s, int64_t id, uint32_t index, struct buf *data,
    uint32_t *lines, struct failure *why);
bool bodies_has_whole(struct store *s, int64_t id);
/* The whole body leaves the cache; its true size and hash stay known. One that arrives goes on. */
enum error bodies_discard(struct store *s, int64_t id, struct failure *why);
/* The one that arrives comes to no end; a whole one stays. */
enum error bodies_break_off(struct store *s, int64_t id, struct failure *why);
enum error bodies_sweep(struct store *s, struct failure *why); /* at start: unfinished ones */
enum error bodies_used(struct store *s, int64_t id, int64_t at, struct failure *why);

#endif
