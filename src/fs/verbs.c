#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "inside.h"
#include "log.h"
#include "process.h"
#include "telling.h"
#include "verifying.h"

/* An umount that has committed unmounts at once, or says that it could not. Later than this it was
 * killed in between, or has detached what is in use; whoever ends the mount then wants another try.
 */
#define STANDS_MS 10000

struct undo {
	struct undo *next;
	int64_t number;
	size_t left; /* TASK_UNDELETEs not yet answered */
	struct verb_undelete answer;
};

_Static_assert(VERB_WORDS == sizeof(((struct failure *)0)->words), "a failure's words fit");

void verbs_init(struct verbs *v, int64_t commit_ms, uint64_t started)
{
	*v = (struct verbs){.identity = {
				.pid = getpid(),
				.pid_namespace = process_namespace("pid"),
				.mount_namespace = process_namespace("mnt"),
				.started = started,
				.commit_ms = commit_ms,
			    }};
}

void verbs_finish(struct verbs *v)
{
	verifying_finish(take(&v->verifications));
	while (v->undos) {
		struct undo *u = v->undos;

		v->undos = u->next;
		free(u);
	}
}

/* ---- answering ---- */

void verbs_put_failure(struct verb_failure *to, const struct failure *from)
{
	const char *words = from->words[0] ? from->words : error_words(from->code);

	to->number = error_errno(from->code);
	if (from->code)
		memcpy(to->words, words, strnlen(words, VERB_WORDS - 1));
}

void verbs_answer(struct fs *f, enum wait_kind kind, int64_t number, const void *answer, size_t len)
{
	fuse_req_t req;
	int note;

	while ((req = waiting_take(&f->waiting, kind, number, &note)))
		fuse_reply_ioctl(req, 0, answer, len);
}

/* Who might unlink: an ioctl needs no more than a look at the directory. */
static bool may_change(const struct fs *f, fuse_req_t req)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	return uid == 0 || uid == f->owner.uid || uid == geteuid();
}

/* ---- identity ---- */

static void identity(struct fs *f, fuse_req_t req, const void *in)
{
	fuse_reply_ioctl(req, 0, &f->verbs.identity, sizeof(f->verbs.identity));
}

/* ---- status ---- */

/* Should it ever be too long, its last lines are missing. */
static void status(struct fs *f, fuse_req_t req, const void *in)
{
	struct verb_status answer = {.len = 0};
	struct buf text = {.len = 0};
	struct slice whole, line;

	fs_status(f, &text);
	whole = buf_slice(&text);
	while ((line = slice_token(&whole, "\n")).len > 0 && answer.len + line.len < VERB_TEXT) {
		memcpy(answer.text + answer.len, line.at, line.len);
		answer.len += (uint32_t)line.len + 1;
		answer.text[answer.len - 1] = '\n';
	}
	buf_finish(&text);
	fuse_reply_ioctl(req, 0, &answer, sizeof(answer));
}

/* ---- commit ---- */

static void send_commit(struct fs *f)
{
	struct job *j = job_create(JOB_COMMIT);
	struct verbs *v = &f->verbs;

	v->commit++;
	v->committing = true;
	v->late = false;
	queue_put(&f->queues->jobs, &j->item);
}

void verbs_commit(struct fs *f)
{
	struct verbs *v = &f->verbs;

	if (!v->committing)
		send_commit(f);
	else if (v->late)
		v->next = true;
}

static void commit(struct fs *f, fuse_req_t req, const void *in)
{
	const struct verb_commit *asked = in;
	struct verbs *v = &f->verbs;

	if (asked->leaving)
		telling_leave(f);
	verbs_commit(f);
	waiting_park(
	    &f->waiting, req, asked->leaving ? WAIT_LEAVE : WAIT_COMMIT, v->commit + v->next, 0);
}

void verbs_journal_changed(struct fs *f)
{
	f->verbs.late = true;
}

/* At the end it is said from there (outcome.h). */
static void say_commit(const struct event *e)
{
	if (e->commit.deleted)
		log_deed("deleted %zu %s on the server", e->commit.deleted,
		    e->commit.deleted == 1 ? "message" : "messages");
	if (e->failure.code)
		log_warning("%zu %s in the journal: %s", e->commit.waiting,
		    e->commit.waiting == 1 ? "deletion waits" : "deletions wait", e->failure.words);
}

