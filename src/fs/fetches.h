/* Sets of messages that are to be brought into the cache: what was asked for by pop3fs fetch, or
 * all, for a mirror. A model only: no thread, no I/O; filling.c sends the jobs.
 *
 * Any number may be wanted: only so many are asked for at a time, and each that is answered makes
 * room for the next. Messages are counted once each, however often they were named. */
#ifndef POP3FS_FETCHES_H
#define POP3FS_FETCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "slice.h"

struct fetch_failure {
	char *name;
	struct failure why;
};

struct fetch { /* one set */
	struct fetch *next;
	int64_t number;
	bool begun;                       /* all its messages are named */
	size_t messages, settled, failed; /* so many; those that failed are settled, too */
	uint64_t octets,
	    settled_octets; /* by the sizes known when they were named; without those that failed */
	struct fetch_failure *failures; /* the first of them */
	size_t failures_kept;
	uint64_t seen, told; /* what whoever waits has heard of: ioctls.h */
	/* private */
	struct fetch_one *all; /* in order of id once begun */
	size_t count, room;
	size_t asked; /* those before it are out or settled */
	size_t out;
	uint64_t out_octets;
};

struct fetch *fetch_create(void);
void fetch_free(struct fetch *x);

/* One more message; before fetch_begin, in any order. */
void fetch_add(struct fetch *x, int64_t id, uint64_t octets);
/* Something that is named and cannot be fetched: it counts as a message that failed. */
void fetch_cannot(struct fetch *x, struct slice name, const struct failure *why);
void fetch_begin(struct fetch *x);

/* The next one to ask for, which is out from then on; 0: none, before another is settled. */
int64_t fetch_next(struct fetch *x);
/* One that is out is in the cache (NULL), or why not, and its name then. Others are fine. */
void fetch_settle(struct fetch *x, int64_t id, struct slice name, const struct failure *why);
bool fetch_is_out(const struct fetch *x, int64_t id);
bool fetch_is_done(const struct fetch *x);

#endif
