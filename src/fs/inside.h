/* What the files of this floor share: the file system's state. All of it belongs to the one thread
 * that calls fs.h. */
#ifndef POP3FS_INSIDE_H
#define POP3FS_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fuse_lowlevel.h>

#include "buf.h"
#include "fetches.h"
#include "fs.h"
#include "happenings.h"
#include "maildrop.h"
#include "mirror.h"
#include "notify.h"
#include "openless.h"
#include "pins.h"
#include "prefetch.h"
#include "reader.h"
#include "snapshots.h"
#include "tree.h"
#include "lf.h"
#include "usage.h"
#include "verbs.h"
#include "waiting.h"

#define SECONDS_LONG   3600.0 /* what cannot change, or is taken back by the notify thread */
#define SECONDS_UNSURE 60.0   /* a size that LIST has told */
#define SECONDS_ROOT   1.0    /* the root's attributes; the notify thread shortens it */
#define SECONDS_VIEW   1.0    /* other directories, and what they hold: nobody shortens that */

struct directory; /* an open one: dir.c */

/* A reader who goes through .pop3fs/headers in order of arrival. */
struct headers {
	int64_t last;  /* the message whose header was opened last */
	int64_t asked; /* the one up to which headers were asked for ahead */
	size_t window; /* messages */
};

struct fs {
	struct fs_plan plan;
	struct owner owner;
	struct queues *queues;
	struct maildrop *maildrop;
	struct reader *reader;
	struct prefetch *prefetch; /* what to fetch ahead of readers, and ... */
	struct prefetch *pushes;   /* ... what to push */
	struct usage usage;
	struct happenings happenings;
	uint64_t told;  /* all of these before this number were told to those who wait */
	uint64_t fresh; /* messages that came, of which on_new has not been told */
	struct session_state *state; /* the session thread's last word, or NULL */

	struct fuse_session *fuse; /* NULL until fs_mount */
	struct fuse_buf request;   /* the one being read; its memory is used again */
	struct buf reply;          /* of READ and READDIR; used again */
	struct notify *notify;     /* NULL until fs_mount */
	struct waiting waiting;
	struct snapshots snapshots;
	struct verbs verbs;
	struct fetch *fetches; /* oldest first */
	int64_t last_fetch;    /* its number */
	struct mirror mirror;
	struct openless openless;
	struct directory *directories; /* all that are open */
	uint64_t kept; /* version of the root's entries that the kernel may have kept; 0: of none */
	int64_t kept_since; /* clock.h */
	uint64_t looks;     /* messages that were looked up or opened */
	uint64_t sync_cookie, told_cookie;

	struct headers headers;
	struct lf_places places; /* of the last readers with LF line ends */

	int64_t *mending; /* messages whose damaged bodies are being fetched again */
	size_t mendings;

	int64_t listed_ms; /* monotonic: when the last listing came, or failed */
	bool listing;      /* one is asked for */
	bool listed;       /* one has come */
	struct failure list_failure;

	int signal_fd;
	unsigned signals;   /* SIGTERM and SIGINT; a hangup is none of them ... */
	bool hung_up;       /* ... but ends the mount, too, where it is heard */
	bool entered;       /* the root was: dir_changed */
	bool greeted;       /* the kernel's INIT is answered */
	bool broken;        /* its descriptor cannot be read */
	bool unseen;        /* the mount is not where it was, and yet not gone: others have it */
	int64_t unseen_due; /* ... if the kernel does not say so until then */
	bool unseen_told;   /* whoever took it away knows what is deleted, and what is not */
	bool bounded;       /* max_delete is reached, and that was said */
	bool ending;        /* the final commit is asked for: no unlink, no fetch any more */
	int64_t end_by;
	bool committed;
	struct commit_result commit;
	struct failure commit_failure;
};

/* The fs that a request is for. */
static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline bool fs_read_only(const struct fs *f)
{
	return f->plan.read_only || f->ending || verbs_leave(f);
}

/* For queue_put: jobs and tasks (id 0: for no message). */
struct job *fs_fetch(int64_t id, bool urgent, bool again);
void fs_send_fetch(struct fs *f, int64_t id, bool urgent, bool again);
void fs_send_header(struct fs *f, int64_t id, bool urgent);
void fs_send_task(struct fs *f, enum task_kind kind, int64_t id, uint64_t cookie);

