/* Which names the kernel must forget, since it was last told: what one listing held and a later one
 * does not hold, and what came and went in between. However many listings there were, two of them
 * are held, and the names of what was in neither. No I/O, no lock. */
#ifndef POP3FS_GONE_H
#define POP3FS_GONE_H

#include <stdbool.h>

#include "buf.h"
#include "listing.h"

struct gone {
	struct listing *was, *is; /* held; NULL: nothing has changed yet */
	struct buf between;       /* names, each with its NUL */
};

/* `was` has become `is`; `was` is what the last call said it had become. */
void gone_add(struct gone *g, struct listing *was, struct listing *is);

/* Calls tell() for each name, until it says false. Holds nothing a message. */
void gone_each(const struct gone *g, bool (*tell)(void *with, struct slice name), void *with);

void gone_finish(struct gone *g);

#endif
