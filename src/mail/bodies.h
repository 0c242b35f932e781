/* Bodies in the store: chunk rows, keyed id << 24 | index, each with its number of CRLFs. A body
 * counts only when bodies_complete has been committed: until then message.chunks is NULL and a
 * start sweeps it away. */
#ifndef POP3FS_BODIES_H
#define POP3FS_BODIES_H

#include "buf.h"
#include "jobs.h"
#include "store.h"

enum error bodies_add(struct store *s, int64_t id, uint32_t index, struct slice data,
    uint32_t lines, struct failure *why);
/* Whether its header is the one that is known of the message, as far as that goes. Where none is
 * known: unless it is unproven. Whatever is known: where it is sure. */
enum error bodies_agree(
    struct store *s, int64_t id, const struct body *b, bool *agrees, struct failure *why);

/* Whether the body that was known before, if any, had other octets. */
enum error bodies_differ(
    struct store *s, int64_t id, const struct body *b, bool *differ, struct failure *why);

/* What a whole body, wherever it is kept, says of its message. */
enum error bodies_learn(struct store *s, int64_t id, const struct body *b, struct failure *why);
/* The same, and its pieces are all here: it is in the cache. */
enum error bodies_complete(struct store *s, int64_t id, const struct body *b, struct failure *why);
/* Appends one piece, and its number of CRLFs. E_STORE: there is none. */
enum error bodies_piece(struct store *s, int64_t id, uint32_t index, struct buf *data,
    uint32_t *lines, struct failure *why);
/* The body leaves the cache (or was never whole); its true size and hash stay known. */
enum error bodies_discard(struct store *s, int64_t id, struct failure *why);
enum error bodies_sweep(struct store *s, struct failure *why); /* at start: unfinished ones */
enum error bodies_used(struct store *s, int64_t id, int64_t at, struct failure *why);

#endif
