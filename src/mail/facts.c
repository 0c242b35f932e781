#include "facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LONGEST_NUMBER 32

static const char *const names[FACTS] = {
    [FACT_LONE_FETCHES] = "lone_fetches",
    [FACT_LIST_INEXACT] = "list_inexact",
    [FACT_PIPELINING_CORRUPTS] = "pipelining_corrupts",
    [FACT_TOP_DIFFERS] = "top_differs",
    [FACT_LOGIN_DELAY] = "login_delay",
    [FACT_LAST_LOGIN] = "last_login",
    [FACT_UIDL] = "uidl",
    [FACT_MECHANISMS] = "mechanisms",
    [FACT_CAPA] = "capa",
    [FACT_CAPA_AT] = "capa_at",
    [FACT_UIDL_BEGINS_ANEW] = "uidl_begins_anew",
    [FACT_HELD_SINCE] = "held_since",
};

const char *fact_name(enum fact fact)
{
	return names[fact];
}

int64_t fact_recall(struct store *s, enum fact fact)
{
	char value[LONGEST_NUMBER];

	return store_recall(s, names[fact], value, sizeof(value)) ? strtoll(value, NULL, 10) : 0;
}

enum error fact_remember(struct store *s, enum fact fact, int64_t value, struct failure *why)
{
	char text[LONGEST_NUMBER];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return store_remember(s, names[fact], text, why);
}

void facts_load(struct store *s, struct facts *out)
{
	for (enum fact f = 0; f < FACTS; f++)
		out->of[f] = fact_recall(s, f);
}
