/* Bodies for the kernel's pages, before it asks: who reads many messages in order then waits
 * for no READ. Used by the notify thread alone (notify.h), with a handle of its own.
 *
 * Why no reader is ever shown anything wrong by it:
 *   - Only bodies that are whole and verified are pushed, as the database has them at that moment,
 *     each piece in one read of one row, and only if they have the size that the model had when it
 *     was decided. The model, and so what the kernel is told of the size, came first.
 *   - A body goes from offset 0 to its end in pieces of whole pages, and the file's size is not
 *     changed: a message whose size was ever shown otherwise in this mount is not pushed.
 *   - With eol=lf, where the octets are others than the database's, nothing is pushed.
 *   - Should the body be replaced later, the kernel is told to forget its pages after the new one
 *     is in the database. That notice is sent by the same thread, which has no transaction open
 *     then (push_rest): a push before it is forgotten with the rest, one after it reads the new
 *     body.
 *   - In the mode without open (openless.h) an inode number stands for one body, for ever. It is
 *     taken away before another body can come, and that ends all pushes that were decided before:
 *     what was read by then is the old body, and may go into the old number's pages at any time.
 *   - A page that a READ has locked makes the push wait for that READ's answer, which the loop
 * gives without waiting for this thread. A message that the kernel does not know, or that is gone,
 * is refused by it (ENOENT), and that is all. */
#ifndef POP3FS_PUSH_H
#define POP3FS_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include <fuse_lowlevel.h>

struct push;

/* Never NULL; opens nothing yet. Both outlive it. */
struct push *push_create(struct fuse_session *fuse, const char *store);
void push_free(struct push *p); /* NULL is fine */

/* One body of `size` octets: PREFETCH_LARGEST_PUSH at most, else nothing is done; nor where it is
 * not `wanted` any more: that is asked of each piece once it has been read, by the octet that it
 * begins with, so that a large body holds nobody up for longer than a piece takes. Whatever fails
 * has no consequence but that the kernel asks. */
typedef bool push_wanted(void *with, uint64_t from);
void push_body(struct push *p, int64_t id, uint64_t size, push_wanted *wanted, void *with);

/* Bodies that follow each other are read in one transaction; this ends it. Before anything that the
 * kernel is told of a change, and before the thread sleeps. */
void push_rest(struct push *p);

#endif
