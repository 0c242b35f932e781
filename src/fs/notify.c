#include "notify.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "names.h"
#include "pins.h"
#include "push.h"
#include "queue.h"

#define MOST_PUSHES 4096 /* that wait */

struct notice {
	struct queue_item item;
	uint64_t ino; /* 0: of none is anything forgotten */
	off_t offset;
	struct listing *was, *is; /* a swap, where set */
	bool spare;               /* what is gone by it */
	char *name;               /* malloc'd: an entry of `ino`, and nothing else of it */
	int64_t unused;           /* a message */
	int64_t push;             /* a message's body, of ... */
	uint64_t size;            /* ... so many octets; nothing else then */
	unsigned round;           /* when that was decided */
	uint64_t cookie;          /* 0: nobody is told behind it */
	int64_t id;               /* what that is about */
};

struct notify {
	pthread_t thread;
	struct fuse_session *fuse;
	const char *suffix;
	struct queues *queues;
	struct queue notices;
	struct queue pushes;      /* what may wait ... */
	struct queue_item *ahead; /* ... and what the thread has taken of that */
	atomic_uint waiting;      /* how many there are, in both */
	_Atomic int64_t reached;  /* a message that a reader has asked for; 0: none since */
	pthread_mutex_t lock;
	struct notice *swap; /* under the lock: the swap that waits, or NULL */
	struct push *push;
	atomic_uint round; /* of pushes: notify_push_nothing_old */
	atomic_bool ending;
	int ended; /* eventfd */
};

static void notice_free(struct notice *x)
{
	listing_drop(x->was);
	listing_drop(x->is);
	free(x->name);
	free(x);
}

/* The room looks again, for a body may be among those that it wants to have out. */
static void spare_unknown(struct notify *n, int64_t id)
{
	static const enum view views[] = {VIEW_MESSAGE, VIEW_HEADER, VIEW_MAILDIR, VIEW_DELETED};
	struct task *t;

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (fuse_lowlevel_notify_inval_inode(n->fuse, tree_ino(id, views[i]), -1, 0) !=
		    -ENOENT)
			return;
	if (atomic_load(&n->ending)) /* the other threads may be gone by now: notify_leave */
		return;
	pins_spare(n->queues->pins, id);
	t = task_create(TASK_SPARE);
	t->id = id;
	queue_put(&n->queues->tasks, &t->item);
}

/* Both in order of id: one walk. A name that the kernel never looked up is ENOENT, harmless. */
static void tell_swap(struct notify *n, const struct notice *x)
{
	size_t j = 0;

	for (size_t i = 0; i < x->was->count && !atomic_load(&n->ending); i++) {
		const struct message *m = &x->was->messages[i];
		char shown[NAMES_ROOM];
		struct slice name =
		    names_shown(shown, VIEW_MESSAGE, n->suffix, message_name(x->was, m));

		while (j < x->is->count && x->is->messages[j].id < m->id)
			j++;
		if (j < x->is->count && x->is->messages[j].id == m->id)
			continue;
		fuse_lowlevel_notify_inval_entry(n->fuse, x->ino, name.at, name.len);
		if (x->spare)
			spare_unknown(n, m->id);
	}
}

static void answer(struct notify *n, const struct notice *x)
{
	struct event *e;

	if (!x->cookie || atomic_load(&n->ending))
		return;
	e = event_create(EVENT_TOLD);
	e->cookie = x->cookie;
	e->id = x->id;
	queue_put(&n->queues->events, &e->item);
}

/* ---- pushes ---- */

/* All that wait, oldest first, are this thread's now. */
static void collect(struct notify *n)
{
	struct queue_item **end = &n->ahead;

	while (*end)
		end = &(*end)->next;
	*end = queue_take_all(&n->pushes);
}

static struct notice *take_push(struct notify *n)
{
	struct queue_item *item;

	if (!n->ahead)
		n->ahead = queue_take_all(&n->pushes);
	item = n->ahead;
	if (!item)
		return NULL;
	n->ahead = item->next;
	atomic_fetch_sub(&n->waiting, 1);
	return (struct notice *)item;
}

