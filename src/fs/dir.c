/* The root and the directories below .pop3fs: lookup and reading.
 *
 * An open root keeps the listing that was valid at opendir, or at rewinddir, and in a mirror the
 * era (newcomers.h): who removes all that he reads does not remove what came after he had looked.
 * Of that it shows what is still there when it is read: once a listing has proved a commit, nothing
 * else tells that a message had been unlinked before. Its cookies are message ids, so any of them
 * resumes anywhere, and deleting while reading skips nothing. Entries may live long in the kernel:
 * the lock that a reader or looker holds on the directory is the one that the notify thread's
 * invalidation takes, so an entry that vanishes meanwhile is taken back afterwards.
 *
 * The kernel may keep what it has read of the root in pages, and answer the next reader by itself.
 * It is told at each opendir whether what it has is still true, so nobody sees less or more than
 * there is. These pages are filled, and read, by all that were allowed to at their opendir. So
 * while one of those who opened it before a change has the root open, nobody who opens it after
 * that is allowed: neither gets the other's entries. (The kernel also begins anew when the root's
 * mtime is another: that is one more guard, and not relied on.)
 *
 * Entries that were read by READDIRPLUS hold for an hour; the pages are kept for half of that, for
 * from pages the entries do not come back. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "inside.h"
#include "names.h"

#define COOKIE_DOTS  1       /* behind "." */
#define COOKIE_FIRST 2       /* behind "..", and what a cookie is larger than the id it is for */
#define KEPT_MS      1800000 /* half of SECONDS_LONG */
#define LARGEST_READ 1048576 /* octets of entries at a time, whatever is asked for */

/* Whoever lists gets attributes with the names: an entry the kernel knows need not be looked up,
 * and its body can be pushed (push.h): find and cat of 100,000 cost the daemon 102 us of processor
 * time each without, and 65 with them. It costs 1.1 KB of kernel memory an entry. In a listing of
 * more than LARGEST_PLUS (find reads so many before it says a name) only so many have them as there
 * were messages looked up or opened meanwhile, times PLUS_A_LOOK, and ls -U has only names. */
#define LARGEST_PLUS 100000
#define PLUS_A_LOOK  4

struct directory {
	struct directory *next;
	uint64_t ino;
	bool pages;              /* it may fill and read the kernel's */
	uint64_t version;        /* when it was opened (maildrop.h) */
	uint32_t era;            /* the same */
	bool begun;              /* its front was read */
	struct listing *listing; /* held where it shows messages, else NULL */
	enum view view;          /* of them */
	uint64_t looks;          /* fs.looks at its beginning */
	uint64_t whole;          /* entries given with their attributes since */
};

/* ---- the root ---- */

static void enter(struct fs *f)
{
	f->entered = true;
	refresh_looked(f);
}

/* Before somebody has entered the root the kernel has nothing of it but a mode of its own, 0000,
 * which its first GETATTR replaces; but not if a notification comes between: then it lets that one
 * answer pass, and refuses whoever waited for it (default_permissions). */
void dir_changed(const struct fs *f)
{
	if (f->notify && f->entered)
		notify_inode(f->notify, TREE_ROOT, 0);
}

/* ---- lookup ---- */

bool dir_is_deleted(uint64_t ino)
{
	struct node n = tree_node(ino);

	return n.kind == NODE_FIXED && tree_fixed(n.id)->kind == FIXED_DELETED;
}

const struct message *dir_find(struct fs *f, enum view view, struct slice name)
{
	if (!names_bare(&name, view, f->plan.suffix))
		return NULL;
	if (view == VIEW_DELETED)
		return maildrop_deleted_by_name(f->maildrop, name);
	return maildrop_by_name(f->maildrop, name);
}

/* Below deleted/ an entry holds for no time: a commit takes it away, and a rename makes the kernel
 * believe that it is the message in the root, which has another number. */
static void reply_entry(struct fs *f, fuse_req_t req, uint64_t ino, double seconds)
{
	struct fuse_entry_param e = {.ino = ino, .entry_timeout = seconds};

	if (fs_attributes(f, ino, &e.attr, &e.attr_timeout))
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENOENT);
}

/* The notify thread takes back entries of the root, and no others. */
static double entry_seconds(enum view view)
{
	return view == VIEW_MESSAGE ? SECONDS_LONG : SECONDS_VIEW;
}

static void reply_message(struct fs *f, fuse_req_t req, const struct message *m, enum view view)
{
	f->looks++;
	reply_entry(f, req, openless_ino(f, m->id, view), entry_seconds(view));
}

static void reply_status(struct fs *f, fuse_req_t req)
{
	struct fuse_entry_param e = {0};
	struct buf text = {0};
	const struct snapshot *s;

	fs_status(f, &text);
	s = snapshots_add(&f->snapshots, &text);
	e.ino = tree_ino(s->serial, VIEW_SNAPSHOT);
	fs_attributes(f, e.ino, &e.attr, &e.attr_timeout);
	fuse_reply_entry(req, &e);
}

