#include "newcomers.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ids.h"

void newcomers_finish(struct newcomers *n)
{
	free(n->all);
	*n = (struct newcomers){.count = 0};
}

/* ---- another listing ---- */

static size_t count_new(const struct listing *last, const struct listing *next)
{
	size_t count = 0, i = 0;

	for (size_t j = 0; j < next->count; j++) {
		while (i < last->count && last->messages[i].id < next->messages[j].id)
			i++;
		count += i == last->count || last->messages[i].id != next->messages[j].id;
	}
	return count;
}

/* One message of `next`: a newcomer of before, a new one, or neither. */
static void add(struct newcomers *n, struct newcomers *to, const struct newcomer *before,
    const struct message *m, bool is_new)
{
	struct newcomer x = {m->id, NEWCOMERS_HELD};

	if (before)
		x = *before;
	else if (!is_new)
		return;
	else if (n->ready(n->with, m))
		x.era = n->era + 1;
	to->all[to->count++] = x;
	to->held += x.era == NEWCOMERS_HELD;
}

void newcomers_swap(struct newcomers *n, const struct listing *last, const struct listing *next)
{
	struct newcomers to = *n;
	size_t i = 0, old = 0;

	if (!n->ready && n->count == 0)
		return;
	to.count = to.held = 0;
	to.all = xreallocarray(NULL, n->count + count_new(last, next) + 1, sizeof(*to.all));
	for (size_t j = 0; j < next->count; j++) {
		const struct message *m = &next->messages[j];
		bool is_new;

		while (i < last->count && last->messages[i].id < m->id)
			i++;
		while (old < n->count && n->all[old].id < m->id)
			old++;
		is_new = n->ready && (i == last->count || last->messages[i].id != m->id);
		add(n, &to, old < n->count && n->all[old].id == m->id ? &n->all[old] : NULL, m,
		    is_new);
	}
	to.era++;
	free(n->all);
	*n = to;
}

/* ---- one of them ---- */

static struct newcomer *find(const struct newcomers *n, int64_t id)
{
	return ids_find(n->all, n->count, sizeof(*n->all), id);
}

bool newcomers_hold(const struct newcomers *n, int64_t id)
{
	const struct newcomer *x = n->held > 0 ? find(n, id) : NULL;

	return x && x->era == NEWCOMERS_HELD;
}

bool newcomers_shown_in(const struct newcomers *n, int64_t id, uint32_t era)
{
	const struct newcomer *x = n->held == 0 && era >= n->era ? NULL : find(n, id);

	return !x || x->era <= era;
}

bool newcomers_show(struct newcomers *n, int64_t id)
{
	struct newcomer *x = n->held > 0 ? find(n, id) : NULL;

	if (!x || x->era != NEWCOMERS_HELD)
		return false;
	x->era = ++n->era;
	n->held--;
	return true;
}
