#include "waiting.h"

#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"

struct waiter {
	struct waiter *next;
	struct waiting *all;
	fuse_req_t req;
	enum wait_kind kind;
	int64_t key;
	int note;
	int64_t due;
};

void waiting_init(struct waiting *w)
{
	*w = (struct waiting){0};
	w->last = &w->first;
}

static fuse_req_t leave(struct waiting *w, struct waiter *x)
{
	struct waiter **at = &w->first;
	fuse_req_t req = x->req;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	if (w->last == &x->next)
		w->last = at;
	w->count[x->kind]--;
	w->timed -= x->due != CLOCK_NEVER;
	free(x);
	return req;
}

static void interrupted(fuse_req_t req, void *with)
{
	struct waiter *x = with;

	leave(x->all, x);
	fuse_reply_err(req, EINTR);
}

static bool is_interruptible(enum wait_kind kind)
{
	return kind != WAIT_UNLINK && kind != WAIT_UNDELETE;
}

void waiting_park(struct waiting *w, fuse_req_t req, enum wait_kind kind, int64_t key, int note)
{
	waiting_park_until(w, req, kind, key, note, CLOCK_NEVER);
}

void waiting_park_until(
    struct waiting *w, fuse_req_t req, enum wait_kind kind, int64_t key, int note, int64_t due)
{
	struct waiter *x;

	if (w->closed) {
		fuse_reply_err(req, ENODEV);
		return;
	}
	/* Asked here, because fuse_req_interrupt_func would call the handler while it still uses
	 * the request that the handler's answer frees. */
	if (is_interruptible(kind) && fuse_req_interrupted(req)) {
		fuse_reply_err(req, EINTR);
		return;
	}
	x = xnew(struct waiter);
	*x = (struct waiter){
	    .all = w, .req = req, .kind = kind, .key = key, .note = note, .due = due};
	*w->last = x;
	w->last = &x->next;
	w->count[kind]++;
	w->timed += due != CLOCK_NEVER;
	if (is_interruptible(kind))
		fuse_req_interrupt_func(req, interrupted, x);
}

static struct waiter *find(const struct waiting *w, enum wait_kind kind, int64_t key)
{
	struct waiter *x = w->count[kind] ? w->first : NULL;

	while (x && (x->kind != kind || x->key != key))
		x = x->next;
	return x;
}

/* From here on an interrupt finds no handler: the answer is on its way. */
static fuse_req_t release(struct waiting *w, struct waiter *x)
{
	fuse_req_interrupt_func(x->req, NULL, NULL);
	return leave(w, x);
}

fuse_req_t waiting_take(struct waiting *w, enum wait_kind kind, int64_t key, int *note)
{
	struct waiter *x = find(w, kind, key);

	if (!x)
		return NULL;
	*note = x->note;
	return release(w, x);
}

int64_t waiting_due(const struct waiting *w)
{
	int64_t due = CLOCK_NEVER;

	for (const struct waiter *x = w->timed ? w->first : NULL; x; x = x->next)
		due = clock_sooner(due, x->due);
	return due;
}

void waiting_expire(struct waiting *w, int64_t now, int number)
{
	struct waiter *next;

	for (struct waiter *x = w->timed ? w->first : NULL; x; x = next) {
		next = x->next;
		if (x->due <= now)
			fuse_reply_err(release(w, x), number);
	}
}

bool waiting_for(const struct waiting *w, enum wait_kind kind, int64_t key)
{
	return find(w, kind, key) != NULL;
}

size_t waiting_count(const struct waiting *w, enum wait_kind kind)
{
	return w->count[kind];
}

void waiting_close(struct waiting *w, int number)
{
	w->closed = true;
	while (w->first)
		fuse_reply_err(release(w, w->first), number);
}