void dir_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *f = fs_of(req);
	const struct fixed *row;
	const struct message *m;
	enum view view;
	int64_t number;

	if (parent == TREE_ROOT)
		enter(f);
	row = tree_fixed_named(parent, slice_of(name), &number);
	if (strlen(name) > NAME_MAX)
		fuse_reply_err(req, ENAMETOOLONG); /* FUSE itself would take more */
	else if (row && tree_is_directory(row))
		reply_entry(f, req, tree_ino(number, VIEW_FIXED), SECONDS_LONG);
	else if (row)
		reply_status(f, req);
	else if (tree_shows(parent, &view) && (m = dir_find(f, view, slice_of(name))))
		reply_message(f, req, m, view);
	else if (dir_is_deleted(parent) && (m = dir_find(f, VIEW_DELETED, slice_of(name))))
		reply_entry(f, req, openless_ino(f, m->id, VIEW_DELETED), 0);
	else
		fuse_reply_err(req, ENOENT); /* and not kept: it may arrive */
}

/* ---- open directories ---- */

static struct directory *directory_of(const struct fuse_file_info *fi)
{
	return (struct directory *)(uintptr_t)fi->fh;
}

static void directory_free(struct directory *d)
{
	listing_drop(d->listing);
	free(d);
}

static void directory_close(struct fs *f, struct directory *d)
{
	struct directory **at = &f->directories;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	directory_free(d);
}

void dir_close_all(struct fs *f)
{
	while (f->directories) {
		struct directory *d = f->directories;

		f->directories = d->next;
		directory_free(d);
	}
}

static bool may_use_pages(const struct fs *f, uint64_t version)
{
	for (const struct directory *d = f->directories; d; d = d->next)
		if (d->pages && d->version != version)
			return false;
	return true;
}

/* What the kernel may do with its pages of the root. */
static void allow_pages(struct fs *f, struct directory *d, struct fuse_file_info *fi)
{
	d->version = maildrop_version(f->maildrop);
	d->pages = may_use_pages(f, d->version);
	if (!d->pages)
		return; /* what it has goes, too */
	fi->cache_readdir = true;
	fi->keep_cache = f->kept == d->version && clock_ms() < f->kept_since + KEPT_MS;
	if (fi->keep_cache)
		return;
	f->kept = d->version;
	f->kept_since = clock_ms();
}

void dir_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *f = fs_of(req);
	struct directory *d;

	if (ino != TREE_ROOT && tree_node(ino).kind != NODE_FIXED) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	d = xnew(struct directory);
	d->ino = ino;
	d->era = maildrop_era(f->maildrop);
	d->looks = f->looks;
	if (ino == TREE_ROOT)
		enter(f);
	if (tree_shows(ino, &d->view))
		d->listing = listing_hold(maildrop_listing(f->maildrop));
	if (ino == TREE_ROOT)
		allow_pages(f, d, fi);
	d->next = f->directories;
	f->directories = d;
	fi->fh = (uintptr_t)d;
	if (fuse_reply_open(req, fi) == -ENOENT)
		directory_close(f, d); /* interrupted: RELEASEDIR will not come */
}

void dir_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	directory_close(fs_of(req), directory_of(fi));
	fuse_reply_err(req, 0);
}

/* ---- reading ---- */

/* A reply in the making. */
struct fill {
	struct fs *fs;
	fuse_req_t req;
	char *at;
	size_t room, used;
	bool plus;
};

/* false: it does not fit any more. `next` is the cookie behind it. */
static bool add(struct fill *x, const char *name, const struct fuse_entry_param *e, int64_t next)
{
	size_t left = x->room - x->used, len;

	if (x->plus)
		len = fuse_add_direntry_plus(x->req, x->at + x->used, left, name, e, next);
	else
		len = fuse_add_direntry(x->req, x->at + x->used, left, name, &e->attr, next);
	if (len > left)
		return false;
	x->used += len;
	return true;
}

/* An entry with number and type alone: with nodeid 0 also READDIRPLUS takes no more from it. */
static bool add_plain(struct fill *x, const char *name, uint64_t ino, mode_t type, int64_t next)
{
	const struct fuse_entry_param e = {.attr = {.st_ino = ino, .st_mode = type}};

	return add(x, name, &e, next);
}

static bool add_dots(struct fill *x, uint64_t ino, int64_t offset)
{
	if (offset < COOKIE_DOTS && !add_plain(x, ".", ino, S_IFDIR, COOKIE_DOTS))
		return false;
	return offset >= COOKIE_FIRST ||
	       add_plain(x, "..", tree_parent(ino), S_IFDIR, COOKIE_FIRST);
}

