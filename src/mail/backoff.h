/* When to log in again: after a login or a listing that failed, where the server asks for patience
 * (LOGIN-DELAY), and where accounts get locked. These are the rules alone: no I/O, and each call
 * says what time it is (clock.h). RFC 2449, 6.5 and 8.1; RFC 3206. */
#ifndef POP3FS_BACKOFF_H
#define POP3FS_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "reply.h"

struct backoff {
	struct failure trouble; /* the last one; code OK: none since the last success */
	bool refused;           /* the secret, for good: no login until a person asks */
	bool secret_was_good;   /* accepted in this mount */
	unsigned attempts;      /* that failed, in a row */
	int64_t retry_until;    /* of trouble that may pass: until then those who wait are not told;
				   CLOCK_NEVER: it is no such trouble */
	int64_t not_before;     /* no login before this moment ... */
	int64_t bare_until;     /* ... nor this: a good secret was refused too often ... */
	int64_t patience_until; /* ... nor this, where nobody waits: LOGIN-DELAY */
	int64_t bare_since;     /* the first bare refusal of the secret that was good ... */
	unsigned bare;          /* ... and how many there have been since */
	unsigned tokens;        /* refused in a row: the first may have expired on its way */
};

void backoff_init(struct backoff *b);

struct attempt {
	bool refused;         /* USER, PASS or AUTH was answered "-ERR" ... */
	enum reply_code code; /* ... with this code */
	bool token;           /* the secret was one, made for this login */
	int64_t retry_ms;     /* how long trouble that may pass is tried again */
	uint32_t chance;      /* a random number */
};

/* An attempt failed, a login or the listing after it. Returns true where another may help soon, and
 * those who wait go on waiting; false: tell them *why, whose code may have become another
 * (E_LOCKED: a bare refusal of a secret that was good counts as in use). */
bool backoff_failed(
    struct backoff *b, struct failure *why, const struct attempt *attempt, int64_t now);

void backoff_logged_in(struct backoff *b); /* the secret is good */
void backoff_listed(struct backoff *b);    /* and the listing stands: all is well */

/* Somebody needs it at once, or even asks to try a refused secret again. */
void backoff_hurry(struct backoff *b);
void backoff_ask(struct backoff *b);

/* The moment of the next login, where somebody waits for it or nobody does. */
int64_t backoff_due(const struct backoff *b, bool waited_for);

/* Whether a new wish cannot be tried now, and what its answer is: E_OFFLINE while backing off, but
 * what the server said where it was reached (refused, in use, later). */
bool backoff_holds(const struct backoff *b, int64_t now);
void backoff_answer(const struct backoff *b, struct failure *why);

#endif