static bool is_ahead(const struct notify *n, int64_t id)
{
	for (const struct queue_item *item = n->ahead; item; item = item->next)
		if (((const struct notice *)item)->push == id)
			return true;
	return false;
}

/* A reader asks for what is, or was to be, pushed: he is quicker. What lies before that he has
 * already, and to push it would only keep us behind him. false: that is so of x, too. */
static bool catch_up(struct notify *n, const struct notice *x)
{
	int64_t reached = atomic_exchange(&n->reached, 0), id = 0;
	struct notice *passed;

	if (reached == 0)
		return true;
	if (x && x->push == reached)
		return false;
	collect(n);
	if (!is_ahead(n, reached))
		return true;
	while (id != reached && (passed = take_push(n))) {
		id = passed->push;
		notice_free(passed);
	}
	return false;
}

/* One on its way into the pages. */
struct pushing {
	struct notify *notify;
	const struct notice *what;
};

/* A body that has begun gives way to whatever else is to be told: its rest is left to the reader.
 */
static bool is_wanted(void *with, uint64_t from)
{
	const struct pushing *p = with;
	struct notify *n = p->notify;

	if (atomic_load(&n->round) != p->what->round || !catch_up(n, p->what))
		return false;
	return from == 0 || !queue_wait(&n->notices, 0);
}

/* ---- telling ---- */

static void tell(struct notify *n, const struct notice *x)
{
	if (x->push)
		push_body(n->push, x->push, x->size, is_wanted, &(struct pushing){n, x});
	if (x->was)
		tell_swap(n, x);
	if (x->unused)
		spare_unknown(n, x->unused);
	if (x->name)
		fuse_lowlevel_notify_inval_entry(n->fuse, x->ino, x->name, strlen(x->name));
	else if (x->ino)
		fuse_lowlevel_notify_inval_inode(
		    n->fuse, x->ino, x->offset, x->offset < 0 ? 0 : -1);
	answer(n, x);
}

/* From now on nothing is added to it. */
static struct notice *taken(struct notify *n, struct queue_item *item)
{
	pthread_mutex_lock(&n->lock);
	if (n->swap == (struct notice *)item)
		n->swap = NULL;
	pthread_mutex_unlock(&n->lock);
	return (struct notice *)item;
}

/* A push may come late: what is wrong in the kernel may not. */
static struct notice *next(struct notify *n)
{
	struct pollfd both[] = {
	    {.fd = queue_fd(&n->notices), .events = POLLIN},
	    {.fd = queue_fd(&n->pushes), .events = POLLIN},
	};
	struct queue_item *item = queue_take(&n->notices);
	struct notice *x;

	if (item) {
		push_rest(n->push);
		return taken(n, item);
	}
	catch_up(n, NULL);
	x = take_push(n);
	if (!x) {
		push_rest(n->push);
		poll(both, 2, -1);
	}
	return x;
}

static void *run(void *with)
{
	static const uint64_t one = 1;
	struct notify *n = with;

	while (!atomic_load(&n->ending)) {
		struct notice *x = next(n);

		if (!x)
			continue;
		if (!atomic_load(&n->ending))
			tell(n, x);
		notice_free(x);
	}
	(void)!write(n->ended, &one, sizeof(one));
	return NULL;
}

static void free_all(struct notify *n)
{
	struct queue_item *item;
	struct notice *x;

	while ((item = queue_take(&n->notices)))
		notice_free((struct notice *)item);
	while ((x = take_push(n)))
		notice_free(x);
	queue_finish(&n->notices);
	queue_finish(&n->pushes);
	push_free(n->push);
	pthread_mutex_destroy(&n->lock);
	close(n->ended);
	free(n);
}

static bool init_queues(struct notify *n)
{
	if (!queue_init(&n->notices))
		return false;
	if (queue_init(&n->pushes))
		return true;
	queue_finish(&n->notices);
	return false;
}

