/* How a talk is opened: from the lookup of the server's name, over TLS and login, to what the
 * server announces behind it. Joins the connection (net) with the login (pop3); never waits, and
 * moves no octets once the line carries them: that is the talk's. RFC 1939, 4; 2595; 8314. */
#ifndef POP3FS_OPENING_H
#define POP3FS_OPENING_H

#include "client.h"
#include "connection.h"
#include "login.h"
#include "session.h"

struct opening;

/* Begins to connect; talk_create says what is what. Never NULL. It owns line, client and login as
 * long as it lives, also once it is done. */
struct opening *opening_create(const struct session_plan *plan, struct tls *tls,
    const struct facts *facts, int64_t remembered, bool hurried);

/* Closes at once, but says goodbye where the login is done, and the line `unbroken`. NULL is fine.
 */
void opening_free(struct opening *o, bool unbroken);

enum opening_result {
	OPENING_WAIT,   /* connecting: poll; else bring the next answer */
	OPENING_MOVED,  /* connecting: a step further; go on at once */
	OPENING_DONE,   /* the login is; or what was announced behind it is heard */
	OPENING_FAILED, /* *why says it: connection_step's codes, or login_answer's */
};

/* No octets of POP3 are to be moved now: opening_connect is to be called. */
bool opening_connects(const struct opening *o);
enum opening_result opening_connect(struct opening *o, struct failure *why);

/* Takes one answer of the client's, until it is done, and then while opening_hears. */
enum opening_result opening_answer(struct opening *o, const struct answer *a, struct failure *why);

bool opening_is_done(const struct opening *o);

/* Done, but the answer to the CAPA behind the login is still to come (login.h: login_hurry). */
bool opening_hears(const struct opening *o);

/* Valid until the next call of opening_connect: a new TLS session has new ones. */
struct connection *opening_connection(const struct opening *o);
struct client *opening_client(const struct opening *o);
struct login *opening_login(const struct opening *o);

#endif
