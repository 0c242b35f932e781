#include "troubled.h"

#define FIRST_PAUSE_MS   60000 /* doubled each time up to the latter */
#define LONGEST_PAUSE_MS 3600000

static const struct trouble *find(const struct troubled *t, int64_t id)
{
	for (size_t i = 0; i < TROUBLED_MOST; i++)
		if (t->all[i].id == id)
			return &t->all[i];
	return NULL;
}

void troubled_note(struct troubled *t, int64_t id, int64_t now)
{
	struct trouble *one = (struct trouble *)find(t, id);
	int64_t pause = FIRST_PAUSE_MS;

	if (!one) {
		one = &t->all[t->next];
		t->next = (t->next + 1) % TROUBLED_MOST;
		*one = (struct trouble){.id = id};
	}
	for (unsigned i = 0; i < one->times && pause < LONGEST_PAUSE_MS; i++)
		pause *= 2;
	one->times++;
	one->until = now + (pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS);
}

bool troubled_holds(const struct troubled *t, int64_t id, int64_t now)
{
	const struct trouble *one = find(t, id);

	return one && now < one->until;
}
