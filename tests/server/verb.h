/* What a rule of the fault script can be about: POP3's commands, and the moments of a connection
 * that are none (CONNECT: accepted; TLS: before a handshake; GREETING; RESPONSE: the client's line
 * after AUTH's "+"). */
#ifndef SERVER_VERB_H
#define SERVER_VERB_H

#include "slice.h"

#define EVENTS(X) X(CONNECT) X(TLS) X(GREETING)
#define COMMANDS(X)                                                                                \
	X(CAPA)                                                                                    \
	X(STLS)                                                                                    \
	X(USER)                                                                                    \
	X(PASS) X(AUTH) X(STAT) X(LIST) X(UIDL) X(TOP) X(RETR) X(DELE) X(NOOP) X(RSET) X(QUIT)

enum verb {
#define VERB(name) VERB_##name,
	EVENTS(VERB) COMMANDS(VERB)
#undef VERB
	    VERB_RESPONSE,
	VERB_UNKNOWN,
	VERB_ANY, /* in rules only: every command, no event */
};

/* The command that a client's word means; VERB_UNKNOWN when it is none. */
enum verb verb_of_command(struct slice word);

/* The verb a rule names. false: there is no such verb. */
bool verb_of_rule(struct slice word, enum verb *out);

#endif
