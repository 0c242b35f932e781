#include "counters.h"

#include "facts.h"
#include "name.h"

static bool is_known_counter(const struct draft *d, const struct row *r)
{
	return r->kind == ROW_KNOWN && name_is_counter(row_uidl(d, r));
}

static void doubt_all(struct draft *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (is_known_counter(d, &d->rows[i]))
			d->rows[i].kind = ROW_DOUBTFUL;
}

static void doubt_first_and_last(struct draft *d)
{
	struct row *first = NULL, *last = NULL;

	for (size_t i = 0; i < d->count; i++) {
		if (!is_known_counter(d, &d->rows[i]))
			continue;
		first = first ? first : &d->rows[i];
		last = &d->rows[i];
	}
	if (first)
		first->kind = last->kind = ROW_DOUBTFUL;
}

void counters_doubt(struct store *s, struct draft *d)
{
	if (fact_recall(s, FACT_UIDL_BEGINS_ANEW))
		doubt_all(d);
	else
		doubt_first_and_last(d);
}

enum error counters_question(
    struct store *s, const struct draft *d, bool *asks, struct failure *why)
{
	*asks = false;
	for (size_t i = 0; i < d->count && !d->questioned; i++)
		*asks = *asks || is_known_counter(d, &d->rows[i]);
	if (fact_recall(s, FACT_UIDL_BEGINS_ANEW))
		return OK;
	return fact_remember(s, FACT_UIDL_BEGINS_ANEW, 1, why);
}

void counters_ask(struct draft *d)
{
	d->questioned = true;
	doubt_all(d);
}
