/* What has happened in a mount, as lines for people and programs (pop3fs events): the last ones,
 * each with a number. Pure: no I/O.
 *
 *     new NAME SIZE   a listing has brought it; SIZE in octets, as known
 *     gone NAME       it is not on the server any more
 *     committed N     so many deletions were done on the server
 *     offline         the server was lost
 *     online          it is back
 *
 * Names are as in the directory, and so have no space. */
#ifndef POP3FS_HAPPENINGS_H
#define POP3FS_HAPPENINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define HAPPENINGS_MOST 1024 /* lines; who is slower has lost some */

struct happenings { /* zeroed: nothing has happened */
	struct buf lines[HAPPENINGS_MOST];
	uint64_t next; /* the number of the next line; line n is in lines[n % MOST] */
	bool offline;
};

void happenings_finish(struct happenings *h);

void happenings_add(struct happenings *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What the session says of itself: a line where that is news. */
void happenings_offline(struct happenings *h, bool offline);

/* The lines from number `from` on, as many as `room` has for whole ones; returns their octets.
 * *next is the number behind them, *lost how many were forgotten before the first. */
size_t happenings_read(const struct happenings *h, uint64_t from, char *text, size_t room,
    uint64_t *next, uint64_t *lost);

#endif
