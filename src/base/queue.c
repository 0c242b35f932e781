#include "queue.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

bool queue_init(struct queue *q)
{
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0)
		return false;
	pthread_mutex_init(&q->lock, NULL);
	q->first = NULL;
	q->last = &q->first;
	return true;
}

void queue_finish(struct queue *q)
{
	pthread_mutex_destroy(&q->lock);
	close(q->fd);
}

void queue_put(struct queue *q, struct queue_item *item)
{
	struct queue_lot lot = {.first = NULL};

	queue_lot_add(&lot, item);
	queue_put_lot(q, &lot);
}

void queue_lot_add(struct queue_lot *lot, struct queue_item *item)
{
	item->next = NULL;
	if (lot->first)
		lot->last->next = item;
	else
		lot->first = item;
	lot->last = item;
}

void queue_put_lot(struct queue *q, struct queue_lot *lot)
{
	static const uint64_t one = 1;
	bool was_empty;

	if (!lot->first)
		return;
	pthread_mutex_lock(&q->lock);
	was_empty = q->first == NULL;
	*q->last = lot->first;
	q->last = &lot->last->next;
	if (was_empty)
		(void)!write(q->fd, &one, sizeof(one));
	pthread_mutex_unlock(&q->lock);
	*lot = (struct queue_lot){.first = NULL};
}

/* The descriptor is readable exactly while the list is not empty: both change under the lock. */
static void settle(struct queue *q)
{
	uint64_t count;

	if (q->first)
		return;
	q->last = &q->first;
	(void)!read(q->fd, &count, sizeof(count));
}

struct queue_item *queue_take(struct queue *q)
{
	struct queue_item *item;

	pthread_mutex_lock(&q->lock);
	item = q->first;
	if (item) {
		q->first = item->next;
		item->next = NULL;
		settle(q);
	}
	pthread_mutex_unlock(&q->lock);
	return item;
}

struct queue_item *queue_take_all(struct queue *q)
{
	struct queue_item *items;

	pthread_mutex_lock(&q->lock);
	items = q->first;
	if (items) {
		q->first = NULL;
		settle(q);
	}
	pthread_mutex_unlock(&q->lock);
	return items;
}

int queue_fd(const struct queue *q)
{
	return q->fd;
}

bool queue_wait(struct queue *q, int64_t deadline)
{
	struct pollfd p = {.fd = q->fd, .events = POLLIN};

	for (;;) {
		if (poll(&p, 1, clock_left(deadline)) > 0)
			return true;
		if (deadline != CLOCK_NEVER && clock_ms() >= deadline)
			return false;
	}
}
