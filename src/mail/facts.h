/* What earlier mounts learnt about the account's server: whole numbers by name, in the store. Read
 * once, before the threads start; the session keeps its own copy from then on and writes changes by
 * TASK_REMEMBER. */
#ifndef POP3FS_FACTS_H
#define POP3FS_FACTS_H

#include <stdint.h>

#include "store.h"

enum fact {
	FACT_LONE_FETCHES, /* RETRs that were answered with no other command out, counted to 1 */
	FACT_LIST_INEXACT, /* 1: a lone RETR brought other than LIST's octets */
	FACT_PIPELINING_CORRUPTS, /* 1: replies landed in messages under pipelining: never again */
	FACT_TOP_DIFFERS, /* messages whose header was another by TOP than by RETR, counted to 2 */
	FACT_LOGIN_DELAY, /* seconds that LOGIN-DELAY announced at the last login ... */
	FACT_LAST_LOGIN,  /* ... and when that was, seconds since 1970; both only where there is one
			   */
	FACT_UIDL,        /* 1: the server has shown UIDLs */
	FACT_MECHANISMS,  /* ways that logins were taken by: a MECHANISM_BIT each (mechanism.h) */
	FACT_CAPA,        /* what it said at the last login (remembered.h), 0 where that has been
			     contradicted since ... */
	FACT_CAPA_AT,     /* ... and when it was asked before a login, seconds since 1970 */
	/* of the store thread: */
	FACT_UIDL_BEGINS_ANEW, /* 1: they are counters, and were another message's at times */
	FACT_HELD_SINCE,       /* seconds since 1970: a listing is held back since then */
	FACTS,
};

struct facts {
	int64_t of[FACTS]; /* 0 where nothing is known */
};

/* The name under which it is remembered. */
const char *fact_name(enum fact fact);

/* In the store thread. */
int64_t fact_recall(struct store *s, enum fact fact);
enum error fact_remember(struct store *s, enum fact fact, int64_t value, struct failure *why);

void facts_load(struct store *s, struct facts *out);

#endif