/* Also of one that was asked for in between, and does what the other could not. */
static void keep_for_end(struct verbs *v, const struct event *e)
{
	v->stands = e->commit;
	v->stands.deleted = 0; /* that was said already */
	v->stands_failure = e->failure;
}

static void answer_commit(struct fs *f, int64_t number, const struct verb_commit *answer)
{
	verbs_answer(f, WAIT_COMMIT, number, answer, sizeof(*answer));
	verbs_answer(f, WAIT_LEAVE, number, answer, sizeof(*answer));
}

void verbs_committed(struct fs *f, const struct event *e)
{
	struct verb_commit answer = {
	    .proof = e->commit.proved  ? VERB_PROVED
		     : e->commit.later ? VERB_PROVED_LATER
				       : VERB_UNPROVED,
	    .deleted = e->commit.deleted,
	    .waiting = e->commit.waiting,
	    .dropped = e->commit.dropped,
	};
	struct verbs *v = &f->verbs;

	verbs_put_failure(&answer.failure, &e->failure);
	v->committing = false;
	if (waiting_for(&f->waiting, WAIT_LEAVE, v->commit))
		v->stands_until = clock_in(STANDS_MS);
	answer_commit(f, v->commit, &answer);
	if (e->final) {
		answer_commit(f, v->commit + 1, &answer);
		return;
	}
	say_commit(e);
	keep_for_end(v, e);
	if (v->next && !f->ending) {
		v->next = false;
		send_commit(f);
	}
}

bool verbs_leave(const struct fs *f)
{
	return waiting_count(&f->waiting, WAIT_LEAVE) > 0 || clock_ms() < f->verbs.stands_until;
}

bool verbs_commit_stands(const struct fs *f)
{
	return !f->verbs.committing && clock_ms() < f->verbs.stands_until;
}

bool verbs_have_committed(struct fs *f)
{
	struct verbs *v = &f->verbs;

	if (!verbs_commit_stands(f))
		return false;
	f->commit = v->stands;
	f->commit_failure = v->stands_failure;
	return true;
}

static void stay(struct fs *f, fuse_req_t req, const void *in)
{
	const struct verb_stay answer = {.left = verbs_leave(f)};

	f->verbs.stands_until = 0;
	fuse_reply_ioctl(req, 0, &answer, sizeof(answer));
}

/* ---- refresh ---- */

/* Others get no account locked by it, nor a listing believed. */
static void refresh(struct fs *f, fuse_req_t req, const void *in)
{
	struct verbs *v = &f->verbs;
	struct job *j = job_create(JOB_REFRESH);

	j->waited_for = true;
	j->insists = may_change(f, req);
	j->number = ++v->refresh;
	f->listing = true;
	queue_put(&f->queues->jobs, &j->item);
	waiting_park(&f->waiting, req, WAIT_REFRESH, v->refresh, 0);
}

void verbs_refreshed(struct fs *f, const struct event *e)
{
	struct verb_refresh answer = {.failure = {.number = 0}};
	struct verbs *v = &f->verbs;

	verbs_put_failure(&answer.failure, &e->failure);
	while (v->refreshed < e->number)
		verbs_answer(f, WAIT_REFRESH, ++v->refreshed, &answer, sizeof(answer));
}

/* ---- undelete ---- */

/* Answered when nothing is left to be done. */
static void undo_look(struct fs *f, struct undo *u)
{
	struct undo **at = &f->verbs.undos;

	if (u->left > 0)
		return;
	verbs_answer(f, WAIT_UNDO, u->number, &u->answer, sizeof(u->answer));
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	free(u);
}

static bool is_listed(const struct fs *f, int64_t id)
{
	return listing_by_id(maildrop_listing(f->maildrop), id) != NULL;
}

/* Who asked twice gets both times what he wanted. */
static bool is_back(const struct fs *f, const struct event *e)
{
	return e->failure.code == OK ||
	       (!maildrop_hides(f->maildrop, e->id) && is_listed(f, e->id));
}

static void undo_count(struct fs *f, struct undo *u, const struct event *e)
{
	struct failure why = e->failure;

	u->left--;
	if (is_back(f, e)) {
		u->answer.done++;
	} else {
		u->answer.refused++;
		if (!is_listed(f, e->id))
			failed(
			    &why, E_VANISHED, "a commit was quicker: it is gone from the server");
		verbs_put_failure(&u->answer.failure, &why);
	}
	undo_look(f, u);
}

