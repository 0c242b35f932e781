/* Messages and renderings as files: open, read, release.
 *
 * Open is where a size becomes true. A message that is not in the cache is fetched first, its
 * length goes into the model (the store thread does that before it says so), and only then the open
 * is answered. The kernel may still believe the size that was shown before, LIST's mostly: where it
 * turned out to be another, the message is marked (in one step with its size: listing.h), and each
 * open of it is answered behind the kernel's forgetting, of which the notify thread tells. So
 * whoever asks after an open hears the truth, and it costs nothing where LIST was right. A body
 * that replaces another one is marked, too, and its opens keep no page. There is no handle: the
 * inode number says which message or rendering it is, the store keeps the body of one that was
 * unlinked or has vanished, and so READ needs nothing else, also on a mount whose kernel sends no
 * OPEN. An open holds the body (pins.h), so that it does not leave the cache under its reader. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "inside.h"
#include "log.h"
#include "point.h"
#include "shelf.h"

#define TELLING_MS    30000 /* the kernel is told of a size, or the open has failed */
#define MOST_MENDINGS 4096  /* damaged bodies fetched again at a time; beyond that they stay EIO */

static const enum view views[] = {
    VIEW_MESSAGE, VIEW_HEADER, VIEW_MAILDIR, VIEW_DELETED}; /* of a body */
#define VIEWS (sizeof(views) / sizeof(views[0]))

/* How an open is answered behind the notify thread. */
enum told { TOLD_ENOSYS, TOLD_ANEW, TOLD_KEEP };

/* The store is told where it waits for that, or would keep a body on the shelf for nobody. */
static void let_go(struct fs *f, int64_t id)
{
	bool wanted = pins_let_go(f->queues->pins, id);

	if (wanted || shelf_has_whole(f->queues->shelf, id))
		fs_send_task(f, TASK_SPARE, id, 0);
}

void file_let_go(struct fs *f, int64_t id, enum view view)
{
	let_go(f, id);
	if (view == VIEW_HEADER)
		let_go(f, SHELF_HEADER(id));
}

/* Who has gone before the answer sends no RELEASE. */
void file_reply_open(struct fs *f, fuse_req_t req, int64_t id, enum view view, bool keep_cache)
{
	struct fuse_file_info fi = {.keep_cache = keep_cache};

	if (fuse_reply_open(req, &fi) != 0)
		file_let_go(f, id, view);
}

void file_wait_evicted(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	waiting_park(&f->waiting, req, WAIT_EVICTED, id, (int)view);
}

/* ---- behind the notify thread ---- */

/* Parked, so that an interrupt ends the wait; the notify thread itself can be held up, by whoever
 * holds a lock of the kernel's. */
static void wait_told(struct fs *f, fuse_req_t req, uint64_t ino, int64_t id, int note)
{
	uint64_t cookie = ++f->told_cookie;

	waiting_park_until(
	    &f->waiting, req, WAIT_TOLD, (int64_t)cookie, note, clock_in(TELLING_MS));
	notify_then(f->notify, ino, cookie, id);
}

void file_refuse_told(struct fs *f, fuse_req_t req)
{
	wait_told(f, req, 0, 0, TOLD_ENOSYS);
}

/* Who does not wait any more has no handle to release. */
void file_told(struct fs *f, const struct event *e)
{
	int note = 0;
	fuse_req_t req = waiting_take(&f->waiting, WAIT_TOLD, (int64_t)e->cookie, &note);

	if (req && note == TOLD_ENOSYS)
		fuse_reply_err(req, ENOSYS);
	else if (req)
		file_reply_open(f, req, e->id, VIEW_MESSAGE, note == TOLD_KEEP);
	else if (e->id)
		let_go(f, e->id);
}

/* Its body is in the cache, and held. */
static void reply_message(struct fs *f, fuse_req_t req, const struct message *m, enum view view)
{
	unsigned flags = message_flags(m);

	if (flags & (MESSAGE_RESIZED | MESSAGE_REPLACED))
		wait_told(f, req, tree_ino(m->id, view), m->id,
		    flags & MESSAGE_REPLACED ? TOLD_ANEW : TOLD_KEEP);
	else
		file_reply_open(f, req, m->id, view, true);
}

void file_fetch(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	bool asked = waiting_for(&f->waiting, WAIT_FETCH, id);

	usage_tell(&f->usage, &f->queues->tasks);
	if (f->ending) {
		fuse_reply_err(req, ENODEV);
		return;
	}
	waiting_park(&f->waiting, req, WAIT_FETCH, id, (int)view);
	if (!asked && waiting_for(&f->waiting, WAIT_FETCH, id))
		fs_send_fetch(f, id, true, false);
}

