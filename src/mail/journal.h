/* The journal of deletions, a state machine in the store. `unlink` is an intention, QUIT is a
 * claim, the next listing is the proof.
 *
 *     state \ event   mark    deleted  unknown  refused   not sent  still listed    not listed
 *     (none)           -        -        -        -          -          -               - unlink ->
 * pending pending         sent      -        -        -          -       pending         forgotten
 *     sent             -     assumed  unknown  pending*   pending    pending*        forgotten
 *     assumed         sent      -        -        -          -       pending*        forgotten
 *     unknown         sent      -        -        -          -       pending*        forgotten
 *     refused          -        -        -        -          -       refused         forgotten
 * unlink -> pending
 *
 * pending*: armed again, one more try counted; after MOST_TRIES it becomes refused instead and the
 * message is shown; unlinked then, it begins anew. "sent" found at start (a crash) is treated as
 * unknown. dropped ends an intention in any state but sent. undelete does so while its DELE is not
 * out, that is in pending and refused: of the others nobody can promise that the message stays
 * before a listing has been seen. Every transition is made inside the caller's transaction. RFC
 * 1939, 5 and 6. */
#ifndef POP3FS_JOURNAL_H
#define POP3FS_JOURNAL_H

#include "jobs.h"
#include "store.h"

#define JOURNAL_MOST_TRIES 3

/* unlink: keyed by the row's UIDL, listed size and header hash as they are now. Again: no change.
 * E_VANISHED: the message is not listed any more. */
enum error journal_unlink(struct store *s, int64_t id, struct failure *why);

/* E_FORBIDDEN: its DELE is out, or was. E_VANISHED: there is none. */
enum error journal_undelete(struct store *s, int64_t id, struct failure *why);

/* sent; the caller commits durably before any DELE leaves. E_VANISHED, and the caller rolls back:
 * one of them is none or refused (it was undeleted meanwhile, say), so that no DELE may leave for
 * it: ask for the intentions again. */
enum error journal_mark(struct store *s, const int64_t *ids, size_t count, struct failure *why);
enum error journal_outcome(struct store *s, const struct outcome *o, struct failure *why);

/* The proof: a complete listing has been published (message.vanished is set for what it lacks).
 * Settles all, and all that is left is older than it. */
enum error journal_settle(struct store *s, struct failure *why);

/* At start: "sent" becomes unknown; what is not its own message's is forgotten (damage). */
enum error journal_recover(struct store *s, struct failure *why);

/* All intentions, in order of id, each for the message that has its UIDL; malloc'd, the caller's.
 */
enum error journal_all(struct store *s, struct intentions **out, struct failure *why);

#endif
