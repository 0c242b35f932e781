/* The daemon's side of the verbs (ioctls.h): who asks is parked until the other threads have
 * answered, and many can be. A verb that is asked again joins the one that runs, unless that began
 * too early to be an answer: then it waits for the next. */
#ifndef POP3FS_VERBS_H
#define POP3FS_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fuse_lowlevel.h>

#include "ioctls.h"
#include "jobs.h"
#include "waiting.h"

struct fs;
struct undo;         /* an UNDELETE under way */
struct verification; /* a VERIFY under way: verifying.h */

struct verbs { /* waiting requests are in the fs's struct waiting, under the numbers kept here */
	struct verb_identity identity;

	int64_t commit;  /* number of the last JOB_COMMIT that was asked for by a verb */
	bool committing; /* it is not answered yet */
	bool late;       /* an unlink or undelete came after it was asked for */
	bool next;       /* somebody waits for the one after it */

	int64_t stands_until; /* clock.h: an unmount follows until then, and ends with this: */
	struct commit_result stands;
	struct failure stands_failure;

	int64_t refresh;   /* number of the last JOB_REFRESH that was asked for by a verb */
	int64_t refreshed; /* all up to this are answered */

	int64_t undelete; /* number of the last UNDELETE */
	struct undo *undos;

	int64_t verify; /* number of the last VERIFY */
	struct verification *verifications;
};

void verbs_init(struct verbs *v, int64_t commit_ms, uint64_t started);
void verbs_finish(struct verbs *v);

void verbs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *argument,
    struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_len, size_t out_len);

/* For those who answer one: to all that wait for it, with a failure in words. */
void verbs_answer(
    struct fs *f, enum wait_kind kind, int64_t number, const void *answer, size_t len);
void verbs_put_failure(struct verb_failure *to, const struct failure *from);

/* An unlink or undelete: the journal will hold other deletions than the commit that runs has read.
 */
void verbs_journal_changed(struct fs *f);

/* An unmount is under way: somebody who will unmount waits for a commit, or has just been answered.
 * Nothing that he would not know of may come in between, so nothing is unlinked or taken back. */
bool verbs_leave(const struct fs *f);

/* EVENT_COMMITTED, EVENT_UNDELETED, and EVENT_REFRESHED or EVENT_NOT_LISTED. */
void verbs_committed(struct fs *f, const struct event *e);
void verbs_undeleted(struct fs *f, const struct event *e);
void verbs_refreshed(struct fs *f, const struct event *e);

/* A commit that nobody waits for, of all that was unlinked until now. */
void verbs_commit(struct fs *f);

/* An umount has just committed, and said what that brought: nobody tries again behind it. */
bool verbs_commit_stands(const struct fs *f);

/* The mount is gone. true: an umount has just committed, and what that brought (now the fs's) need
 * not be tried again. */
bool verbs_have_committed(struct fs *f);

#endif
