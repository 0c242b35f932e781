/* The fault script: what the server does wrong, and when. The grammar is in README.md. */
#ifndef SERVER_SCRIPT_H
#define SERVER_SCRIPT_H

#include "buf.h"
#include "error.h"
#include "settings.h"
#include "verb.h"

/* What a word of the script wants behind it. */
enum operand { NOTHING, A_NUMBER, MAYBE_A_NUMBER, SOME_TEXT, A_FILE, A_NUMBER_AND_TEXT };

#define ACTIONS(X)                                                                                 \
	X(REPLY, "reply", SOME_TEXT)                                                               \
	X(ERR, "err", SOME_TEXT)                                                                   \
	X(LISTING, "listing", A_FILE)                                                              \
	X(SWALLOW, "swallow", NOTHING)                                                             \
	X(DONE, "done", NOTHING)                                                                   \
	X(NO_END, "no-end", NOTHING)                                                               \
	X(INSERT, "insert", A_NUMBER_AND_TEXT)                                                     \
	X(PREPEND, "prepend", SOME_TEXT)                                                           \
	X(APPEND, "append", SOME_TEXT)                                                             \
	X(LF, "lf", NOTHING)                                                                       \
	X(CORRUPT, "corrupt-pipelined", NOTHING)                                                   \
	X(DELAY, "delay", A_NUMBER)                                                                \
	X(DRIBBLE, "dribble", MAYBE_A_NUMBER)                                                      \
	X(CHUNK, "chunk", A_NUMBER)                                                                \
	X(CUT, "cut", A_NUMBER)                                                                    \
	X(ABORT, "abort", MAYBE_A_NUMBER)                                                          \
	X(STALL, "stall", MAYBE_A_NUMBER)                                                          \
	X(CLOSE, "close", NOTHING)                                                                 \
	X(CLOSE_AFTER, "close-after", NOTHING)                                                     \
	X(NO_CLOSE_NOTIFY, "no-close-notify", NOTHING)                                             \
	X(ONE_COMMAND, "one-command-per-segment", NOTHING)                                         \
	X(LISTED, "listed", A_NUMBER)                                                              \
	X(LIST_ADD, "list-add", A_NUMBER)                                                          \
	X(BODY, "body", A_FILE)                                                                    \
	X(VANISH, "vanish", NOTHING)                                                               \
	X(NO_DELETE, "no-delete", NOTHING)                                                         \
	X(DELETE_FIRST, "delete-first", A_NUMBER)                                                  \
	X(DELETE_NOW, "delete-now", NOTHING)

enum action_kind {
#define ACTION(kind, word, operand) ACTION_##kind,
	ACTIONS(ACTION)
#undef ACTION
};

struct action {
	enum action_kind kind;
	bool has_number;
	int64_t number;
	struct buf text; /* SOME_TEXT, escapes undone; A_FILE: the file's octets */
};

struct rule {
	char *words; /* as written */
	enum verb verb;
	char *argument; /* the command's first argument, or "3-7", or NULL: any */
	int64_t connection_from, connection_to;
	int64_t nth, from, total, times; /* 0: not asked for */
	struct action *actions;
	size_t action_count;
	int64_t matched, fired; /* over all connections */
};

struct script {
	struct rule *rules;
	size_t count;
	unsigned generation; /* differs from script to script */
};

/* The rules of --fault, then those of --script. NULL: *why says which one is wrong. */
struct script *script_load(const struct settings *settings, struct failure *why);
void script_free(struct script *s);

#endif
