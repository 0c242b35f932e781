/* The messages that are hidden from the directory because they were unlinked: a set in order of id,
 * of what the journal said last and what was unlinked since. Each knows where the valid listing has
 * it. Memory only; one thread uses it. */
#ifndef POP3FS_HIDDEN_H
#define POP3FS_HIDDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs.h"
#include "listing.h"

#define HIDDEN_NOT_LISTED UINT32_MAX

enum hidden_why {
	HIDDEN_IN_JOURNAL, /* the journal's last word has it */
	HIDDEN_ASSUMED,    /* the same, but the server said that it is done: there is no way back */
	HIDDEN_FLYING,     /* unlinked, its row not yet in the log */
	HIDDEN_LANDED,     /* its row is in the log, but the journal's last word is older */
};

struct hidden {
	int64_t id;
	uint32_t index; /* in the valid listing, or HIDDEN_NOT_LISTED */
	enum hidden_why why;
};

struct hidden_set {         /* all zero: empty */
	struct hidden *all; /* in order of id; rm in order of arrival adds at its end */
	size_t count, room;
	size_t listed; /* of them, those that the listing has */
};

void hidden_finish(struct hidden_set *s);

/* Where the first one with an id of at least `id` is, or count. */
size_t hidden_from(const struct hidden_set *s, int64_t id);
/* NULL: it is not hidden. Valid until the set changes. */
struct hidden *hidden_find(const struct hidden_set *s, int64_t id);
/* Where `l`, the valid listing, has it; NULL: nowhere. */
struct message *hidden_message(const struct hidden *h, const struct listing *l);

/* As flying. false: it was hidden already. */
bool hidden_add(struct hidden_set *s, const struct listing *l, int64_t id);
void hidden_remove(struct hidden_set *s, struct hidden *h);

/* After the listing has become another: looks for all of them. */
void hidden_place(struct hidden_set *s, const struct listing *l);

/* The journal's word: what it names and has not been refused, and what is still flying. true: other
 * listed messages are hidden than before. Linear in both. */
bool hidden_replace(
    struct hidden_set *s, const struct intentions *journal, const struct listing *l);

/* Octets, and how many are in the cache, of those that the listing has. */
uint64_t hidden_octets(const struct hidden_set *s, const struct listing *l);
size_t hidden_cached(const struct hidden_set *s, const struct listing *l);

#endif
