/* What to fetch next: the messages that a reader who goes through the maildrop in order will want,
 * before he asks. A model only: no thread, no I/O; the fs thread uses it.
 *
 * Each open is a step of one of a few readers, or else the beginning of a new one (in the place of
 * the one not heard of for longest). A reader goes in one of three orders: by id (as listed, as
 * find, tar and rm go), by id backwards (the newest first), or by name (as the shell and rsync go).
 * One open alone brings nothing. The second that is next to the first opens a window ahead of the
 * reader, each further step doubles it, and what is uncached in it is asked for. A step may pass
 * over some messages, or come a little late where several processes share the reading; a jump is
 * another reader. */
#ifndef POP3FS_PREFETCH_H
#define POP3FS_PREFETCH_H

#include <stdint.h>

#include "maildrop.h"

struct prefetch;

/* `octets`: how far ahead of a reader, at most, in octets of messages asked for; 0: never. */
struct prefetch *prefetch_create(uint64_t octets);
void prefetch_free(struct prefetch *p);

/* Message `id` was opened, whether it is in the cache or not. Unknown ids are fine. */
void prefetch_opened(struct prefetch *p, const struct maildrop *d, int64_t id);

/* A fetch came to nothing: windows are halved, and so soon closed where the server is away. */
void prefetch_failed(struct prefetch *p);

/* The next message to ask for; 0: none before the next open. Visible ones that are not in the cache
 * only. The same one may be named again for another reader. A new listing forgets all readers. */
int64_t prefetch_next(struct prefetch *p, const struct maildrop *d);

#endif
