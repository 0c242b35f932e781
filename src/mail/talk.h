/* One connection to the server: from the lookup of its name, over TLS and login, to the last octet.
 * Joins the line (net) with the protocol (pop3), keeps the deadlines, never waits. */
#ifndef POP3FS_TALK_H
#define POP3FS_TALK_H

#include <poll.h>

#include "client.h"
#include "dial.h"
#include "session.h"
#include "tls.h"

struct talk;

/* Begins to connect. `tls` may be NULL where the plan has none; `facts` are read here and now.
 * `remembered`: what CAPA said at an earlier login, or 0 (remembered.h). `hurried`: what comes
 * behind the login may go out with its last CAPA, where the server takes that. Never NULL. */
struct talk *talk_create(const struct session_plan *plan, struct tls *tls,
    const struct facts *facts, int64_t remembered, bool hurried);

/* Closes at once, whatever is under way. QUIT is the session's affair. NULL is fine. */
void talk_free(struct talk *t);

#define TALK_MOST_FDS DIAL_MOST_FDS

/* What to poll for, and in *wake the moment at which talk_next must be called at the latest. */
size_t talk_poll(struct talk *t, struct pollfd fds[TALK_MOST_FDS], int64_t *wake);

enum talk_result {
	TALK_WAIT,      /* poll, then call again */
	TALK_OPENED,    /* logged in; said once */
	TALK_ANNOUNCED, /* where talk_capabilities_come: they have; said once */
	TALK_ANSWER,    /* *answer is filled; its slices are valid until the next call */
	TALK_OVER,      /* the line is of no more use; *why says it. Call talk_free */
};

/* Moves what can be moved and tells the next thing that came of it. E_TIMEOUT: no octet came or
 * went for the plan's timeout although an answer is due. */
enum talk_result talk_next(struct talk *t, struct answer *answer, struct failure *why);

/* Once opened: what the server announces behind the login is still on its way, so that it costs no
 * round trip. Until then its word from before the login counts. */
bool talk_capabilities_come(const struct talk *t);

/* Only once opened; client.h: client_send. */
enum error talk_send(
    struct talk *t, enum verb verb, struct slice argument, uint64_t tag, struct failure *why);
/* The same with a message number, or two numbers (TOP), as the argument. */
enum error talk_send_number(
    struct talk *t, enum verb verb, uint32_t number, uint64_t tag, struct failure *why);

/* While paused nothing is read: the store is behind. The time does not count as the server's. */
void talk_pause(struct talk *t, bool paused);

bool talk_is_paused(const struct talk *t);

/* While held no answer is told either, not even what has been read; what is to be sent goes out.
 * The time does not count. */
void talk_hold(struct talk *t, bool held);

/* When the last octet moved; clock.h. */
int64_t talk_progress(const struct talk *t);
/* The shortest time that a command out alone took to be answered, ms; -1: none was. */
int64_t talk_round_trip(const struct talk *t);

size_t talk_waiting(const struct talk *t); /* commands whose answer has not ended */
const struct capabilities *talk_capabilities(const struct talk *t);
const char *talk_cipher(const struct talk *t);

struct slice talk_greeting(const struct talk *t); /* login.h */

enum mechanism talk_mechanism(const struct talk *t); /* login.h */

int64_t talk_remembered(const struct talk *t); /* login.h: login_remembered */

/* Of a login that failed: whether the server refused it, and with what code. */
bool talk_was_refused(const struct talk *t);
enum reply_code talk_refusal(const struct talk *t);

#endif
