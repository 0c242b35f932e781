/* One POP3 session (RFC 1939, RFC 2449, RFC 5034): commands in, replies out. No I/O. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "fault.h"
#include "maildrop.h"
#include "out.h"
#include "sasl.h"

/* What all sessions share. */
struct service {
	const struct settings *settings;
	struct maildrop *drop;
	struct script *script;
	size_t open_sessions; /* logged in, QUIT not yet seen */
};

/* A deleted message is there until QUIT; a gone one never comes back. */
enum fate { STAYS, DELETED, GONE };

struct session {
	struct service *service;
	bool secure, can_stls;
	bool logged_in;
	struct buf user;
	struct sasl_line line; /* filled by whoever did the handshake */
	struct sasl sasl;
	struct snapshot *mail; /* from login on */
	unsigned char *fate;   /* of each message: enum fate */
};

enum afterwards { GO_ON, START_TLS, HANG_UP };

/* What a command leads to. */
struct reply {
	struct out *out; /* where the octets go */
	const struct fired *fired;
	bool many_lines; /* ends in the final dot */
	enum afterwards then;
};

void reply_end_lines(struct reply *r); /* adds the final dot */

void session_init(struct session *s, struct service *service, bool secure, bool can_stls);
void session_leave(struct session *s); /* others may have the maildrop */
void session_finish(struct session *s);

void session_greet(struct reply *r);

/* Whether the next line is the client's part of an AUTH exchange, no command. */
bool session_wants_response(const struct session *s);
void session_response(struct session *s, struct slice line, struct reply *r);

/* `arguments` is what stands behind the verb's word. */
void session_command(struct session *s, enum verb verb, struct slice arguments, struct reply *r);

#endif
