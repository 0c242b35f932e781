/* What a reader who goes through the maildrop in order will want next, before he asks: to fetch it,
 * or to push it into the kernel's pages. A model only: no thread, no I/O; the fs thread uses it.
 *
 * Each open (for pushing: each READ of a beginning, since what was pushed is not asked for) is a
 * step of one of a few readers, or else the beginning of a new one (in the place of the one not
 * heard of for longest). A reader goes in one of three orders: by id (as listed, as find, tar and
 * rm go), by id backwards (the newest first), or by name (as the shell and rsync go). One open
 * alone brings nothing. The second that is next to the first opens a window ahead of the reader,
 * each further step widens it eightfold, and what is uncached in it is asked for; once it is full,
 * more is asked for when a good part of that has been reached. A step may pass
 * over some messages, or come a little late where several processes share the reading; a jump is
 * another reader; but for pushing he may come out anywhere in the window, or just behind it. */
#ifndef POP3FS_PREFETCH_H
#define POP3FS_PREFETCH_H

#include <stdint.h>

#include "maildrop.h"

struct prefetch;

enum prefetch_what {
	PREFETCH_UNCACHED, /* to fetch */
	PREFETCH_CACHED,   /* to push: what is verified, as it was shown, and small */
};

/* Octets of a body; of a larger one the kernel's reading ahead, 256 KiB a READ, is as good. Of a
 * thousand messages of the usual sizes nine are larger than 1 MiB, 118 READs, two than 4 MiB, 71,
 * and none than this.
 */
#define PREFETCH_LARGEST_PUSH 16777216

/* `octets`: how far ahead of a reader, at most, in octets of messages asked for; 0: never. */
struct prefetch *prefetch_create(uint64_t octets, enum prefetch_what what);
void prefetch_free(struct prefetch *p);

/* Message `id` was opened, whether it is in the cache or not. Unknown ids are fine. */
void prefetch_opened(struct prefetch *p, const struct maildrop *d, int64_t id);

/* A fetch came to nothing: windows are halved, and so soon closed where the server is away. */
void prefetch_failed(struct prefetch *p);

/* The next message to ask for; 0: none before the next open. Visible ones of those that are meant,
 * only. The same one may be named again for another reader. A new listing forgets all readers. */
int64_t prefetch_next(struct prefetch *p, const struct maildrop *d);

#endif
