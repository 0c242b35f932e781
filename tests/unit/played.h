/* A session thread against a scripted server, with the test in the place of the store thread and of
 * the fs thread. Include cmocka.h before. */
#ifndef POP3FS_TEST_PLAYED_H
#define POP3FS_TEST_PLAYED_H

#include "scripted.h"

/* The ids of "a", "b" and "c", as PLAYED_LISTING lists them. */
#define PLAYED_FIRST 100

#define PLAYED_LISTING                                                                             \
	{"STAT", "+OK 3 30\r\n"}, {"UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"},                   \
	{                                                                                          \
		"LIST", "+OK\r\n1 10\r\n2 8\r\n3 12\r\n.\r\n"                                      \
	}

struct played {
	struct scripted server;
	struct queues queues;
	struct session *session;
	/* set before a listing: */
	bool headless;  /* TOP gave no header of any message */
	unsigned flags; /* MESSAGE_, of all messages */
	size_t missing; /* so many are, and for now the listing is not believed: DRAFT_HELD */
};

/* The rows must stay until the end. */
void played_start(struct played *p, const struct scripted_row *rows, size_t count);

/* The same with another plan than the usual one, which has no password; the port is filled in. */
void played_start_plan(
    struct played *p, const struct scripted_row *rows, size_t count, struct session_plan plan);

/* JOB_END, and what comes of it: nobody may wait for anything any more. */
void played_end(struct played *p);
void played_finish(struct played *p); /* the same, where JOB_END was put */

void played_put(struct played *p, struct job *j);
void played_fetch(struct played *p, int64_t id); /* JOB_FETCH, urgent */

/* The next one that comes, which must be of the kind; it is the caller's. What may come at any time
 * is passed over: TASK_REMEMBER, and EVENT_STATE unless it is the kind. */
struct task *played_task(struct played *p, enum task_kind kind);
struct event *played_event(struct played *p, enum event_kind kind);

/* ---- the listing ---- */

void played_ask(struct played *p, int64_t number);       /* JOB_REFRESH, waited for */
void played_refreshed(struct played *p, int64_t number); /* EVENT_REFRESHED must come */

/* TASK_MERGE and TASK_PUBLISH: all messages are known, so that no header is wanted. The draft is
 * the caller's, for played_publish. */
struct draft *played_merge(struct played *p);
void played_publish(struct played *p, struct draft *d);

void played_list(struct played *p); /* all that, as number 1 */

#endif