/* ops.c: the table of operations, and the attributes of a node; false: there is no such node.
 * *seconds is how long they hold. */
extern const struct fuse_lowlevel_ops fs_operations;
bool fs_attributes(struct fs *f, uint64_t ino, struct stat *st, double *seconds);
void fs_message_attributes(
    struct fs *f, const struct message *m, enum view view, struct stat *st, double *seconds);
void fs_status(const struct fs *f, struct buf *text); /* status.h; adds to it */
/* EPERM, or EROFS: nothing pretends to work. */
void fs_refuse(fuse_req_t req);

/* dir.c */
void dir_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void dir_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dir_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void dir_read_plus(
    fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void dir_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* By its name as shown in this view; NULL: there is none. */
const struct message *dir_find(struct fs *f, enum view view, struct slice name);
void dir_close_all(struct fs *f);
/* The kernel is told that the root shows others. */
void dir_changed(const struct fs *f);
bool dir_is_deleted(uint64_t ino); /* .pop3fs/deleted */

/* deleting.c, with what answers its tasks */
void deleting_sync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void deleting_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void deleting_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
    const char *as, unsigned flags);
void deleting_unlinked(struct fs *f, int64_t id, const struct failure *how);
void deleting_undeleted(struct fs *f, int64_t id, const struct failure *how);

/* file.c */
void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_read(
    fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* Parks the open of this view until the body is there. */
void file_fetch(struct fs *f, fuse_req_t req, int64_t id, enum view view);
/* Parks it until EVENT_EVICTED of this id (headers.c has two for a message) is heard of. */
void file_wait_evicted(struct fs *f, fuse_req_t req, int64_t id, enum view view);
/* Answers an open whose body is held; who has gone before that lets it go. */
void file_reply_open(struct fs *f, fuse_req_t req, int64_t id, enum view view, bool keep_cache);
/* An open ends: the body is held no more. */
void file_let_go(struct fs *f, int64_t id, enum view view);
void file_mend(struct fs *f, int64_t id); /* its body is damaged: fetches it anew */
/* What the kernel knows of the body, in all its views, is not to be believed any more (notify.h).
 */
void file_forget(struct fs *f, int64_t id, off_t offset);
/* A body is fetched anew, whether it is in the cache or not; the kernel forgets the old one when it
 * has come. false: it cannot be now. */
bool file_fetch_again(struct fs *f, int64_t id, bool urgent);
void file_fetched(struct fs *f, const struct event *e); /* EVENT_FETCHED */
/* ENOSYS to an open, once the kernel has heard of all that came before; and EVENT_TOLD, for this
 * and for the opens of a message that has another size than was shown. */
void file_refuse_told(struct fs *f, fuse_req_t req);
void file_told(struct fs *f, const struct event *e);
void file_evicted(struct fs *f, int64_t id); /* EVENT_EVICTED */

/* headers.c: the files of .pop3fs/headers; and EVENT_HEADED. */
void headers_open(struct fs *f, fuse_req_t req, int64_t id);
void headers_read(struct fs *f, fuse_req_t req, int64_t id, size_t size, off_t offset);
void headers_came(struct fs *f, int64_t id, const struct failure *how);

/* filling.c: the verbs FETCH and FETCHED, and EVENT_FETCHED for them */
void filling_fetch(struct fs *f, fuse_req_t req, const void *in);
void filling_tell(struct fs *f, fuse_req_t req, const void *in);
void filling_fetched(struct fs *f, int64_t id, const struct failure *how);
void filling_finish(struct fs *f);

/* xattrs.c */
void xattrs_get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void xattrs_list(fuse_req_t req, fuse_ino_t ino, size_t size);

/* events.c: takes all that the other threads said, into model, waiting requests, notifications. */
void events_take(struct fs *f);

/* first.c: the server has not said what there is: may the mount begin with what the store knows?
 * And what whoever mounts should hear of. */
bool first_from_store(const struct fs *f);
void first_tell(const struct fs *f);
void first_progress(const struct fs *f);

/* refresh.c: somebody looked at the root; a listing was answered. */
void refresh_looked(struct fs *f);
void refresh_answered(struct fs *f);

#endif
