/* What was opened, for the store that throws out what was not used for longest. A hot read shall
 * write nothing: a message is noted once an hour, and the store is told of many at a time. */
#ifndef POP3FS_USAGE_H
#define POP3FS_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "jobs.h"

#define USAGE_MOST 256 /* messages told of at a time */

struct usage {                         /* zeroed: nothing was opened */
	const struct listing *listing; /* whose places the bits stand for; compared only */
	size_t places;
	uint64_t *noted;         /* a bit a message */
	int64_t since;           /* clock.h: when the first bit was set */
	int64_t ids[USAGE_MOST]; /* noted, and not told yet */
	size_t count;
};

void usage_finish(struct usage *u);

/* `m` is of the listing. */
void usage_opened(
    struct usage *u, const struct listing *l, const struct message *m, struct queue *tasks);

/* Tells now: before something that may make the store throw a body out, and at the end. */
void usage_tell(struct usage *u, struct queue *tasks);

#endif
