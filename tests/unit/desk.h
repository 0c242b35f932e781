/* A session without its thread and without a line, for the tests of its errands: what they send is
 * written down in talk.c's place, and the test says what the server answers. */
#ifndef POP3FS_TEST_DESK_H
#define POP3FS_TEST_DESK_H

#include "errand.h"

/* The line, as a test sets it. Includers give none of talk.h's functions. */
struct talk {
	struct capabilities capabilities;
	const char *greeting;
	struct buf sent;         /* since desk_sent was asked: "STAT;TOP 3;" */
	size_t waiting;          /* commands whose answer has not ended */
	bool broken;             /* nothing can be sent */
	bool refused;            /* of a login that failed ... */
	enum reply_code refusal; /* ... and the code of it */
	bool closed;             /* talk_free was called */
	int64_t given;           /* what was remembered when it was opened */
	int64_t remembered;      /* ... and what is to be remembered now */
	int64_t progress;        /* clock.h */
	bool paused;
};

struct desk {
	struct session_plan plan;
	struct queues queues;
	struct talk talk;
	struct session session;
};

/* Logged in as "user" at "mail.test": TOP and UIDL are announced, PIPELINING is not; LINE_READY,
 * nothing is out. Lines that are opened later are this one, too. */
struct session *desk_start(struct desk *d);
void desk_finish(struct desk *d);

/* The line's listing: messages 1 to `count`, and the same numbers. Each is DESK_BODY by LIST's
 * size, and its header is known. */
void desk_list(struct desk *d, size_t count);
#define DESK_BODY   "+OK\nA: b\n\nxx" /* as an answer */
#define DESK_OCTETS 12

/* What was sent since the last time must be this; "" is nothing. */
void desk_sent(struct desk *d, const char *want);

/* The next one, which must be of this kind; the caller's. TASK_REMEMBER is passed over. */
struct task *desk_task(struct desk *d, enum task_kind kind);
struct event *desk_event(struct desk *d, enum event_kind kind);
void desk_quiet(struct desk *d); /* and there must be none */

typedef enum error desk_errand(struct session *s, const struct answer *a, struct failure *why);

/* Gives an errand the answer to the oldest command, up to its end or to an error: a status line,
 * and behind a "+OK" to UIDL, LIST (its tag is 0), TOP or RETR the lines that follow, each ended by
 * LF, without the "." */
enum error desk_answer(struct desk *d, desk_errand *errand, enum verb verb, uint64_t tag,
    const char *text, struct failure *why);

#endif
