/* The mode without open: the kernel is told, by ENOSYS, to send no OPEN any more, so that a pass
 * over what it has in its pages costs no request a message. It cannot be taken back for the life of
 * the mount, and it takes away the place where all else makes a size true (file.c).
 *
 * It begins when a mirror (mirror.h) is whole: all that is listed is in the cache, with its true
 * size, and nothing is on its way to be fetched again. Only where the kernel itself keeps writers
 * out, too: by default_permissions, and either `ro` or nobody in the mount whom modes do not bind
 * (root), since root's writes into a shared mapping would stand in the pages of all.
 *
 * Why nobody is ever shown anything wrong, or half of a message, by it:
 *   - The answer that begins it goes through the notify thread's queue, behind all that the kernel
 *     had to forget before: what it believes of sizes by then is true.
 *   - Nothing leaves the cache: all bodies count as held (pins.h) before all flags are looked at.
 *     What is listed later is shown when it is here (mirror.h), and so with its true size.
 *   - An inode number that the kernel has stands for the octets of one body, for ever: it has an
 *     edition (editions.h) in it, while what stat shows is the message's own number. A body that
 *     turns out to be damaged is taken away from its number before another is asked for: a READ of
 *     the old number is EIO from then on, whatever comes (for fstat ESTALE), and for a name the
 *     kernel looks again. If the octets that come are the same the number is as before.
 *   - What the server refuses is shown with an edition that has no body: reading it is EIO. When it
 *     comes after all it is another edition, so nobody reads it who saw LIST's size.
 *   - A body may come with another header than TOP brought, if not with quite another: what the
 *     kernel has of that is forgotten when the body is here.
 *   - Pages ahead of a reader (push.h) are pushed to the first edition only, and end with it.
 *   - There is no RELEASE that says when the body of a message that is gone may go. The kernel says
 *     whether it still knows of the inode; it forgets one that has no name when nobody has it open
 *     any more. Who has looked a name up, and not yet opened it, in the very moment in which the
 *     message is found to be gone, may have EIO.
 *   - Directories are opened as ever (dir.c): the kernel gives all readers of its pages the same
 *     cookies, so that without OPENDIR nothing could tell a reader who began before a message came
 *     from one who began after.
 *   - All below .pop3fs is rendered at lookup, under a number of its own (snapshots.h). */
#ifndef POP3FS_OPENLESS_H
#define POP3FS_OPENLESS_H

#include <stdbool.h>
#include <stdint.h>

#include <fuse_lowlevel.h>

#include "editions.h"
#include "tree.h"

struct event;
struct fs;
struct message;

struct openless {      /* zeroed: not on */
	bool possible; /* the kernel can do without */
	bool on;
	struct editions editions;
};

/* At an OPEN. true: it has an answer, and the mode is on. */
bool openless_answers(struct fs *f, fuse_req_t req);
bool openless_is_on(const struct fs *f);
void openless_finish(struct fs *f);

/* ---- without effect while it is not on ---- */

/* The number by which the kernel knows a message now; whether another one still has attributes;
 * whether it has octets, which nobody but file.c has to ask. */
uint64_t openless_ino(const struct fs *f, int64_t id, enum view view);
bool openless_is_stale(const struct fs *f, uint64_t ino);
bool openless_has_octets(const struct fs *f, uint64_t ino);

/* Whether a message that has come can be shown with its body. */
bool openless_keeps(const struct fs *f, const struct message *m);
/* One that was held back is shown now. */
void openless_shows(struct fs *f, const struct message *m);
/* It is about to be fetched, and if it is shown, anew. */
void openless_leaves(struct fs *f, int64_t id);
void openless_fetched(struct fs *f, const struct event *e); /* EVENT_FETCHED */
/* The kernel has forgotten some of its references to this number. */
void openless_forgets(struct fs *f, uint64_t ino);

#endif