/* A message of an open directory as the valid listing has it: only there do sizes become true. NULL
 * if it is no longer shown. */
static const struct message *still_there(
    const struct fs *f, const struct directory *d, const struct message *m)
{
	if (!maildrop_shows(f->maildrop, m->id, d->era))
		return NULL;
	if (d->listing != maildrop_listing(f->maildrop))
		return maildrop_by_id(f->maildrop, m->id);
	return m;
}

static bool may_be_whole(const struct fill *x, const struct directory *d)
{
	return x->plus && (d->listing->count <= LARGEST_PLUS ||
			      d->whole < PLUS_A_LOOK * (x->fs->looks - d->looks));
}

static bool add_message(struct fill *x, struct directory *d, const struct message *m)
{
	const struct listing *l = d->listing;
	enum view view = d->view;
	struct fuse_entry_param e = {.entry_timeout = entry_seconds(view)};
	const struct message *valid = still_there(x->fs, d, m);
	char name[NAMES_ROOM];

	if (!valid)
		return true;
	names_shown(name, view, x->fs->plan.suffix, message_name(l, m));
	if (!may_be_whole(x, d))
		return add_plain(x, name, tree_ino(m->id, view), S_IFREG, m->id + COOKIE_FIRST);
	e.ino = openless_ino(x->fs, m->id, view);
	fs_message_attributes(x->fs, valid, view, &e.attr, &e.attr_timeout);
	if (!add(x, name, &e, m->id + COOKIE_FIRST))
		return false;
	d->whole++;
	return true;
}

static void fill_messages(struct fill *x, struct directory *d, int64_t after)
{
	const struct listing *l = d->listing;
	const struct message *m = listing_after(l, after);
	size_t i = m ? listing_index(l, m) : l->count;

	while (i < l->count && add_message(x, d, &l->messages[i]))
		i++;
}

static void fill_fixed(struct fill *x, uint64_t parent, int64_t after)
{
	int64_t number = after;
	const struct fixed *row;

	while ((row = tree_fixed_after(parent, number, &number)))
		if (!add_plain(x, row->name, tree_ino(number, VIEW_FIXED),
			tree_is_directory(row) ? S_IFDIR : S_IFREG, number + COOKIE_FIRST))
			return;
}

/* As they are now: each that is taken back or committed meanwhile is left out, and no other. */
static void fill_deleted(struct fill *x, int64_t after)
{
	const struct listing *l = maildrop_listing(x->fs->maildrop);
	const struct message *m;
	char name[NAMES_ROOM];

	while ((m = maildrop_deleted_after(x->fs->maildrop, after))) {
		after = m->id;
		names_shown(name, VIEW_DELETED, x->fs->plan.suffix, message_name(l, m));
		if (!add_plain(
			x, name, tree_ino(m->id, VIEW_DELETED), S_IFREG, m->id + COOKIE_FIRST))
			return;
	}
}

/* The front is read. For the second time, after rewinddir, it is that of what is there now; unless
 * others fill the kernel's pages, in which this reader has a part, with what there was. */
static void begin(struct fs *f, struct directory *d)
{
	struct listing *valid = maildrop_listing(f->maildrop);
	uint64_t version = maildrop_version(f->maildrop);
	uint32_t era = maildrop_era(f->maildrop);
	bool pages = d->pages, again = d->begun;

	d->begun = true;
	if (!again || !d->listing || (d->listing == valid && d->era == era))
		return;
	d->pages = false; /* it is none of the others */
	if (!pages || may_use_pages(f, version)) {
		listing_drop(d->listing);
		d->listing = listing_hold(valid);
		d->version = version;
		d->era = era;
	}
	d->pages = pages;
}

/* The root never lists .pop3fs: whoever walks the tree must not walk into it. */
static void read_entries(fuse_req_t req, size_t size, off_t offset, struct directory *d, bool plus)
{
	struct fs *f = fs_of(req);
	struct fill x = {.fs = f, .req = req, .room = size, .plus = plus};
	int64_t after = offset > COOKIE_FIRST ? offset - COOKIE_FIRST : 0;

	if (x.room > LARGEST_READ)
		x.room = LARGEST_READ;
	buf_clear(&f->reply);
	x.at = buf_room(&f->reply, x.room);
	if (offset == 0)
		begin(f, d);
	if (add_dots(&x, d->ino, offset)) {
		if (d->listing)
			fill_messages(&x, d, after);
		else if (dir_is_deleted(d->ino))
			fill_deleted(&x, after);
		else
			fill_fixed(&x, d->ino, after);
	}
	fuse_reply_buf(req, x.at, x.used);
}

void dir_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_entries(req, size, offset, directory_of(fi), false);
}

void dir_read_plus(
    fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_entries(req, size, offset, directory_of(fi), true);
}
