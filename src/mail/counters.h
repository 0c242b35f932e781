/* UIDLs that are bare small numbers, as some servers count them anew at each start: the same UIDL
 * and, by chance, the same size may be another message. Their size proves nothing, so in each
 * listing the first and the last of the known ones are compared by their headers; if one of them,
 * or of those with another size, is another message, all of that listing are, and of every later
 * one of this account. */
#ifndef POP3FS_COUNTERS_H
#define POP3FS_COUNTERS_H

#include "draft.h"
#include "store.h"

/* By the merge, when the rows have their kinds: makes those that are to be compared doubtful. */
void counters_doubt(struct store *s, struct draft *d);

/* They have begun anew: remembers that. *asks: there are headers to be brought; once a draft. */
enum error counters_question(
    struct store *s, const struct draft *d, bool *asks, struct failure *why);
/* Once that is committed, and no sooner, for what is rolled back is tried again: makes all
 * doubtful. */
void counters_ask(struct draft *d);

#endif
