/* What the store thread does for each kind of task, and whom it tells of it: a table. Its thread
 * and its transactions are in storer.c. */
#ifndef POP3FS_CHORES_H
#define POP3FS_CHORES_H

#include "jobs.h"
#include "room.h"
#include "store.h"

/* What the tasks work on. */
struct chores {
	struct store *store;
	struct queues *queues;
	struct listing *listing; /* in force */
	struct room room;
	bool ending; /* TASK_END came */
	/* What bodies brought, for the other threads: work_told. */
	struct queue_lot jobs, events;
	/* The body of which a piece was lost, or 0; its other pieces are not kept either. */
	int64_t broken;
	struct failure broken_why;
};

/* One task, and what doing it brought: told after the commit, forgotten after a rollback. */
struct work {
	struct task *task;
	struct failure failure;
	struct listing *listing;
	uint32_t *numbers;
	bool same;
	uint32_t header; /* TASK_HEADER: octets, 0: not known */
	bool doubted;    /* TASK_BODY: its header is another than TOP's */
	bool replaces;   /* TASK_BODY: there was another body before */
	bool shelved;    /* TASK_BODY: it is whole on the shelf (keeping.c) ... */
	bool leaves;     /* ... and pins_left is to be called: nobody could hold the one before */
	bool again;      /* TASK_CHECK: there is more to look at */
	struct intentions *intentions;
};

/* On disk before it is told. */
bool task_durable(const struct task *t);
/* In a transaction of its own: it looks at, or swaps, the listing in force. */
bool task_alone(const struct task *t);

/* Inside a transaction; a failure is also w->failure, and the caller rolls back. */
enum error work_perform(struct chores *c, struct work *w);

/* It failed on its own, and has been rolled back. A failure that costs nobody anything (a body that
 * found another place) is one no more. */
void work_failed(struct chores *c, struct work *w);

/* What it brought is not to be told: back to before work_perform, but for the failure. */
void work_forget(struct work *w);

/* After the commit, or after work_failed: sets the facts of messages and sends the answer. Those to
 * bodies may wait for work_told, which is to be called before the next batch. */
void work_tell(struct chores *c, struct work *w);
void work_told(struct chores *c);

#endif
