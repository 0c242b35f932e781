/* From the greeting to the TRANSACTION state: CAPA, STLS, CAPA again, UTF8 where it is announced,
 * the login itself, CAPA again where a server may announce more then. A machine without I/O over
 * one enum: each step is entered, which sends its command, and left by its reply. RFC 1939, 4;
 * 2449; 2595; 5034; 6856. Which login is taken: mechanism.h.
 *
 * By memory, where the plan has one, it does without the CAPAs before the login. Then the way in is
 * one by which a login went before, chosen as ever among those that were announced; STLS is sent
 * all the same. A "-ERR" that says no more may mean that the server does not know this way any
 * more: then CAPA is asked, and only if the way is gone another is tried, as without a memory. Else
 * it is a refusal of the secret, which is not sent again. */
#ifndef POP3FS_LOGIN_H
#define POP3FS_LOGIN_H

#include <stdbool.h>

#include "client.h"
#include "mechanism.h"
#include "secret.h"

struct login_plan {
	const char *user;
	const struct secret *secret; /* password or token; NULL: none, which only EXTERNAL can do
					with */
	bool is_token;               /* an OAuth token: goes out by OAUTHBEARER or XOAUTH2 alone */
	enum mechanism auth;         /* auth=: this one, or MECHANISM_AUTO */
	int64_t used;                /* what earlier logins took, a MECHANISM_BIT each: nothing
					weaker is taken unasked */
	bool certificate;            /* a client certificate is shown */
	int64_t remembered;      /* what CAPA said at an earlier login (remembered.h); 0: that is
				    not known, and CAPA is sent first */
	const char *host, *port; /* OAUTHBEARER tells them */
	bool encrypted; /* TLS from the first octet (or loopback without TLS by the user's decision)
			 */
	bool stls;      /* STLS is required before anything secret; never fall back */
	bool clear_text; /* tls=off: the user accepts a line that anybody can read */
};

struct login;

/* The plan's strings must live as long as the login. The first answer to bring is the greeting's.
 */
struct login *login_create(const struct login_plan *plan);
void login_free(struct login *l);

enum login_result {
	LOGIN_MORE,   /* bring the next answer */
	LOGIN_STLS,   /* STLS was answered "+OK": do the handshake, then call login_encrypted */
	LOGIN_DONE,   /* logged in; login_capabilities holds what the server announced last */
	LOGIN_FAILED, /* *why says it: E_LOGIN, E_LOCKED, E_LATER, E_REFUSED (the greeting, or
			 [SYS/PERM]), E_TLS (no STLS, or a line that may not carry a secret),
			 E_PROTOCOL, E_CONFIG (user or secret cannot be sent: empty, too long, a
			 control character; auth= cannot be) */
};

/* Takes one answer (of any kind) and sends the next command through `c`. */
enum login_result login_answer(
    struct login *l, struct client *c, const struct answer *a, struct failure *why);

/* What the TLS connection is known by (RFC 9266), for the mechanisms that are bound to it: as soon
 * as its handshake is done, if it has any. */
#define LOGIN_BINDING 32
void login_bind(struct login *l, const unsigned char binding[LOGIN_BINDING]);

/* The handshake after LOGIN_STLS is done. What was announced before it is forgotten. */
enum login_result login_encrypted(struct login *l, struct client *c, struct failure *why);

/* Whether more may be sent behind the CAPA that follows the login, before its answer has come:
 * where PIPELINING was announced before, LOGIN_DONE then comes at once. The answers to that CAPA
 * are to be brought all the same; the last of them is LOGIN_DONE again. */
void login_hurry(struct login *l, bool may);
/* That is still to come: what is announced is what was before the login. */
bool login_is_hurried(const struct login *l);

const struct capabilities *login_capabilities(const struct login *l);

/* What stood behind the greeting's "+OK", cut at LOGIN_GREETING octets: some servers are known by
 * it. Valid while the login is. */
#define LOGIN_GREETING 512
struct slice login_greeting(const struct login *l);

/* What it logs in by; MECHANISM_AUTO before it has chosen. */
enum mechanism login_mechanism(const struct login *l);

/* What to remember for the next login, as it stands now: the plan's memory before the greeting, 0
 * while the login is under way, and once CAPA was answered behind it what that came to, 0 where a
 * memory has been contradicted by anything. */
int64_t login_remembered(const struct login *l);

/* The line is lost before the login was at its end, or the login has failed: *why becomes the
 * refusal that was not certain yet, if there is one. */
void login_lost(struct login *l, struct failure *why);

/* Whether the secret itself has been sent (and not only a proof of it); whether the login was
 * answered "-ERR", or the server was found to be a false one by it; and the
 * code of the last refusal, the greeting's too: a bare one (CODE_NONE) may mean "in use" on servers
 * without codes. */
bool login_secret_was_sent(const struct login *l);
bool login_was_refused(const struct login *l);
enum reply_code login_refusal(const struct login *l);

#endif
