#include "facts.h"

#include <stdlib.h>

#define LONGEST_NUMBER 32

static const char *const names[FACTS] = {
    [FACT_LONE_FETCHES] = "lone_fetches",
    [FACT_LIST_INEXACT] = "list_inexact",
    [FACT_PIPELINING_CORRUPTS] = "pipelining_corrupts",
};

const char *fact_name(enum fact fact)
{
	return names[fact];
}

void facts_load(struct store *s, struct facts *out)
{
	char value[LONGEST_NUMBER];

	for (enum fact f = 0; f < FACTS; f++)
		out->of[f] =
		    store_recall(s, names[f], value, sizeof(value)) ? strtoll(value, NULL, 10) : 0;
}
