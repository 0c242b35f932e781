/* Renderings of files whose content changes by itself (.pop3fs/status). A LOOKUP that finds another
 * text than the last one makes one, with a serial of its own: a new inode number, exact in size,
 * that never changes. So every reader sees one moment, whole, with or without OPEN and at any read
 * size; and cp, which looks twice, does not take the second for another file. Kept until the
 * kernel's FORGET, and within a bound, whoever forgets to. */
#ifndef POP3FS_SNAPSHOTS_H
#define POP3FS_SNAPSHOTS_H

#include <stdint.h>

#include "buf.h"

#define SNAPSHOTS_MOST 256 /* the oldest goes when there are more */

struct snapshot {
	struct snapshot *next; /* younger */
	int64_t serial;
	int64_t made;     /* seconds since 1970 */
	uint64_t lookups; /* that the kernel has not forgotten */
	struct buf text;
};

struct snapshots {
	struct snapshot *first, **last; /* oldest first */
	size_t count;
	int64_t serial; /* of the youngest; never used twice in a mount */
};

void snapshots_init(struct snapshots *all);
void snapshots_finish(struct snapshots *all);

/* Takes the text out of *text (which becomes empty), unless the youngest says the same: then it is
 * that one. The snapshot counts one lookup more. Valid until the next call. */
const struct snapshot *snapshots_add(struct snapshots *all, struct buf *text);
const struct snapshot *snapshots_find(const struct snapshots *all, int64_t serial);
/* The kernel takes back so many lookups; the last one frees it. An unknown serial is fine. */
void snapshots_forget(struct snapshots *all, int64_t serial, uint64_t lookups);

#endif
