/* Whether a listing from which much is missing is believed. One that loses all, or more than half,
 * of at least HOLD_LEAST known messages is held back until another listing, at least the draft's
 * hold_ms later, says so again, or a person asks for it: rsync --delete would believe it, and a
 * server that has lost, or not found, a maildrop may have it again soon. When it was first seen
 * outlives the mount. Deletions of our own are expected, and no loss. */
#ifndef POP3FS_HOLD_H
#define POP3FS_HOLD_H

#include "settle.h"

#define HOLD_LEAST 20

/* Sets the fates of the messages of the listing in force, and their sums. */
enum error hold_find(struct publication *p, struct failure *why);

/* Behind hold_find: *held, and the draft's known and missing where it is. Writes the fact that a
 * listing is held back, or is no more. */
enum error hold_judge(struct publication *p, bool *held, struct failure *why);

#endif
