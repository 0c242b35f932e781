/* The model that the fs thread owns: the valid listing, less what was unlinked, and in a mirror
 * what is not here yet. Memory only; nothing here ever waits. One thread uses it. */
#ifndef POP3FS_MAILDROP_H
#define POP3FS_MAILDROP_H

#include <stdbool.h>
#include <time.h>

#include "jobs.h"
#include "listing.h"
#include "newcomers.h"

struct maildrop;

struct maildrop *maildrop_create(void); /* an empty listing, nothing hidden */
void maildrop_free(struct maildrop *d);

struct listing *maildrop_listing(
    const struct maildrop *d); /* not held; valid until the next change */

/* Visible messages only: NULL for what is unlinked, or held back. */
struct message *maildrop_by_name(const struct maildrop *d, struct slice name);
struct message *maildrop_by_id(const struct maildrop *d, int64_t id);
bool maildrop_hides(const struct maildrop *d, int64_t id);

/* Unlinked at once, before its row is in the log (`flying`); then maildrop_unlinked says how that
 * went. */
void maildrop_unlink(struct maildrop *d, const struct message *m);
void maildrop_unlinked(struct maildrop *d, int64_t id, bool stays_unlinked);

/* Hidden, listed, and not yet committed: what can be taken back, and .pop3fs/deleted shows. By
 * name, by id, and the first with an id above `id`; NULL: there is none. */
struct message *maildrop_deleted(const struct maildrop *d, int64_t id);
struct message *maildrop_deleted_by_name(const struct maildrop *d, struct slice name);
struct message *maildrop_deleted_after(const struct maildrop *d, int64_t id);
/* Taken back, on disk: visible again. */
void maildrop_undeleted(struct maildrop *d, int64_t id);

/* The journal's word, from an event. Unlinks still flying stay hidden. Takes the array (may be
 * NULL). */
void maildrop_intend(struct maildrop *d, struct intentions *all);
/* That last word, never NULL; older than what was unlinked or taken back since. */
const struct intentions *maildrop_intentions(const struct maildrop *d);

/* From now on what comes with a listing is held back unless it is ready (newcomers.h); NULL:
 * nothing is any more. What is here by then goes on as it was. */
void maildrop_hold_back(struct maildrop *d, newcomers_ready *ready, void *with);
bool maildrop_holds_back(const struct maildrop *d, int64_t id);
size_t maildrop_held_back(const struct maildrop *d);
/* Shows it. true: it was held back, and is visible now. */
bool maildrop_show(struct maildrop *d, int64_t id);
/* Begins anew whenever messages are shown; whether a message was visible in an era, and is. */
uint32_t maildrop_era(const struct maildrop *d);
bool maildrop_shows(const struct maildrop *d, int64_t id, uint32_t era);

/* Makes `next` the valid listing (takes the caller's hold) and tells, through `gone` (may be NULL),
 * each message that was visible and is no more, and through `come` each that was not. Linear in
 * both lists. */
typedef void maildrop_change(void *with, const struct listing *l, const struct message *m);
void maildrop_swap(struct maildrop *d, struct listing *next, maildrop_change *gone,
    maildrop_change *come, void *with);

size_t maildrop_count(const struct maildrop *d);    /* visible */
uint64_t maildrop_octets(const struct maildrop *d); /* of the visible */
size_t maildrop_cached(const struct maildrop *d);
size_t maildrop_pending(const struct maildrop *d); /* deletions not yet done: journal and flying */
/* Another number whenever other messages are visible; never 0. */
uint64_t maildrop_version(const struct maildrop *d);
/* The directory's mtime: seconds since 1970; the nanoseconds only tell changes within one second
 * apart, and there are none after most. */
struct timespec maildrop_changed(const struct maildrop *d);

#endif
