/* AUTH, from its command to "+OK" or "-ERR": how a SASL exchange (sasl.h) stands on POP3's lines.
 * No I/O. RFC 5034, 4. */
#ifndef POP3FS_AUTH_H
#define POP3FS_AUTH_H

#include "client.h"
#include "sasl.h"

struct auth;

/* Sends the command, with the first response where there is one and the line has room for it. The
 * plan's strings must live as long as the exchange. *out is the caller's, for auth_free. Errors:
 * sasl_create's and client_send's; nothing was sent then. */
enum error auth_create(
    struct auth **out, struct client *c, const struct sasl_plan *plan, struct failure *why);
void auth_free(struct auth *a); /* wipes; NULL is fine */

enum auth_result {
	AUTH_MORE,    /* bring the next answer */
	AUTH_DONE,    /* "+OK", and it may be believed */
	AUTH_REFUSED, /* "-ERR"; auth_refusal has what was said before it */
	AUTH_FAILED,  /* *why says it, behind a "*" that cancelled the exchange where it was on:
			 E_PROTOCOL, E_CONFIG, and E_LOGIN where the server was found to be a false
			 one, or refused within the exchange */
};

enum auth_result auth_answer(
    struct auth *a, struct client *c, const struct reply_status *status, struct failure *why);

/* Whether the secret itself, and not only a proof of it, has been sent. */
bool auth_secret_was_sent(const struct auth *a);

/* sasl.h: sasl_refusal. */
struct slice auth_refusal(const struct auth *a);

#endif