/* Asks for what a reader in order will open next, which may be thousands. */
static void look_ahead(struct fs *f, int64_t id)
{
	struct queue_lot lot = {.first = NULL};
	int64_t next;

	if (f->ending)
		return;
	prefetch_opened(f->prefetch, f->maildrop, id);
	while ((next = prefetch_next(f->prefetch, f->maildrop)) != 0)
		queue_lot_add(&lot, &fs_fetch(next, false, false)->item);
	queue_put_lot(&f->queues->jobs, &lot);
}

/* One that left the listing can still be opened (/proc/self/fd/N) while its body is there. */
static void open_unlisted(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	struct reader_row row;

	if (reader_message(f->reader, id, &row) && row.cached) {
		file_reply_open(f, req, id, view, true);
		return;
	}
	let_go(f, id);
	fuse_reply_err(req, ESTALE);
}

/* What is cached when it is held stays: a body that is just leaving, or making way for one with
 * other octets, cannot be held. */
static void open_body(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);

	if (view == VIEW_HEADER) {
		headers_open(f, req, id);
	} else if (m && !(message_flags(m) & MESSAGE_CACHED)) {
		file_fetch(f, req, id, view);
	} else if (!pins_hold(f->queues->pins, id)) {
		file_wait_evicted(f, req, id, view);
	} else if (!m) {
		open_unlisted(f, req, id, view);
	} else {
		usage_opened(&f->usage, maildrop_listing(f->maildrop), m, &f->queues->tasks);
		reply_message(f, req, m, view);
	}
}

static void open_message(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	f->looks++;
	open_body(f, req, id, view);
	if (view != VIEW_DELETED && view != VIEW_HEADER &&
	    listing_by_id(maildrop_listing(f->maildrop), id))
		look_ahead(f, id);
}

void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *f = fs_of(req);
	struct node n = tree_node(ino);

	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC))
		fuse_reply_err(req, fs_read_only(f) ? EROFS : EPERM);
	else if (openless_answers(f, req))
		return;
	else if (n.kind == NODE_MESSAGE)
		open_message(f, req, n.id, VIEW_MESSAGE);
	else if (n.kind == NODE_MAILDIR)
		open_message(f, req, n.id, VIEW_MAILDIR);
	else if (n.kind == NODE_DELETED)
		open_message(f, req, n.id, VIEW_DELETED);
	else if (n.kind == NODE_HEADER)
		open_message(f, req, n.id, VIEW_HEADER);
	else if (n.kind == NODE_SNAPSHOT && snapshots_find(&f->snapshots, n.id))
		fuse_reply_open(req, &(struct fuse_file_info){.keep_cache = true});
	else
		fuse_reply_err(req, ESTALE);
}

static bool is_mending(const struct fs *f, int64_t id, size_t *at)
{
	for (size_t i = 0; i < f->mendings; i++)
		if (f->mending[i] == id) {
			*at = i;
			return true;
		}
	return false;
}

void file_forget(struct fs *f, int64_t id, off_t offset)
{
	for (size_t i = 0; i < VIEWS; i++)
		notify_inode(f->notify, openless_ino(f, id, views[i]), offset);
}

static bool can_fetch(const struct fs *f, int64_t id)
{
	return !f->ending && f->mendings < MOST_MENDINGS &&
	       listing_by_id(maildrop_listing(f->maildrop), id);
}

bool file_fetch_again(struct fs *f, int64_t id, bool urgent)
{
	size_t at;

	if (!can_fetch(f, id))
		return false;
	if (!is_mending(f, id, &at)) {
		f->mending = xreallocarray(f->mending, f->mendings + 1, sizeof(*f->mending));
		f->mending[f->mendings++] = id;
	}
	openless_leaves(f, id);
	fs_send_fetch(f, id, urgent, true);
	return true;
}

/* The store lost a piece of this body: it is thrown away and fetched anew, while the reader already
 * has its EIO. What the kernel knows of it goes now, since other octets may come, and again when
 * they have. */
void file_mend(struct fs *f, int64_t id)
{
	size_t at;

	if (is_mending(f, id, &at) || !can_fetch(f, id))
		return;
	log_warning("message %lld is damaged in the cache, fetching it again", (long long)id);
	file_forget(f, id, 0);
	fs_send_task(f, TASK_DAMAGED, id, 0);
	file_fetch_again(f, id, false);
}

static void mended(struct fs *f, int64_t id)
{
	size_t at;

	if (!is_mending(f, id, &at))
		return;
	f->mending[at] = f->mending[--f->mendings];
	file_forget(f, id, 0);
}

/* Who looks without opening is to see it soon. */
static void show_change(struct fs *f, const struct message *m)
{
	unsigned flags = m ? message_flags(m) : 0;

	if (flags & MESSAGE_REPLACED)
		file_forget(f, m->id, 0);
	else if (flags & MESSAGE_RESIZED)
		file_forget(f, m->id, -1);
}

