/* What earlier mounts learnt about the account's server: whole numbers by name, in the store. Read
 * once, before the threads start; the session keeps its own copy from then on and writes changes by
 * TASK_REMEMBER. */
#ifndef POP3FS_FACTS_H
#define POP3FS_FACTS_H

#include <stdint.h>

#include "store.h"

enum fact {
	FACT_LONE_FETCHES, /* RETRs that were answered with no other command out, counted to 2 */
	FACT_LIST_INEXACT, /* 1: a lone RETR brought other than LIST's octets */
	FACT_PIPELINING_CORRUPTS, /* 1: replies landed in messages under pipelining: never again */
	FACTS,
};

struct facts {
	int64_t of[FACTS]; /* 0 where nothing is known */
};

/* The name under which it is remembered. */
const char *fact_name(enum fact fact);

void facts_load(struct store *s, struct facts *out);

#endif
