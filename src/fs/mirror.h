/* A mirror (prefetch=all): after each listing all messages that are not in the cache are fetched,
 * behind readers, and what comes with a later listing is shown when its body is here. What the
 * first listing of a mount has is shown at once: a directory that lacks messages would have a copy
 * of it lose them, too.
 *
 * What the server refuses is shown with the size that LIST says, for else nobody would know of it.
 * A mirror that does not fit into the cache is none: then all is as without it. */
#ifndef POP3FS_MIRROR_H
#define POP3FS_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct fetch;
struct fs;
struct status;

enum mirror_lack { MIRROR_FITS, MIRROR_CACHE_FULL, MIRROR_DISK_FULL };

struct mirror {            /* zeroed: none */
	struct fetch *set; /* what is on its way; NULL: nothing */
	bool on;
	enum mirror_lack lack;
	int64_t again;  /* clock.h: when the disk was full, it is tried again from then on */
	size_t lacking; /* messages that could not be had, of those last asked for */
	bool outgrown;  /* that was said */
	bool shown;     /* some were, and the kernel has not been told */
};

void mirror_begin(struct fs *f);  /* the first listing is there */
void mirror_listed(struct fs *f); /* another is */
/* EVENT_FETCHED and EVENT_EVICTED. */
void mirror_fetched(struct fs *f, int64_t id, const struct failure *how);
void mirror_evicted(struct fs *f, int64_t id);
void mirror_undeleted(struct fs *f, int64_t id);
void mirror_tell(struct fs *f); /* all events are taken that there were */
void mirror_finish(struct fs *f);

/* How far it is: fills status->mirror (status.h). */
void mirror_describe(const struct fs *f, char *words, size_t room);

#endif
