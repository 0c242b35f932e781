/* The client's side of one SASL exchange, without I/O: challenges in, responses out, both in base64
 * as they stand on the line. PLAIN and the two OAuth mechanisms are ours, the others GNU SASL's
 * (gnu.h). RFC 4422; 4616, 7628; and as POP3 carries them: 5034, 4. */
#ifndef POP3FS_SASL_H
#define POP3FS_SASL_H

#include "buf.h"
#include "error.h"
#include "mechanism.h"

struct sasl_plan {
	enum mechanism mechanism; /* one that AUTH can name */
	const char *user;
	struct slice secret;     /* password or token; EXTERNAL needs none */
	const char *host, *port; /* OAUTHBEARER tells them */
	struct slice binding;    /* tls-exporter's octets (RFC 9266), for what is bound to TLS */
};

struct sasl;

/* The plan's strings must live as long as the exchange. E_CONFIG: the secret is nothing that this
 * mechanism can use. E_SYSTEM: GNU SASL does not work. *out is the caller's, for sasl_free. */
enum error sasl_create(struct sasl **out, const struct sasl_plan *plan, struct failure *why);
void sasl_free(struct sasl *s); /* NULL is fine */

/* Whether the first response waits for no challenge. XOAUTH2's is never sent with AUTH all the
 * same: Microsoft's servers want it on a line of its own. */
bool sasl_speaks_first(const struct sasl *s);
bool sasl_may_go_with_auth(const struct sasl *s);

/* Takes what stood behind "+ " (nothing for the first response of a client that speaks first) and
 * adds the response; nothing added is an empty line. The exchange is to be cancelled on E_PROTOCOL
 * (no base64, or nothing that the mechanism knows), E_LOGIN (the server could not prove that it
 * knows the password, or refuses within the exchange), E_CONFIG (user or password cannot be
 * written as the mechanism wants them). */
enum error sasl_step(
    struct sasl *s, struct slice challenge, struct buf *response, struct failure *why);

/* Nothing is missing: now "+OK" may be believed. */
bool sasl_is_done(const struct sasl *s);

/* What the server said within the exchange about its coming refusal; empty: nothing. */
struct slice sasl_refusal(const struct sasl *s);

#endif
