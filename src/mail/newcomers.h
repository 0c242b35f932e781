/* Messages that came after a mirror had begun: each is held back until its body is here. Part of
 * the model (maildrop.h); memory only.
 *
 * Whenever some are shown a new era begins, so that whoever reads the directory piece by piece sees
 * what there was when he began. */
#ifndef POP3FS_NEWCOMERS_H
#define POP3FS_NEWCOMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "listing.h"

/* Whether a message that has come can be shown at once. */
typedef bool newcomers_ready(void *with, const struct message *m);

struct newcomers { /* zeroed: none, and nothing is held back */
	struct newcomer {
		int64_t id;
		uint32_t era; /* since when it is shown; NEWCOMERS_HELD: it is not */
	} * all;              /* in order of id */
	size_t count;
	size_t held;
	uint32_t era;           /* the one now */
	newcomers_ready *ready; /* NULL: all can */
	void *with;
};

#define NEWCOMERS_HELD UINT32_MAX

void newcomers_finish(struct newcomers *n);

/* `next` takes the place of `last`: what only it has is new. Linear in all. */
void newcomers_swap(struct newcomers *n, const struct listing *last, const struct listing *next);

bool newcomers_hold(const struct newcomers *n, int64_t id);
bool newcomers_shown_in(const struct newcomers *n, int64_t id, uint32_t era);

/* true: it was held back, and is not any more. */
bool newcomers_show(struct newcomers *n, int64_t id);

#endif
