#include "usage.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"

#define AGAIN_MS 3600000 /* a message that is opened all the time is noted so often */
#define BITS     64

void usage_finish(struct usage *u)
{
	free(u->noted);
	*u = (struct usage){.count = 0};
}

/* In a new listing all places are others; that some are noted once more costs little. */
static void begin(struct usage *u, const struct listing *l)
{
	if (u->noted && u->listing == l && u->places == l->count &&
	    clock_ms() - u->since < AGAIN_MS)
		return;
	free(u->noted);
	u->noted = xzalloc((l->count / BITS + 1) * sizeof(*u->noted));
	u->listing = l;
	u->places = l->count;
	u->since = clock_ms();
}

void usage_opened(
    struct usage *u, const struct listing *l, const struct message *m, struct queue *tasks)
{
	size_t place = listing_index(l, m);
	uint64_t bit = UINT64_C(1) << place % BITS;

	begin(u, l);
	if (u->noted[place / BITS] & bit)
		return;
	u->noted[place / BITS] |= bit;
	u->ids[u->count++] = m->id;
	if (u->count == USAGE_MOST)
		usage_tell(u, tasks);
}

void usage_tell(struct usage *u, struct queue *tasks)
{
	struct task *t;

	if (u->count == 0)
		return;
	t = task_create(TASK_USED);
	t->ids = xmemdup(u->ids, u->count * sizeof(*u->ids));
	t->count = u->count;
	u->count = 0;
	queue_put(tasks, &t->item);
}
