/* The client's side of one POP3 connection, without I/O: commands go out in order, answers come in
 * in order. Octets to send are taken from client_output; octets that arrived are put where
 * client_room says; client_next then tells, one after the other, what they mean.
 * Constant memory, whatever the size of a message. RFC 1939, 2449 (PIPELINING: 6.6), 5034. */
#ifndef POP3FS_CLIENT_H
#define POP3FS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "reply.h"
#include "slice.h"

enum verb {
	VERB_GREETING, /* not sent: what the server says first */
	VERB_CAPA,
	VERB_STLS,
	VERB_USER,
	VERB_PASS,
	VERB_APOP,
	VERB_AUTH,
	VERB_AUTH_STEP, /* a line of base64 within AUTH, or "*" */
	VERB_UTF8,
	VERB_STAT,
	VERB_UIDL,
	VERB_LIST,
	VERB_TOP,
	VERB_RETR,
	VERB_DELE,
	VERB_NOOP,
	VERB_RSET,
	VERB_QUIT,
};

/* The command word, "greeting" for VERB_GREETING. */
const char *verb_word(enum verb verb);

struct client;

/* A new connection: the greeting is what is waited for. Never NULL. */
struct client *client_create(void);
void client_free(struct client *c);

/* Octets of a command with its CRLF (RFC 2449, 4), and of a step within AUTH (RFC 5034, 4). */
#define CLIENT_LONGEST_COMMAND 255
#define CLIENT_LONGEST_STEP    12288

/* Of these what is left behind a word and a blank. */
#define CLIENT_LONGEST_ARGUMENT(word) (CLIENT_LONGEST_COMMAND - strlen(word) - strlen(" \r\n"))

/* Puts one command behind those already out. `argument` is what follows the word and a blank
 * (empty: nothing follows); `tag` comes back with each of its answers. UIDL and LIST without an
 * argument are answered by many lines, with one by a status line alone. E_PROTOCOL, and nothing was
 * sent: the argument holds a control octet, the line would be too long, or the connection is broken
 * (octets that nobody asked for have arrived before the command: client_next says the same). */
enum error client_send(
    struct client *c, enum verb verb, struct slice argument, uint64_t tag, struct failure *why);

/* Octets to be sent, oldest first; empty: nothing. client_sent says how many are gone; they are
 * wiped, because a password may be among them. */
struct slice client_output(const struct client *c);
void client_sent(struct client *c, size_t octets);

/* Where received octets go, at least CLIENT_LEAST_ROOM of them once client_next said CLIENT_MORE.
 */
#define CLIENT_LEAST_ROOM 65536
char *client_room(struct client *c, size_t *octets);
void client_received(struct client *c, size_t octets);

enum answer_kind {
	ANSWER_STATUS, /* the status line; nothing follows if `last` */
	ANSWER_LINE,   /* a line of CAPA, UIDL or LIST, dots undone */
	ANSWER_TEXT,   /* a piece of a message (RETR, TOP), dots undone */
	ANSWER_END,    /* the "." line of either */
};

struct answer {
	enum answer_kind kind;
	enum verb verb;
	uint64_t tag;
	struct reply_status status; /* ANSWER_STATUS */
	struct slice text;          /* ANSWER_LINE, ANSWER_TEXT; valid until the next client_room */
	bool last;                  /* this ends the command's answer */
	bool pipelined;             /* another command was sent before this answer ended */
};

enum client_result {
	CLIENT_MORE,   /* nothing more can be told: receive more */
	CLIENT_ANSWER, /* *answer is filled */
	CLIENT_BROKEN, /* out of step or beyond a limit: *why says how; drop the connection */
};

/* E_PROTOCOL is the code of every CLIENT_BROKEN: a reply that is neither "+OK" nor "-ERR", a line
 * that nobody asked for (its text is in *why), a line beyond its limit (status 8 KiB, list 64 KiB,
 * CAPA 100 lines and 16 KiB; a listing 2^24 lines or 2 GiB). Afterwards nothing else ever comes. */
enum client_result client_next(struct client *c, struct answer *answer, struct failure *why);

/* Commands whose answer has not ended. */
size_t client_waiting(const struct client *c);

/* Whether octets have arrived that are not told yet: none may be left before STLS's handshake
 * (RFC 2595, 4), and one before a command is a line that nobody asked for. */
bool client_has_input(const struct client *c);

/* The transcript for -d: every line sent and every status line received, secrets blotted ("PASS
 * ****", "AUTH PLAIN ****"). NULL: none. Called from within client_send and client_next. */
void client_trace(
    struct client *c, void (*say)(void *with, bool sent, struct slice line), void *with);

#endif