/* All that wait now; one that has to wait once more stands behind them. */
static void open_again(struct fs *f, enum wait_kind kind, int64_t id)
{
	fuse_req_t req;
	int view;

	for (size_t left = waiting_count(&f->waiting, kind); left > 0; left--) {
		req = waiting_take(&f->waiting, kind, id, &view);
		if (!req)
			return;
		open_body(f, req, id < 0 ? SHELF_HEADER(id) : id, (enum view)view);
	}
}

void file_fetched(struct fs *f, const struct event *e)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), e->id);
	fuse_req_t req;
	int view;

	POINT("open", "fetched");
	mended(f, e->id);
	show_change(f, m);
	if (e->failure.code != OK)
		prefetch_failed(f->prefetch);
	if (e->failure.code == OK || (m && (message_flags(m) & MESSAGE_CACHED))) {
		open_again(f, WAIT_FETCH, e->id); /* it was a second copy that did not come */
	} else {
		while ((req = waiting_take(&f->waiting, WAIT_FETCH, e->id, &view)))
			fuse_reply_err(req, error_errno(e->failure.code));
	}
	if (e->held && pins_let_go(f->queues->pins, e->id))
		fs_send_task(f, TASK_SPARE, e->id, 0);
}

void file_evicted(struct fs *f, int64_t id)
{
	pins_left(f->queues->pins, id);
	open_again(f, WAIT_EVICTED, id);
}

static void read_message(
    struct fs *f, fuse_req_t req, int64_t id, enum view view, size_t size, off_t offset)
{
	char *to;
	ssize_t len;

	buf_clear(&f->reply);
	to = buf_room(&f->reply, size);
	if (tree_has_lf(&f->owner, view))
		len = lf_body(f->reader, &f->places, id, (uint64_t)offset, to, size);
	else
		len = reader_body(f->reader, id, (uint64_t)offset, to, size);
	if (len < 0) {
		fuse_reply_err(req, EIO);
		file_mend(f, id);
		return;
	}
	fuse_reply_buf(req, to, (size_t)len);
}

/* There is none under this number. Where that may change somebody is to look after it. */
static void read_nothing(struct fs *f, fuse_req_t req, fuse_ino_t ino)
{
	int64_t id = tree_node(ino).id;
	size_t at;

	fuse_reply_err(req, EIO);
	if (!openless_is_stale(f, ino) && !is_mending(f, id, &at))
		file_fetch_again(f, id, false);
}

/* Who reads messages in order need not ask for the next ones. */
static void push_ahead(struct fs *f, int64_t id)
{
	int64_t next;

	prefetch_opened(f->pushes, f->maildrop, id);
	while (!notify_is_full(f->notify) && (next = prefetch_next(f->pushes, f->maildrop)) != 0)
		if (tree_edition(openless_ino(f, next, VIEW_MESSAGE)) == 0)
			notify_push(f->notify, next,
			    message_size(listing_by_id(maildrop_listing(f->maildrop), next)));
}

static void was_read(struct fs *f, int64_t id, off_t offset)
{
	notify_reached(f->notify, id);
	if (offset == 0)
		push_ahead(f, id);
}

static void read_snapshot(struct fs *f, fuse_req_t req, int64_t serial, size_t size, off_t offset)
{
	const struct snapshot *s = snapshots_find(&f->snapshots, serial);
	struct slice text;

	if (!s) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	text = buf_slice(&s->text);
	if ((uint64_t)offset >= text.len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, text.at + offset,
		    size < text.len - (size_t)offset ? size : text.len - (size_t)offset);
}

void file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct fs *f = fs_of(req);
	struct node n = tree_node(ino);

	if (offset < 0)
		fuse_reply_err(req, EINVAL);
	else if (!openless_has_octets(f, ino))
		read_nothing(f, req, ino);
	else if (n.kind == NODE_MESSAGE || n.kind == NODE_MAILDIR || n.kind == NODE_DELETED)
		read_message(f, req, n.id, tree_view(ino), size, offset);
	else if (n.kind == NODE_HEADER)
		headers_read(f, req, n.id, size, offset);
	else if (n.kind == NODE_SNAPSHOT)
		read_snapshot(f, req, n.id, size, offset);
	else
		fuse_reply_err(req, EIO);
	if (n.kind == NODE_MESSAGE && tree_edition(ino) == 0)
		was_read(f, n.id, offset);
}

void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node n = tree_node(ino);

	if (n.kind == NODE_MESSAGE || n.kind == NODE_MAILDIR || n.kind == NODE_DELETED ||
	    n.kind == NODE_HEADER)
		file_let_go(fs_of(req), n.id, tree_view(ino));
	fuse_reply_err(req, 0);
}
