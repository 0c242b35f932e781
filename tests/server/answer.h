/* Answers commands as the session would, changed by the rules that apply, into the connection's
 * queue. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "conn.h"

/* CONNECT, TLS or GREETING has come. */
void answer_event(struct conn *c, enum verb verb);

/* A line without its end. `more`: the next one is already there. */
void answer_line(struct conn *c, struct slice line, bool more);

#endif
