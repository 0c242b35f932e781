/* Messages and renderings as files: open, read, release.
 *
 * Open is where a size becomes true. A message that is not in the cache is fetched first, its
 * length goes into the model (the store thread does that before it says so), and only then the open
 * is answered. The kernel may still believe the size that was shown before, LIST's mostly: where it
 * turned out to be another, the message is marked (in one step with its size: listing.h), and each
 * open of it is answered by the notify thread, behind the kernel's forgetting. So whoever asks
 * after an open hears the truth, and it costs nothing where LIST was right. A body that replaces
 * another one is marked, too, and its opens keep no page. There is no handle: the inode number says
 * which message or rendering it is, the store keeps the body of one that was unlinked or has
 * vanished, and so READ needs nothing else, also on a mount whose kernel sends no OPEN. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "alloc.h"
#include "inside.h"
#include "log.h"
#include "point.h"

#define MOST_MENDINGS 4096 /* damaged bodies fetched again at a time; beyond that they stay EIO */

static const enum view views[] = {
    VIEW_MESSAGE, VIEW_HEADER, VIEW_MAILDIR, VIEW_DELETED}; /* of a body */
#define VIEWS (sizeof(views) / sizeof(views[0]))

void file_reply_open(fuse_req_t req, bool keep_cache)
{
	struct fuse_file_info fi = {.keep_cache = keep_cache};

	fuse_reply_open(req, &fi);
}

static void reply_open(fuse_req_t req)
{
	file_reply_open(req, true);
}

/* Its body is in the cache. */
static void reply_message(
    struct fs *f, fuse_req_t req, int64_t id, const struct message *m, enum view view)
{
	unsigned flags = m ? message_flags(m) : 0;

	if (view == VIEW_HEADER)
		file_reply_open(req, false); /* its attributes hold for no time before */
	else if (flags & (MESSAGE_RESIZED | MESSAGE_REPLACED))
		notify_open(f->notify, req, tree_ino(id, view), !(flags & MESSAGE_REPLACED));
	else
		reply_open(req);
}

void file_fetch(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	bool asked = waiting_for(&f->waiting, WAIT_FETCH, id);

	if (f->ending) {
		fuse_reply_err(req, ENODEV);
		return;
	}
	waiting_park(&f->waiting, req, WAIT_FETCH, id, (int)view);
	if (!asked && waiting_for(&f->waiting, WAIT_FETCH, id))
		fs_send_fetch(f, id, true, false);
}

/* Asks for what a reader in order will open next. */
static void look_ahead(struct fs *f, int64_t id)
{
	int64_t next;

	if (f->ending)
		return;
	prefetch_opened(f->prefetch, f->maildrop, id);
	while ((next = prefetch_next(f->prefetch, f->maildrop)) != 0)
		fs_send_fetch(f, next, false, false);
}

/* One that left the listing can still be opened (/proc/self/fd/N) while its body is there. */
static void open_message(struct fs *f, fuse_req_t req, int64_t id, enum view view)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);
	struct reader_row row;

	if (m && !(message_flags(m) & MESSAGE_CACHED))
		file_fetch(f, req, id, view);
	else if (m || (reader_message(f->reader, id, &row) && row.cached))
		reply_message(f, req, id, m, view);
	else
		fuse_reply_err(req, ESTALE);
	if (m && view != VIEW_DELETED)
		look_ahead(f, id);
}

void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *f = fs_of(req);
	struct node n = tree_node(ino);

	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC))
		fuse_reply_err(req, fs_read_only(f) ? EROFS : EPERM);
	else if (n.kind == NODE_MESSAGE)
		open_message(f, req, n.id, VIEW_MESSAGE);
	else if (n.kind == NODE_MAILDIR)
		open_message(f, req, n.id, VIEW_MAILDIR);
	else if (n.kind == NODE_DELETED)
		open_message(f, req, n.id, VIEW_DELETED);
	else if (n.kind == NODE_HEADER)
		headers_open(f, req, n.id);
	else if (n.kind == NODE_SNAPSHOT && snapshots_find(&f->snapshots, n.id))
		reply_open(req);
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

