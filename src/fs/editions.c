#include "editions.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ids.h"

#define WITHOUT 3 /* odd, and behind it none that anybody has seen, the same octets or not */

void editions_finish(struct editions *e)
{
	free(e->all);
	*e = (struct editions){.count = 0};
}

static size_t place_of(const struct editions *e, int64_t id)
{
	return ids_from(e->all, e->count, sizeof(*e->all), id);
}

static struct edition *find(const struct editions *e, int64_t id)
{
	return ids_find(e->all, e->count, sizeof(*e->all), id);
}

static struct edition *find_or_add(struct editions *e, int64_t id)
{
	size_t at = place_of(e, id);

	if (at < e->count && e->all[at].id == id)
		return &e->all[at];
	e->all = xreallocarray(e->all, e->count + 1, sizeof(*e->all));
	memmove(e->all + at + 1, e->all + at, (e->count - at) * sizeof(*e->all));
	e->all[at] = (struct edition){.id = id};
	e->count++;
	return &e->all[at];
}

uint32_t editions_of(const struct editions *e, int64_t id)
{
	const struct edition *x = e->count > 0 ? find(e, id) : NULL;

	return x ? x->number : 0;
}

bool editions_has_body(uint32_t number)
{
	return number % 2 == 0;
}

bool editions_leave(struct editions *e, int64_t id)
{
	struct edition *x;

	if (!editions_has_body(editions_of(e, id)))
		return false;
	x = find_or_add(e, id);
	x->number++;
	return true;
}

void editions_begin_without(struct editions *e, int64_t id)
{
	if (editions_of(e, id) < WITHOUT)
		find_or_add(e, id)->number = WITHOUT;
	else
		editions_leave(e, id);
}

bool editions_return(struct editions *e, int64_t id, bool same)
{
	struct edition *x = e->count > 0 ? find(e, id) : NULL;

	if (!x || editions_has_body(x->number) || (!same && x->number == EDITIONS_LAST))
		return false;
	if (same)
		x->number--;
	else
		x->number++;
	return true;
}
