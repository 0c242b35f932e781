/* Messages that could not be fetched though the server was there: it refused them, or breaks off or
 * falls silent in them. Nobody asks for one again by himself for a while that grows; whoever opens
 * it does. No I/O; each call says what time it is (clock.h). */
#ifndef POP3FS_TROUBLED_H
#define POP3FS_TROUBLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TROUBLED_MOST 256 /* beyond that the oldest is forgotten */

struct troubled {
	struct trouble {
		int64_t id, until;
		unsigned times;
	} all[TROUBLED_MOST]; /* id 0: none */
	size_t next;          /* the one to be forgotten */
};

void troubled_note(struct troubled *t, int64_t id, int64_t now);
bool troubled_holds(const struct troubled *t, int64_t id, int64_t now);

#endif