enum error notify_start(struct notify **out, struct fuse_session *fuse, const char *store,
    const char *suffix, struct queues *queues, struct failure *why)
{
	struct notify *n = xnew(struct notify);
	sigset_t all, before;
	int number;

	n->fuse = fuse;
	n->suffix = suffix;
	n->queues = queues;
	pthread_mutex_init(&n->lock, NULL);
	n->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->ended < 0 || !init_queues(n)) {
		number = errno;
		closep(&n->ended);
		pthread_mutex_destroy(&n->lock);
		free(n);
		return failed(why, E_SYSTEM, "no descriptor is left: %s", strerror(number));
	}
	n->push = push_create(fuse, store);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	number = pthread_create(&n->thread, NULL, run, n);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (number != 0) {
		free_all(n);
		return failed(why, E_SYSTEM, "cannot start a thread: %s", strerror(number));
	}
	*out = n;
	return OK;
}

static struct notice *put(struct notify *n, struct notice what)
{
	struct notice *x = xmemdup(&what, sizeof(what));

	queue_put(what.push ? &n->pushes : &n->notices, &x->item);
	return x; /* the thread's: only under the lock it stays */
}

/* What a swap that waits ended with, and the next one has not: if it was there at the beginning,
 * the longer swap tells of it. */
static void tell_passing(struct notify *n, const struct notice *x, const struct listing *is)
{
	for (size_t i = 0; i < x->is->count; i++) {
		const struct message *m = &x->is->messages[i];
		char shown[NAMES_ROOM];
		struct slice name =
		    names_shown(shown, VIEW_MESSAGE, n->suffix, message_name(x->is, m));

		if (listing_by_id(is, m->id) || listing_by_id(x->was, m->id))
			continue;
		put(n, (struct notice){.ino = x->ino, .name = xmemdup(name.at, name.len + 1)});
		if (x->spare)
			put(n, (struct notice){.unused = m->id});
	}
}

/* Listings are large, and while a notification does not return more and more may come. */
static bool prolong(struct notify *n, const struct notice *next)
{
	struct notice *x = n->swap;

	if (!x)
		return false;
	x->spare = x->spare || next->spare;
	tell_passing(n, x, next->is);
	listing_drop(x->is);
	x->is = listing_hold(next->is);
	return true;
}

void notify_swapped(
    struct notify *n, uint64_t parent, struct listing *was, struct listing *is, bool spare)
{
	struct notice what = {.ino = parent, .was = was, .is = is, .spare = spare};

	pthread_mutex_lock(&n->lock);
	if (!prolong(n, &what)) {
		listing_hold(was);
		listing_hold(is);
		n->swap = put(n, what);
	}
	pthread_mutex_unlock(&n->lock);
}

void notify_inode(struct notify *n, uint64_t ino, off_t offset)
{
	put(n, (struct notice){.ino = ino, .offset = offset});
}

void notify_entry(struct notify *n, uint64_t parent, const char *name)
{
	put(n, (struct notice){.ino = parent, .name = xstrdup(name)});
}

void notify_unused(struct notify *n, int64_t id)
{
	put(n, (struct notice){.unused = id});
}

void notify_then(struct notify *n, uint64_t ino, uint64_t cookie, int64_t id)
{
	put(n, (struct notice){.ino = ino, .offset = -1, .cookie = cookie, .id = id});
}

bool notify_is_full(const struct notify *n)
{
	return atomic_load(&n->waiting) >= MOST_PUSHES;
}

void notify_push(struct notify *n, int64_t id, uint64_t size)
{
	atomic_fetch_add(&n->waiting, 1);
	put(n, (struct notice){.push = id, .size = size, .round = atomic_load(&n->round)});
}

void notify_reached(struct notify *n, int64_t id)
{
	atomic_store(&n->reached, id);
}

void notify_push_nothing_old(struct notify *n)
{
	atomic_fetch_add(&n->round, 1);
}

void notify_end(struct notify *n)
{
	atomic_store(&n->ending, true);
	put(n, (struct notice){0}); /* wakes it */
}

int notify_fd(const struct notify *n)
{
	return n->ended;
}

void notify_join(struct notify *n)
{
	if (!n)
		return;
	pthread_join(n->thread, NULL);
	free_all(n);
}

void notify_leave(struct notify *n)
{
	pthread_detach(n->thread);
}
