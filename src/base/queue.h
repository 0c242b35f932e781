/* How threads meet: a list under a mutex, and an eventfd that poll(2) can wait for.
 * Whoever puts an item gives it away; whoever takes it owns it. */
#ifndef POP3FS_QUEUE_H
#define POP3FS_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of whatever travels. */
struct queue_item {
	struct queue_item *next;
};

struct queue {
	pthread_mutex_t lock;
	struct queue_item *first, **last;
	int fd;
};

/* false: no descriptor was left. */
bool queue_init(struct queue *q);
/* The queue must be empty and no thread may use it any more. */
void queue_finish(struct queue *q);

void queue_put(struct queue *q, struct queue_item *item);

/* Several items, which are put together: who waits wakes up once for all. Zeroed it is empty. */
struct queue_lot {
	struct queue_item *first, *last;
};
void queue_lot_add(struct queue_lot *lot, struct queue_item *item);
/* Nothing where it is empty; it is afterwards. */
void queue_put_lot(struct queue *q, struct queue_lot *lot);

/* The oldest item, or NULL when there is none. Never waits. */
struct queue_item *queue_take(struct queue *q);

/* All items, oldest first, linked by next; NULL when there is none. Never waits. */
struct queue_item *queue_take_all(struct queue *q);

/* Readable while there may be something to take. For poll; nobody else reads it. */
int queue_fd(const struct queue *q);

/* Waits until there is something to take or the deadline (clock.h) has passed. */
bool queue_wait(struct queue *q, int64_t deadline);

#endif
