/* Whether stored bodies are what came: each has its SHA-256. In the store thread, in steps that are
 * short enough for others to be served in between; one check is a task that goes round and round.
 *
 * A body that is damaged is thrown away at once. One that differs from what LIST says is only told
 * of: LIST is no promise. */
#ifndef POP3FS_CHECKING_H
#define POP3FS_CHECKING_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "store.h"

enum finding {
	FOUND_NOTHING, /* all that was looked at is as it should be */
	FOUND_DAMAGED, /* and thrown away */
	FOUND_DIFFERS, /* from LIST's size */
	FOUND_ABSENT,  /* the one that was asked for is not in the cache */
};

struct checking {
	int64_t after; /* messages with an id above this; or (`only`) this one alone */
	bool only;

	/* what came of it, up to the first finding */
	enum finding found;
	int64_t id;       /* the last one looked at; 0: there are no more */
	uint64_t checked; /* messages that are as they should be ... */
	uint64_t octets;  /* ... and octets of all that was looked at */
	uint64_t size, listed;
	unsigned char sha256[32];
	char name[220]; /* the file's, without suffix */

	struct hashing *hashing; /* the body under way, or NULL */
};

struct checking *checking_create(int64_t after, bool only);
void checking_free(struct checking *c); /* NULL is fine */

/* One step, inside the caller's transaction. *done: there is a finding, or enough was looked at for
 * one answer, or there is no more (id is 0). */
enum error checking_step(struct store *s, struct checking *c, bool *done, struct failure *why);

#endif
