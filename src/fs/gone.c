#include "gone.h"

#include <string.h>

/* Both in order of id, so that one walk does: moves *at on to `id`, and tells whether it is there.
 */
static bool holds(const struct listing *l, size_t *at, int64_t id)
{
	while (*at < l->count && l->messages[*at].id < id)
		(*at)++;
	return *at < l->count && l->messages[*at].id == id;
}

/* What has come since `was` and is gone already: nobody who compares the two will see it. */
static void keep_between(struct gone *g, const struct listing *is)
{
	size_t in_was = 0, in_is = 0;

	for (size_t i = 0; i < g->is->count; i++) {
		const struct message *m = &g->is->messages[i];
		struct slice name = message_name(g->is, m);

		if (holds(is, &in_is, m->id) || holds(g->was, &in_was, m->id))
			continue;
		buf_add_slice(&g->between, name);
		buf_add(&g->between, "", 1);
	}
}

void gone_add(struct gone *g, struct listing *was, struct listing *is)
{
	if (g->was)
		keep_between(g, is);
	else
		g->was = listing_hold(was);
	listing_drop(g->is);
	g->is = listing_hold(is);
}

static bool each_between(
    const struct gone *g, bool (*tell)(void *with, struct slice name), void *with)
{
	struct slice rest = buf_slice(&g->between);

	while (rest.len > 0) {
		struct slice name = slice_make(rest.at, strlen(rest.at));

		if (!tell(with, name))
			return false;
		rest = slice_make(name.at + name.len + 1, rest.len - name.len - 1);
	}
	return true;
}

void gone_each(const struct gone *g, bool (*tell)(void *with, struct slice name), void *with)
{
	size_t in_is = 0;

	if (!g->was || !each_between(g, tell, with))
		return;
	for (size_t i = 0; i < g->was->count; i++) {
		const struct message *m = &g->was->messages[i];

		if (!holds(g->is, &in_is, m->id) && !tell(with, message_name(g->was, m)))
			return;
	}
}

void gone_finish(struct gone *g)
{
	listing_drop(g->was);
	listing_drop(g->is);
	buf_finish(&g->between);
	*g = (struct gone){0};
}
