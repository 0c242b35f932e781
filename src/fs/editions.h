/* Which body of a message an inode number of the kernel's stands for, in the mode without open
 * (openless.h). Pure.
 *
 * A message has edition 0, as nearly all have for ever. When its body is to be fetched anew the
 * next edition begins, an odd one: that has no body. When a body has come it is 0 again, or
 * whatever even one it was, if the octets are the same; else the next even one. So an even edition
 * stands for the octets of one body, always, and an odd one for none. */
#ifndef POP3FS_EDITIONS_H
#define POP3FS_EDITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDITIONS_LAST 1048575u /* 20 bits; a message that has come so far has no body any more */

struct editions { /* zeroed: all have edition 0 */
	struct edition {
		int64_t id;
		uint32_t number;
	} * all; /* in order of id; those that ever had another than 0 */
	size_t count;
};

void editions_finish(struct editions *e);

uint32_t editions_of(const struct editions *e, int64_t id);
bool editions_has_body(uint32_t number);

/* Its body is none any more. true: it was one until now. */
bool editions_leave(struct editions *e, int64_t id);
/* It is shown, and has never had one. */
void editions_begin_without(struct editions *e, int64_t id);
/* A body has come; `same`: the octets of the one before. false: there was none to wait for. */
bool editions_return(struct editions *e, int64_t id, bool same);

#endif
