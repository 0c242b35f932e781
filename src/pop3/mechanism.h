/* The ways to log in: their names, how strong each is, and which is taken of those that a server
 * announces. No I/O. RFC 1939, 7 (USER, APOP); RFC 5034, 3 (SASL in CAPA). */
#ifndef POP3FS_MECHANISM_H
#define POP3FS_MECHANISM_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "reply.h"
#include "slice.h"

/* Their numbers are stored (facts.h): a new one goes to the end. */
enum mechanism {
	MECHANISM_AUTO,             /* the strongest that both sides have */
	MECHANISM_USER,             /* USER and PASS */
	MECHANISM_APOP,             /* RFC 1939, 7; only when asked for */
	MECHANISM_PLAIN,            /* RFC 4616 */
	MECHANISM_LOGIN,            /* draft-murchison-sasl-login */
	MECHANISM_CRAM_MD5,         /* RFC 2195; only when asked for */
	MECHANISM_SCRAM_SHA_1,      /* RFC 5802 */
	MECHANISM_SCRAM_SHA_1_PLUS, /* ... bound to the TLS connection: RFC 9266 */
	MECHANISM_SCRAM_SHA_256,    /* RFC 7677 */
	MECHANISM_SCRAM_SHA_256_PLUS,
	MECHANISM_EXTERNAL,    /* RFC 4422, A: the client's certificate */
	MECHANISM_OAUTHBEARER, /* RFC 7628 */
	MECHANISM_XOAUTH2,     /* Google's and Microsoft's */
	MECHANISMS,
};

/* As CAPA and AUTH write it; "auto" for MECHANISM_AUTO. */
const char *mechanism_name(enum mechanism m);

/* By its name, in any case; as a URL writes it, too: "*" and "+APOP" (RFC 2384, 3). */
bool mechanism_named(enum mechanism *out, struct slice name);

bool mechanism_takes_token(enum mechanism m); /* its secret is a bearer token, no password */
bool mechanism_is_bound(enum mechanism m);    /* it needs the TLS connection's binding */

/* Whether the secret itself crosses the line, and not only a proof of it. */
bool mechanism_reveals(enum mechanism m);

/* Whether a server that announces this has it. APOP is announced by the greeting alone: always. */
bool mechanism_is_announced(const struct capabilities *c, enum mechanism m);

#define MECHANISM_BIT(m) (INT64_C(1) << (m))

struct mechanism_choice {
	enum mechanism asked; /* auth=: this one and no other */
	bool is_token;        /* the secret is a bearer token */
	bool certificate;     /* a client certificate is there: cert= */
	bool binding;         /* the line is bound: tls-exporter is known */
	bool clear_text;      /* the line cannot be bound, by the user's decision */
	bool timestamp;       /* the greeting has APOP's */
	int64_t used;         /* by earlier logins to this account, a MECHANISM_BIT each */
	const struct capabilities *announced;
};

/* Sets *out to the mechanism to log in with, never MECHANISM_AUTO. E_LOGIN: there is none, or only
 * one that is weaker than what the account has used before. E_TLS: the line cannot be bound as the
 * mechanism asked for needs it. E_CONFIG: what was asked for cannot be, whatever the server says.
 * *why ends by saying that nothing secret was sent. */
enum error mechanism_choose(
    enum mechanism *out, const struct mechanism_choice *c, struct failure *why);

#endif
