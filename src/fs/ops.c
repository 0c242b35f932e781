/* The table of operations, and those that answer from the model alone. What is not in the table is
 * left to the kernel: without flush a close costs no request, without fsync it succeeds (nothing
 * here is ever dirty), without lseek, getlk and flock the kernel does them itself. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "inside.h"
#include "status.h"

#define STATFS_BLOCK 512 /* df counts in these: mails are small */
#define LONGEST_NAME 255

static void init(void *with, struct fuse_conn_info *connection)
{
	struct fs *f = with;

	/* O_TRUNC must come as a setattr of its own, which is refused: with it inside the open,
	 * root's would succeed silently. Splicing needs a pipe of its own and gains nothing on
	 * requests of a few dozen octets. */
	connection->want &= ~(unsigned)(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_SPLICE_READ |
					FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	/* Always plus, not only at first sight: find, rsync and tar list first and stat later. */
	connection->want |= connection->capable & FUSE_CAP_READDIRPLUS;
	connection->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
	f->openless.possible = connection->capable & FUSE_CAP_NO_OPEN_SUPPORT;
	f->greeted = true;
}

static void forget_one(struct fs *f, uint64_t ino, uint64_t lookups)
{
	struct node n = tree_node(ino);

	if (n.kind == NODE_SNAPSHOT)
		snapshots_forget(&f->snapshots, n.id, lookups);
	else
		openless_forgets(f, ino);
}

static void forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	forget_one(fs_of(req), ino, lookups);
	fuse_reply_none(req);
}

static void forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *all)
{
	for (size_t i = 0; i < count; i++)
		forget_one(fs_of(req), all[i].ino, all[i].nlookup);
	fuse_reply_none(req);
}

/* An hour, once the size is true and the body is here; a minute before, for LIST may come to say
 * another one. That the open which fetches it finds another length does no harm (file.c). A
 * header's hold for no time before, for the body may come with another one than TOP did; nor do
 * those with LF, of which LIST says nothing, before their lines are known. */
static double unsure(const struct fs *f, enum view view, unsigned flags)
{
	bool counted = flags & MESSAGE_TRUE_SIZE;

	if (view == VIEW_HEADER || (tree_has_lf(&f->owner, view) && !counted))
		return 0;
	return SECONDS_UNSURE;
}

void fs_message_attributes(
    struct fs *f, const struct message *m, enum view view, struct stat *st, double *seconds)
{
	unsigned flags = message_flags(m);
	bool unlinked = view == VIEW_DELETED ? !maildrop_deleted(f->maildrop, m->id)
					     : maildrop_hides(f->maildrop, m->id);

	tree_message(st, &f->owner, m, view, unlinked);
	if ((flags & MESSAGE_TRUE_SIZE) && (flags & MESSAGE_CACHED))
		*seconds = SECONDS_LONG;
	else
		*seconds = unsure(f, view, flags);
}

static bool message_attributes(
    struct fs *f, int64_t id, enum view view, struct stat *st, double *seconds)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);
	struct reader_row row;

	if (m) {
		fs_message_attributes(f, m, view, st, seconds);
		return true;
	}
	*seconds = 0;
	if (!reader_message(f->reader, id, &row))
		return false;
	tree_row(st, &f->owner, tree_ino(id, view), &row);
	return true;
}

static bool fixed_attributes(struct fs *f, uint64_t ino, struct stat *st, double *seconds)
{
	const struct fixed *row = tree_fixed(tree_node(ino).id);
	unsigned below = 0;
	int64_t number = 0;

	if (!tree_is_directory(row))
		return false; /* each lookup renders it anew, under another number */
	*seconds = row->kind == FIXED_DELETED ? 0 : SECONDS_VIEW;
	while ((row = tree_fixed_after(ino, number, &number)))
		below += tree_is_directory(row);
	tree_directory(st, &f->owner, ino, below, maildrop_changed(f->maildrop));
	return true;
}

static bool snapshot_attributes(struct fs *f, uint64_t ino, struct stat *st, double *seconds)
{
	const struct snapshot *s = snapshots_find(&f->snapshots, tree_node(ino).id);

	if (!s)
		return false;
	tree_file(st, &f->owner, ino, buf_slice(&s->text).len, s->made);
	*seconds = 0;
	return true;
}

bool fs_attributes(struct fs *f, uint64_t ino, struct stat *st, double *seconds)
{
	struct node n = tree_node(ino);

	switch (n.kind) {
	case NODE_ROOT:
		tree_directory(st, &f->owner, ino, 0, maildrop_changed(f->maildrop));
		*seconds = SECONDS_ROOT;
		return true;
	case NODE_MESSAGE:
		return message_attributes(f, n.id, VIEW_MESSAGE, st, seconds);
	case NODE_HEADER:
		return message_attributes(f, n.id, VIEW_HEADER, st, seconds);
	case NODE_MAILDIR:
		return message_attributes(f, n.id, VIEW_MAILDIR, st, seconds);
	case NODE_DELETED:
		return message_attributes(f, n.id, VIEW_DELETED, st, seconds);
	case NODE_FIXED:
		return fixed_attributes(f, ino, st, seconds);
	case NODE_SNAPSHOT:
		return snapshot_attributes(f, ino, st, seconds);
	case NODE_NONE:
		break;
	}
	return false;
}