void verbs_undeleted(struct fs *f, const struct event *e)
{
	struct undo *u = f->verbs.undos;

	while (u && (uint64_t)u->number != e->cookie)
		u = u->next;
	if (u)
		undo_count(f, u, e);
}

static void put_back(struct fs *f, struct undo *u, const struct message *m)
{
	struct task *t = task_create(TASK_UNDELETE);

	t->id = m->id;
	t->cookie = (uint64_t)u->number;
	u->left++;
	queue_put(&f->queues->tasks, &t->item);
}

static void put_all_back(struct fs *f, struct undo *u)
{
	const struct message *m = maildrop_deleted_after(f->maildrop, 0);

	for (; m; m = maildrop_deleted_after(f->maildrop, m->id))
		put_back(f, u, m);
}

static void undelete_refused(struct fs *f, fuse_req_t req, const char *name)
{
	struct verb_undelete answer = {.refused = 1};
	struct failure why;

	if (verbs_leave(f))
		failed(&why, E_READONLY, "it is being unmounted: nothing can be taken back now");
	else if (dir_find(f, VIEW_MESSAGE, slice_of(name)))
		failed(&why, E_USAGE, "%s is not deleted", name);
	else
		failed(&why, E_VANISHED, "no deletion of %s waits: it cannot be taken back", name);
	verbs_put_failure(&answer.failure, &why);
	fuse_reply_ioctl(req, 0, &answer, sizeof(answer));
}

static void undelete(struct fs *f, fuse_req_t req, const void *in)
{
	char name[VERB_NAME];
	const struct message *m;
	struct verbs *v = &f->verbs;
	struct undo *u;

	memcpy(name, ((const struct verb_undelete *)in)->name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	m = name[0] ? dir_find(f, VIEW_DELETED, slice_of(name)) : NULL;
	if ((name[0] && !m) || verbs_leave(f)) {
		undelete_refused(f, req, name);
		return;
	}
	u = xnew(struct undo);
	u->number = ++v->undelete;
	u->next = v->undos;
	v->undos = u;
	if (m)
		put_back(f, u, m);
	else
		put_all_back(f, u);
	verbs_journal_changed(f);
	waiting_park(&f->waiting, req, WAIT_UNDO, u->number, 0);
	undo_look(f, u);
}

/* ---- the table ---- */

static const struct verb {
	unsigned command;
	size_t in, out;
	void (*begin)(struct fs *f, fuse_req_t req, const void *in);
	bool changes; /* what is on the server, or will be */
} table[] = {
    {VERB_IDENTITY, 0, sizeof(struct verb_identity), identity, false},
    {VERB_COMMIT, sizeof(struct verb_commit), sizeof(struct verb_commit), commit, true},
    {VERB_REFRESH, 0, sizeof(struct verb_refresh), refresh, false},
    {VERB_UNDELETE, sizeof(struct verb_undelete), sizeof(struct verb_undelete), undelete, true},
    {VERB_VERIFY, sizeof(struct verb_verify), sizeof(struct verb_verify), verifying_begin, true},
    {VERB_EVENTS, sizeof(struct verb_events), sizeof(struct verb_events), telling_begin, false},
    {VERB_STATUS, 0, sizeof(struct verb_status), status, false},
    {VERB_STAY, 0, sizeof(struct verb_stay), stay, true},
    {VERB_FETCH, sizeof(struct verb_fetch), sizeof(struct verb_fetch), filling_fetch, false},
    {VERB_FETCHED, sizeof(struct verb_fetched), sizeof(struct verb_fetched), filling_tell, false},
};

static const struct verb *find(unsigned command)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].command == command)
			return &table[i];
	return NULL;
}

/* Terminals ask every descriptor what it is: whatever is none of ours is ENOTTY at once. */
void verbs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *argument,
    struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_len, size_t out_len)
{
	struct fs *f = fs_of(req);
	const struct verb *row = find(command);

	if (!row || ino != TREE_ROOT || in_len < row->in || out_len < row->out)
		fuse_reply_err(req, ENOTTY);
	else if (f->ending)
		fuse_reply_err(req, ENODEV);
	else if (row->changes && !may_change(f, req))
		fuse_reply_err(req, EPERM);
	else
		row->begin(f, req, in);
}
