/* Deleting and taking back: an unlink in the root is an intention in the store's journal, and a
 * rename out of .pop3fs/deleted ends it. Both are answered when they are written. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "inside.h"
#include "log.h"
#include "point.h"

/* Durable intentions, and no commit: the kernel holds the directory's lock until this is answered.
 */
void deleting_sync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *f = fs_of(req);
	uint64_t cookie = ++f->sync_cookie;

	waiting_park(&f->waiting, req, WAIT_SYNC, (int64_t)cookie, 0);
	if (waiting_for(&f->waiting, WAIT_SYNC, (int64_t)cookie))
		fs_send_task(f, TASK_SYNC, 0, cookie);
}

/* ---- unlink ---- */

/* max_delete=: said once, and again when deletions went on in between. */
static bool is_bounded(struct fs *f)
{
	size_t pending = maildrop_pending(f->maildrop);
	bool bounded = f->plan.max_delete && pending >= f->plan.max_delete;

	if (bounded && !f->bounded)
		log_news("nothing more is removed: %zu %s for a commit, and max_delete=%" PRIu64
			 " is the bound",
		    pending, pending == 1 ? "deletion waits" : "deletions wait",
		    f->plan.max_delete);
	f->bounded = bounded;
	return bounded;
}

/* Hidden at once, answered when the intention is in the log: a file that is gone stays gone. */
void deleting_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *f = fs_of(req);
	const struct message *m = dir_find(f, VIEW_MESSAGE, slice_of(name));
	int64_t id;

	if (fs_read_only(f)) {
		fuse_reply_err(req, EROFS);
	} else if (parent != TREE_ROOT || !m) {
		fuse_reply_err(req, parent == TREE_ROOT ? ENOENT : EPERM);
	} else if (message_flags(m) & MESSAGE_FIXED) {
		fuse_reply_err(req, EPERM);
	} else if (is_bounded(f)) {
		fuse_reply_err(req, EDQUOT);
	} else {
		id = m->id;
		POINT("rm", "asked");
		maildrop_unlink(f->maildrop, m);
		verbs_journal_changed(f);
		waiting_park(&f->waiting, req, WAIT_UNLINK, id, 0);
		fs_send_task(f, TASK_UNLINK, id, 0);
	}
}

void deleting_unlinked(struct fs *f, int64_t id, const struct failure *how)
{
	fuse_req_t req;
	int note;

	if (how->code != OK)
		log_error("a deletion could not be recorded, the file stays: %s", how->words);
	maildrop_unlinked(f->maildrop, id, how->code == OK);
	req = waiting_take(&f->waiting, WAIT_UNLINK, id, &note);
	if (req)
		fuse_reply_err(req, error_errno(how->code));
	POINT("rm", "answered");
}

/* ---- and back ---- */

/* The one rename there is: out of deleted/, into the root, under the same name. Of others EXDEV
 * would be wrong, too: mv would copy and then unlink. */
void deleting_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
    const char *as, unsigned flags)
{
	struct fs *f = fs_of(req);
	const struct message *m = dir_find(f, VIEW_DELETED, slice_of(name));

	if (!dir_is_deleted(parent) || to != TREE_ROOT || !slice_is(slice_of(name), as) ||
	    (flags & ~(unsigned)RENAME_NOREPLACE) || fs_read_only(f)) {
		fs_refuse(req);
	} else if (!m) {
		fuse_reply_err(req, ENOENT);
	} else {
		verbs_journal_changed(f);
		waiting_park(&f->waiting, req, WAIT_UNDELETE, m->id, 0);
		fs_send_task(f, TASK_UNDELETE, m->id, 0);
	}
}

void deleting_undeleted(struct fs *f, int64_t id, const struct failure *how)
{
	fuse_req_t req;
	int note;

	POINT("undo", "written");
	if (how->code == OK) {
		maildrop_undeleted(f->maildrop, id);
		mirror_undeleted(f, id);
		dir_changed(f);
	}
	while ((req = waiting_take(&f->waiting, WAIT_UNDELETE, id, &note)))
		fuse_reply_err(req, error_errno(how->code));
}