static void get_attributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *f = fs_of(req);
	struct stat st;
	double seconds;

	if (ino == TREE_ROOT)
		refresh_looked(f);
	if (!openless_is_stale(f, ino) && fs_attributes(f, ino, &st, &seconds))
		fuse_reply_attr(req, &st, seconds);
	else
		fuse_reply_err(
		    req, fi ? EIO : ESTALE); /* for the latter a name is looked up again */
}

static void get_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *f = fs_of(req);
	struct statvfs st = {
	    .f_bsize = STATFS_BLOCK,
	    .f_frsize = STATFS_BLOCK,
	    .f_blocks = (maildrop_octets(f->maildrop) + STATFS_BLOCK - 1) / STATFS_BLOCK,
	    .f_files = maildrop_count(f->maildrop),
	    .f_namemax = LONGEST_NAME,
	};

	fuse_reply_statfs(req, &st);
}

void fs_status(const struct fs *f, struct buf *text)
{
	struct status now = {
	    .account = f->plan.account,
	    .state = f->state,
	    .ending = f->ending,
	    .messages = maildrop_count(f->maildrop),
	    .octets = maildrop_octets(f->maildrop),
	    .cached = maildrop_cached(f->maildrop),
	    .pending = maildrop_pending(f->maildrop),
	    .sandbox = f->plan.sandbox,
	};

	mirror_describe(f, now.mirror, sizeof(now.mirror));
	status_render(text, &now);
}

/* Only asked without default_permissions, when nobody but the owner gets in. Messages and the
 * directories that they leave are said to be writable, for else rm asks before each file; what
 * writes is refused when it comes. */
static void check_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct fs *f = fs_of(req);
	enum node_kind kind = tree_node(ino).kind;
	bool directory = kind == NODE_ROOT || kind == NODE_FIXED;
	bool movable = dir_is_deleted(ino) || kind == NODE_DELETED;
	bool removable = kind == NODE_ROOT || kind == NODE_MESSAGE || movable;

	if ((mask & W_OK) && fs_read_only(f))
		fuse_reply_err(req, EROFS);
	else if (((mask & W_OK) && !removable) || ((mask & X_OK) && !directory))
		fuse_reply_err(req, EACCES);
	else
		fuse_reply_err(req, 0);
}

/* ---- nothing pretends to work ---- */

void fs_refuse(fuse_req_t req)
{
	fuse_reply_err(req, fs_read_only(fs_of(req)) ? EROFS : EPERM);
}

static void refuse_attributes(
    fuse_req_t req, fuse_ino_t ino, struct stat *st, int which, struct fuse_file_info *fi)
{
	fs_refuse(req);
}

static void refuse_node(
    fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	fs_refuse(req);
}

static void refuse_directory(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	fs_refuse(req);
}

static void refuse_removal(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fs_refuse(req);
}

static void refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	fs_refuse(req);
}

static void refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	fs_refuse(req);
}

static void refuse_file(
    fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	fs_refuse(req);
}

static void refuse_write(fuse_req_t req, fuse_ino_t ino, const char *octets, size_t len,
    off_t offset, struct fuse_file_info *fi)
{
	fs_refuse(req);
}

static void refuse_xattr(
    fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	fs_refuse(req);
}

static void refuse_xattr_removal(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	fs_refuse(req);
}

const struct fuse_lowlevel_ops fs_operations = {
    .init = init,
    .lookup = dir_lookup,
    .forget = forget,
    .forget_multi = forget_multi,
    .getattr = get_attributes,
    .statfs = get_statfs,
    .access = check_access,
    .getxattr = xattrs_get,
    .listxattr = xattrs_list,
    .setxattr = refuse_xattr,
    .removexattr = refuse_xattr_removal,
    .ioctl = verbs_ioctl,
    .opendir = dir_open,
    .readdir = dir_read,
    .readdirplus = dir_read_plus,
    .releasedir = dir_release,
    .fsyncdir = deleting_sync,
    .unlink = deleting_unlink,
    .rename = deleting_rename,
    .open = file_open,
    .read = file_read,
    .release = file_release,
    .setattr = refuse_attributes,
    .mknod = refuse_node,
    .mkdir = refuse_directory,
    .rmdir = refuse_removal,
    .symlink = refuse_symlink,
    .link = refuse_link,
    .create = refuse_file,
    .write = refuse_write,
};
