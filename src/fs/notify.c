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
#include "gone.h"
#include "names.h"
#include "push.h"
#include "queue.h"
#include "tree.h"

#define MOST_PUSHES 4096 /* that wait */

struct notice {
	struct queue_item item;
	uint64_t ino;
	off_t offset;
	struct gone gone;  /* names of the root that are gone, where set */
	fuse_req_t open;   /* to be answered behind it, where set ... */
	bool keep;         /* ... and the kernel's pages are right */
	int64_t push;      /* a message's body, of ... */
	uint64_t size;     /* ... so many octets; nothing else then */
	struct pins *pins; /* of the opener */
	int64_t id;
};

struct notify {
	pthread_t thread;
	struct fuse_session *fuse;
	const char *suffix;
	struct queue notices;
	struct queue pushes; /* what may wait ... */
	atomic_uint waiting; /* ... and how many there are */
	struct push *push;
	pthread_mutex_t lock;
	struct notice *swap; /* the one in the queue that later ones are added to, or NULL */
	atomic_bool ending;
	int ended; /* eventfd */
};

static void notice_free(struct notice *x)
{
	gone_finish(&x->gone);
	if (x->open)
		fuse_reply_err(x->open, ENODEV);
	free(x);
}

/* A name that the kernel never looked up is ENOENT, harmless. */
static bool tell_name(void *with, struct slice name)
{
	struct notify *n = with;
	char shown[NAMES_ROOM];

	if (atomic_load(&n->ending))
		return false;
	name = names_shown(shown, VIEW_MESSAGE, n->suffix, name);
	fuse_lowlevel_notify_inval_entry(n->fuse, TREE_ROOT, name.at, name.len);
	return true;
}

/* From here on it is this thread's alone: what changes next is another notice. */
static void tell_swap(struct notify *n, const struct notice *x)
{
	pthread_mutex_lock(&n->lock);
	if (n->swap == x)
		n->swap = NULL;
	pthread_mutex_unlock(&n->lock);
	gone_each(&x->gone, tell_name, n);
}

static void tell(struct notify *n, struct notice *x)
{
	struct fuse_file_info fi = {.keep_cache = x->keep};

	if (x->push) {
		push_body(n->push, x->push, x->size);
		return;
	}
	tell_swap(n, x);
	fuse_lowlevel_notify_inval_inode(n->fuse, x->ino, x->offset, x->offset < 0 ? 0 : -1);
	if (atomic_load(&n->ending)) /* the pins may be gone by now */
		return;
	if (x->open && fuse_reply_open(take(&x->open), &fi) != 0)
		pins_let_go(x->pins, x->id);
}

/* A push may come late: what is wrong in the kernel may not. */
static struct queue_item *next(struct notify *n)
{
	struct pollfd both[] = {
	    {.fd = queue_fd(&n->notices), .events = POLLIN},
	    {.fd = queue_fd(&n->pushes), .events = POLLIN},
	};
	struct queue_item *item = queue_take(&n->notices);

	if (item)
		return item;
	item = queue_take(&n->pushes);
	if (item)
		atomic_fetch_sub(&n->waiting, 1);
	else
		poll(both, 2, -1);
	return item;
}

static void *run(void *with)
{
	static const uint64_t one = 1;
	struct notify *n = with;

	while (!atomic_load(&n->ending)) {
		struct queue_item *item = next(n);

		if (!item)
			continue;
		if (!atomic_load(&n->ending))
			tell(n, (struct notice *)item);
		notice_free((struct notice *)item);
	}
	(void)!write(n->ended, &one, sizeof(one));
	return NULL;
}

static void free_all(struct notify *n)
{
	struct queue_item *item;

	while ((item = queue_take(&n->notices)) || (item = queue_take(&n->pushes)))
		notice_free((struct notice *)item);
	queue_finish(&n->notices);
	queue_finish(&n->pushes);
	pthread_mutex_destroy(&n->lock);
	push_free(n->push);
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
    const char *suffix, struct failure *why)
{
	struct notify *n = xnew(struct notify);
	sigset_t all, before;
	int number;

	n->fuse = fuse;
	n->suffix = suffix;
	n->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->ended < 0 || !init_queues(n)) {
		number = errno;
		closep(&n->ended);
		free(n);
		return failed(why, E_SYSTEM, "no descriptor is left: %s", strerror(number));
	}
	n->push = push_create(fuse, store);
	pthread_mutex_init(&n->lock, NULL);
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
	return x;
}

void notify_swapped(struct notify *n, struct listing *was, struct listing *is)
{
	if (atomic_load(&n->ending)) /* by this thread: the other one may have freed all by now */
		return;
	pthread_mutex_lock(&n->lock);
	if (!n->swap)
		n->swap = put(n, (struct notice){.ino = TREE_ROOT});
	gone_add(&n->swap->gone, was, is);
	pthread_mutex_unlock(&n->lock);
}

void notify_inode(struct notify *n, uint64_t ino, off_t offset)
{
	put(n, (struct notice){.ino = ino, .offset = offset});
}

void notify_open(
    struct notify *n, fuse_req_t req, uint64_t ino, bool keep, struct pins *pins, int64_t id)
{
	put(n, (struct notice){
		   .ino = ino, .offset = -1, .open = req, .keep = keep, .pins = pins, .id = id});
}

void notify_push(struct notify *n, int64_t id, uint64_t size)
{
	atomic_fetch_add(&n->waiting, 1);
	put(n, (struct notice){.push = id, .size = size});
}

bool notify_is_full(const struct notify *n)
{
	return atomic_load(&n->waiting) >= MOST_PUSHES;
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
