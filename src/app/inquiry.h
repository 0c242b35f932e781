/* The secret, asked for over a socket of its own between daemon and companion: one octet asks, one
 * packet answers. Nobody waits for it but the command, at the mount; the daemon's session polls. A
 * question that was given up goes on, and the next one joins it. */
#ifndef POP3FS_INQUIRY_H
#define POP3FS_INQUIRY_H

#include "credentials.h"
#include "session.h"

struct inquiry;

/* *out is this side, and *theirs the other's descriptor, close-on-exec both. E_SYSTEM. */
enum error inquiry_create(struct inquiry **out, int *theirs, struct failure *why);
void inquiry_free(struct inquiry *i); /* NULL is fine */

/* Asks and waits. *out is the caller's. E_SECRET: *why. */
enum error inquiry_wait(struct inquiry *i, struct secret **out, struct failure *why);

/* The same for a session, which lives no longer than the inquiry. */
struct session_asker inquiry_asker(struct inquiry *i);

/* ---- the other side ---- */

/* Takes a question. false: the other side is gone. */
bool inquiry_heard(int fd);

/* Asks the source, and sends what comes of it. May take long. false: it could not be sent, and
 * whoever waits for it must be told. */
bool inquiry_answer(int fd, const struct credentials *c);

/* Whoever was to answer has died of it. */
void inquiry_answer_failed(int fd, const char *words);

#endif
