#include "openless.h"

#include <errno.h>

#include "inside.h"
#include "log.h"
#include "names.h"

static const enum view views[] = {VIEW_MESSAGE, VIEW_HEADER, VIEW_MAILDIR, VIEW_DELETED};

/* ---- the beginning ---- */

static bool is_whole(const struct fs *f)
{
	const struct listing *l = maildrop_listing(f->maildrop);

	for (size_t i = 0; i < l->count; i++) {
		unsigned flags = message_flags(&l->messages[i]);

		if (!(flags & MESSAGE_CACHED) || !(flags & MESSAGE_TRUE_SIZE))
			return false;
	}
	return true;
}

/* First what costs little: this is asked at each open of a mirror that is not whole yet. */
static bool may_begin(const struct fs *f)
{
	const struct listing *l = maildrop_listing(f->maildrop);

	return f->plan.openless && f->openless.possible && f->mirror.on && !f->mirror.lack &&
	       !f->ending && f->mendings == 0 && atomic_load(&l->cached) == l->count &&
	       maildrop_held_back(f->maildrop) == 0;
}

static void begin(struct fs *f)
{
	if (!may_begin(f) || !pins_hold_all(f->queues->pins))
		return;
	if (!is_whole(f)) {
		pins_let_all_go(f->queues->pins);
		return;
	}
	f->openless.on = true;
	log_info("all messages are in the cache: reading them needs no open any more");
}

bool openless_answers(struct fs *f, fuse_req_t req)
{
	if (!f->openless.on)
		begin(f);
	if (f->openless.on)
		file_refuse_told(f, req);
	return f->openless.on;
}

bool openless_is_on(const struct fs *f)
{
	return f->openless.on;
}

void openless_finish(struct fs *f)
{
	editions_finish(&f->openless.editions);
}

/* ---- numbers ---- */

uint64_t openless_ino(const struct fs *f, int64_t id, enum view view)
{
	return tree_ino_of(id, view, editions_of(&f->openless.editions, id));
}

static bool is_message(struct node n)
{
	return n.kind == NODE_MESSAGE || n.kind == NODE_HEADER || n.kind == NODE_MAILDIR ||
	       n.kind == NODE_DELETED;
}

bool openless_is_stale(const struct fs *f, uint64_t ino)
{
	struct node n = tree_node(ino);

	return is_message(n) && tree_edition(ino) != editions_of(&f->openless.editions, n.id);
}

bool openless_has_octets(const struct fs *f, uint64_t ino)
{
	return !openless_is_stale(f, ino) && editions_has_body(tree_edition(ino));
}

/* ---- what becomes of a body ---- */

bool openless_keeps(const struct fs *f, const struct message *m)
{
	bool kept = !f->openless.on || pins_keep(f->queues->pins, m->id);

	return kept && (message_flags(m) & MESSAGE_CACHED);
}

void openless_shows(struct fs *f, const struct message *m)
{
	if (f->openless.on && !(message_flags(m) & MESSAGE_CACHED))
		editions_begin_without(&f->openless.editions, m->id);
}

/* What the kernel has of a number that is none any more. In the other directories names are soon
 * looked up again by themselves. */
static void forget(struct fs *f, int64_t id, uint32_t edition)
{
	const struct listing *l = maildrop_listing(f->maildrop);
	const struct message *m = listing_by_id(l, id);
	char shown[NAMES_ROOM];

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		notify_inode(f->notify, tree_ino_of(id, views[i], edition), 0);
	if (m)
		notify_entry(f->notify, TREE_ROOT,
		    names_shown(shown, VIEW_MESSAGE, f->plan.suffix, message_name(l, m)).at);
}

/* Its body is held from now on: whether the kernel knows of it is only looked up for the first
 * edition. */
void openless_leaves(struct fs *f, int64_t id)
{
	uint32_t edition = editions_of(&f->openless.editions, id);

	if (!f->openless.on || maildrop_holds_back(f->maildrop, id) ||
	    !editions_leave(&f->openless.editions, id))
		return;
	notify_push_nothing_old(f->notify);
	pins_hold(f->queues->pins, id);
	forget(f, id, edition);
}

void openless_fetched(struct fs *f, const struct event *e)
{
	uint32_t edition = editions_of(&f->openless.editions, e->id);

	if (f->plan.openless && f->headers.last && !e->failure.code)
		notify_inode(f->notify, tree_ino_of(e->id, VIEW_HEADER, edition), 0);
	if (f->openless.on && !e->failure.code &&
	    editions_return(&f->openless.editions, e->id, !e->replaced))
		forget(f, e->id, edition);
}

/* ---- what nobody has any more ---- */

void openless_forgets(struct fs *f, uint64_t ino)
{
	struct node n = tree_node(ino);

	if (!f->openless.on || !is_message(n) || !f->notify ||
	    editions_of(&f->openless.editions, n.id) != 0)
		return;
	if (!listing_by_id(maildrop_listing(f->maildrop), n.id))
		notify_unused(f->notify, n.id);
}
