/* The login itself, by one mechanism: AUTH's exchange (auth.h), APOP, or USER and PASS. From its
 * first command to "+OK" or "-ERR". No I/O. RFC 1939, 7; 5034. What comes before it and behind it,
 * and which mechanism it is: login.h. */
#ifndef POP3FS_ATTEMPT_H
#define POP3FS_ATTEMPT_H

#include "client.h"
#include "sasl.h"

struct attempt;

/* Sends the first command. The plan's mechanism is any but MECHANISM_AUTO. timestamp: APOP's, out
 * of the greeting. The plan's strings and the timestamp must live as long as the attempt. *out is
 * the caller's, for attempt_free. Errors: auth_create's, client_send's, and E_CONFIG where user or
 * secret are too long for a line; nothing was sent then. */
enum error attempt_create(struct attempt **out, struct client *c, const struct sasl_plan *plan,
    struct slice timestamp, struct failure *why);
void attempt_free(struct attempt *a); /* wipes; NULL is fine */

enum attempt_result {
	ATTEMPT_MORE,    /* bring the next answer */
	ATTEMPT_DONE,    /* "+OK", and it may be believed */
	ATTEMPT_REFUSED, /* "-ERR"; *why says it (refusal.h), E_LOGIN where its code says no more */
	ATTEMPT_FAILED,  /* *why says it, as with AUTH_FAILED; E_LOGIN: as good as refused */
};

enum attempt_result attempt_answer(
    struct attempt *a, struct client *c, const struct reply_status *status, struct failure *why);

/* Whether the secret itself, and not only a proof of it, has been sent. */
bool attempt_secret_was_sent(const struct attempt *a);

#endif
