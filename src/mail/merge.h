/* A server's listing against what the store knows. Both steps run in the store thread. No quadratic
 * step: a million rows are sorted and walked. */
#ifndef POP3FS_MERGE_H
#define POP3FS_MERGE_H

#include "jobs.h"
#include "store.h"

/* Gives every row its kind and, where known, its id; writes nothing. `now_valid` is the listing in
 * force. */
enum error merge_draft(
    struct store *s, const struct listing *now_valid, struct draft *d, struct failure *why);

/* In the caller's transaction: what became of the draft is its verdict. DRAFT_ASKS: nothing came
 * out, headers are to be brought. DRAFT_HELD: *out is `now_valid`, and as with *same below.
 * E_PROTOCOL: known messages lost their UIDLs. DRAFT_STANDS: nameless rows have names, new rows get
 * ids in order of number, doubtful and twin rows are settled by their header's digest (another
 * header: another message), what is missing is marked vanished, what came back is not. *out (held
 * once) is the new listing and *numbers (malloc'd) this session's numbers by index in it. *same:
 * nothing was changed and *out is `now_valid`, held once more; nothing was written. */
enum error merge_publish(struct store *s, struct listing *now_valid, struct draft *d,
    struct listing **out, uint32_t **numbers, bool *same, struct failure *why);

/* What the store knows from earlier mounts, as a listing: for the first merge, and for -o offline.
 */
enum error merge_load(struct store *s, struct listing **out, struct failure *why);

#endif