/* notify.h: from `offset` on. */
static void forget(struct fs *f, int64_t id, off_t offset)
{
	for (size_t i = 0; i < VIEWS; i++)
		notify_inode(f->notify, tree_ino(id, views[i]), offset);
}

/* The store lost a piece of this body: it is thrown away and fetched anew, while the reader already
 * has its EIO. What the kernel knows of it goes now, since other octets may come, and again when
 * they have. */
void file_mend(struct fs *f, int64_t id)
{
	size_t at;

	if (f->ending || is_mending(f, id, &at) || f->mendings == MOST_MENDINGS ||
	    !listing_by_id(maildrop_listing(f->maildrop), id))
		return;
	f->mending = xreallocarray(f->mending, f->mendings + 1, sizeof(*f->mending));
	f->mending[f->mendings++] = id;
	log_warning("message %lld is damaged in the cache, fetching it again", (long long)id);
	forget(f, id, 0);
	fs_send_task(f, TASK_DISCARD, id, 0);
	fs_send_fetch(f, id, false, true);
}

static void mended(struct fs *f, int64_t id)
{
	size_t at;

	if (!is_mending(f, id, &at))
		return;
	f->mending[at] = f->mending[--f->mendings];
	forget(f, id, 0);
}

/* Who looks without opening is to see it soon. */
static void show_change(struct fs *f, const struct message *m)
{
	unsigned flags = m ? message_flags(m) : 0;

	if (flags & MESSAGE_REPLACED)
		forget(f, m->id, 0);
	else if (flags & MESSAGE_RESIZED)
		forget(f, m->id, -1);
}

void file_fetched(struct fs *f, int64_t id, const struct failure *how)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);
	fuse_req_t req;
	int view;

	POINT("open", "fetched");
	mended(f, id);
	show_change(f, m);
	if (how->code != OK)
		prefetch_failed(f->prefetch);
	while ((req = waiting_take(&f->waiting, WAIT_FETCH, id, &view))) {
		if (how->code != OK)
			fuse_reply_err(req, error_errno(how->code));
		else
			reply_message(f, req, id, m, (enum view)view);
	}
}

static void read_message(
    struct fs *f, fuse_req_t req, int64_t id, enum view view, size_t size, off_t offset)
{
	char *to;
	ssize_t len;

	buf_clear(&f->reply);
	to = buf_room(&f->reply, size);
	if (tree_has_lf(&f->owner, view))
		len = lf_body(f->reader, &f->place, id, (uint64_t)offset, to, size);
	else
		len = reader_body(f->reader, id, (uint64_t)offset, to, size);
	if (len < 0) {
		fuse_reply_err(req, EIO);
		file_mend(f, id);
		return;
	}
	fuse_reply_buf(req, to, (size_t)len);
}

/* Who reads messages in order need not ask for the next ones. */
static void push_ahead(struct fs *f, int64_t id)
{
	int64_t next;

	prefetch_opened(f->pushes, f->maildrop, id);
	while ((next = prefetch_next(f->pushes, f->maildrop)) != 0)
		notify_push(f->notify, next,
		    message_size(listing_by_id(maildrop_listing(f->maildrop), next)));
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
	else if (n.kind == NODE_MESSAGE || n.kind == NODE_MAILDIR || n.kind == NODE_DELETED)
		read_message(f, req, n.id, tree_view(ino), size, offset);
	else if (n.kind == NODE_HEADER)
		headers_read(f, req, n.id, size, offset);
	else if (n.kind == NODE_SNAPSHOT)
		read_snapshot(f, req, n.id, size, offset);
	else
		fuse_reply_err(req, EIO);
	if (n.kind == NODE_MESSAGE && offset == 0)
		push_ahead(f, n.id);
}

void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}
