#include "errand.h"

#include "clock.h"

/* Between two tries, doubled each time up to the latter, and less a random part. */
#define FIRST_PAUSE_MS   1000
#define LONGEST_PAUSE_MS 8000

static int64_t pause_ms(unsigned times)
{
	int64_t ms = times > 3 ? LONGEST_PAUSE_MS : (int64_t)FIRST_PAUSE_MS << times;

	return ms - session_chance() % (ms / 4);
}

/* The row is in order of `due`, so that only its ends are ever looked at: one may wait for those
 * before it. */
bool postponing_takes(struct session *s, struct want *w)
{
	struct wants *wants = &s->fetching.wants;
	const struct want *last = wants->last[WANT_POSTPONED];
	int64_t now = clock_ms();

	if (w->postponed == 0)
		w->postponed_until = clock_in(s->plan->retry_ms);
	if (now >= w->postponed_until)
		return false;
	w->due = now + pause_ms(w->postponed++);
	if (last && last->due > w->due)
		w->due = last->due;
	wants_move(wants, w, WANT_POSTPONED);
	return true;
}

int64_t postponing_due(const struct session *s)
{
	const struct want *first = s->fetching.wants.first[WANT_POSTPONED];

	return first ? first->due : CLOCK_NEVER;
}

void postponing_look(struct session *s, int64_t now)
{
	struct wants *wants = &s->fetching.wants;
	struct want *w;

	while ((w = wants->first[WANT_POSTPONED]) != NULL && w->due <= now)
		wants_move(wants, w, want_home(w));
}
