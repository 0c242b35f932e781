/* The verb fetch: messages come into the cache because somebody asked for them, not to be read.
 *
 * Who asks waits in the ioctl, and what he asked for goes on without him. What is in the cache is
 * not asked for again, be it there before or come meanwhile for a reader: an event that tells of a
 * message tells all who wait for it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "inside.h"
#include "names.h"
#include "shelf.h"

#define MOST_FETCHES 16 /* at a time, those included whose end nobody has heard of yet */

static struct fetch *find(const struct fs *f, int64_t number)
{
	struct fetch *x = f->fetches;

	while (x && x->number != number)
		x = x->next;
	return x;
}

static void leave(struct fs *f, struct fetch *x)
{
	struct fetch **at = &f->fetches;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	fetch_free(x);
}

void filling_finish(struct fs *f)
{
	while (f->fetches)
		leave(f, f->fetches);
}

/* One that nobody listens to makes room. */
static bool make_room(struct fs *f)
{
	struct fetch *unheard = NULL;
	size_t count = 0;

	for (struct fetch *x = f->fetches; x; x = x->next) {
		count++;
		if (!unheard && !waiting_for(&f->waiting, WAIT_FETCHED, x->number))
			unheard = x;
	}
	if (count < MOST_FETCHES)
		return true;
	if (unheard)
		leave(f, unheard);
	return unheard != NULL;
}

static struct fetch *add(struct fs *f)
{
	struct fetch **at = &f->fetches, *x = fetch_create();

	while (*at)
		at = &(*at)->next;
	*at = x;
	x->number = ++f->last_fetch;
	return x;
}

/* ---- naming ---- */

/* What is on the shelf goes with its last reader. */
static bool is_in_cache(const struct fs *f, const struct message *m)
{
	return !shelf_has_whole(f->queues->shelf, m->id) && (message_flags(m) & MESSAGE_CACHED);
}

static void add_message(const struct fs *f, struct fetch *x, const struct message *m)
{
	if (!is_in_cache(f, m))
		fetch_add(x, m->id, message_size(m));
}

static void add_all(struct fs *f, struct fetch *x)
{
	const struct listing *l = maildrop_listing(f->maildrop);

	for (size_t i = 0; i < l->count; i++)
		if (!maildrop_hides(f->maildrop, l->messages[i].id))
			add_message(f, x, &l->messages[i]);
}

static void add_names(struct fs *f, struct fetch *x, const char *names, const char *end)
{
	while (names < end && *names) {
		struct slice name = slice_make(names, strnlen(names, (size_t)(end - names)));
		const struct message *m = dir_find(f, VIEW_MESSAGE, name);
		struct failure why;

		failed(&why, E_VANISHED, "there is no such message");
		if (m)
			add_message(f, x, m);
		else
			fetch_cannot(x, name, &why);
		names += name.len + 1;
	}
}

/* ---- what the cache keeps ---- */

/* What would not stay there, or push the rest out again, is not fetched to be told as done. */
static enum error check_room(
    const struct fs *f, const struct fetch *x, bool all, struct failure *why)
{
	uint64_t octets = all ? maildrop_octets(f->maildrop) : x->octets;

	if (fetch_is_done(x))
		return OK;
	if (f->plan.nocache)
		return failed(why, E_FULL, "nocache keeps no message: nothing was fetched");
	if (f->plan.cache_size && octets > f->plan.cache_size)
		return failed(why, E_FULL,
		    "%" PRIu64 " bytes are more than cache_size=%" PRIu64
		    " keeps: nothing was fetched",
		    octets, f->plan.cache_size);
	return OK;
}

/* While the event is handled the body is held, so that it is where it was put. */
static enum error check_kept(const struct fs *f, int64_t id, struct failure *why)
{
	if (!shelf_has_whole(f->queues->shelf, id))
		return OK;
	return failed(why, E_FULL,
	    "came, but is not kept: the cache's disk is full, or has less left than "
	    "cache_min_free");
}

/* ---- asking ---- */

/* Somebody waits, as for a refresh: the login does not wait for LOGIN-DELAY. But readers go first.
 */
static void ask_for(struct fs *f, int64_t id)
{
	struct job *j = job_create(JOB_FETCH);

	openless_leaves(f, id);
	j->id = id;
	j->waited_for = true;
	queue_put(&f->queues->jobs, &j->item);
}

static void go(struct fs *f, struct fetch *x)
{
	int64_t id;

	while (!f->ending && (id = fetch_next(x)) != 0) {
		const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);

		if (m && is_in_cache(f, m))
			fetch_settle(x, id, slice_of(""), NULL);
		else
			ask_for(f, id); /* one that is not listed any more, too: it is said so */
	}
}

/* All are named. One that there is no room for ends here. */
static enum error begin(struct fs *f, struct fetch *x, bool all, struct failure *why)
{
	enum error e;

	fetch_begin(x);
	e = check_room(f, x, all, why);
	if (e)
		leave(f, x);
	else
		go(f, x);
	return e;
}

/* ---- telling ---- */

static bool has_news(const struct fetch *x)
{
	return x->settled > x->seen || x->failures_kept > x->told || fetch_is_done(x);
}

static struct verb_fetched news(const struct fetch *x)
{
	struct verb_fetched n = {
	    .number = x->number,
	    .seen = x->seen,
	    .told = x->told,
	    .messages = x->messages,
	    .settled = x->settled,
	    .failed = x->failed,
	    .octets = x->octets,
	    .settled_octets = x->settled_octets,
	};

	if (x->failures_kept > x->told) {
		const struct fetch_failure *failure = &x->failures[x->told];

		strncpy(n.name, failure->name, sizeof(n.name) - 1);
		verbs_put_failure(&n.failure, &failure->why);
	} else {
		n.finished = fetch_is_done(x);
	}
	return n;
}

static void tell(struct fs *f, struct fetch *x)
{
	struct verb_fetched n;
	fuse_req_t req;
	int note;

	if (!has_news(x) || !waiting_for(&f->waiting, WAIT_FETCHED, x->number))
		return;
	n = news(x);
	while ((req = waiting_take(&f->waiting, WAIT_FETCHED, x->number, &note)))
		fuse_reply_ioctl(req, 0, &n, sizeof(n));
	if (n.finished)
		leave(f, x);
}

/* ---- the verbs ---- */

void filling_fetch(struct fs *f, fuse_req_t req, const void *in)
{
	const struct verb_fetch *part = in;
	struct verb_fetch answer = {.number = part->number};
	struct fetch *x = part->number ? find(f, part->number) : NULL;
	bool all = !part->number && !part->more && !part->names[0];
	struct failure why;

	if ((part->number && !x) || (x && x->begun)) {
		fuse_reply_err(req, ESRCH);
		return;
	}
	if (!x && !make_room(f)) {
		fuse_reply_err(req, EAGAIN);
		return;
	}
	x = x ? x : add(f);
	answer.number = x->number;
	if (all)
		add_all(f, x);
	else
		add_names(f, x, part->names, part->names + sizeof(part->names));
	if (!part->more && begin(f, x, all, &why))
		verbs_put_failure(&answer.failure, &why);
	fuse_reply_ioctl(req, 0, &answer, sizeof(answer));
}

void filling_tell(struct fs *f, fuse_req_t req, const void *in)
{
	const struct verb_fetched *asked = in;
	struct fetch *x = find(f, asked->number);

	if (!x || !x->begun) { /* it may end at its beginning, and nobody be told */
		fuse_reply_err(req, ESRCH);
		return;
	}
	x->seen = asked->seen;
	x->told = asked->told;
	waiting_park(&f->waiting, req, WAIT_FETCHED, x->number, 0);
	tell(f, x);
}

/* What has left the listing has no name there any more: it is made of its UIDL. Never empty. */
static struct slice name_of(
    const struct fs *f, int64_t id, const struct message *m, char to[NAMES_ROOM])
{
	CLEANUP(buf_finish) struct buf uidl = {.len = 0};
	char made[NAME_LONGEST + 1];
	struct slice name;

	if (m) {
		name = message_name(maildrop_listing(f->maildrop), m);
	} else {
		reader_uidl(f->reader, id, &uidl);
		name = slice_make(made, name_encode(made, buf_slice(&uidl), 1));
	}
	return names_shown(to, VIEW_MESSAGE, f->plan.suffix, name);
}

static void settle(
    struct fs *f, struct fetch *x, int64_t id, const struct message *m, const struct failure *how)
{
	char to[NAMES_ROOM];

	fetch_settle(x, id, name_of(f, id, m, to), how->code ? how : NULL);
}

void filling_fetched(struct fs *f, int64_t id, const struct failure *how)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);
	struct failure not_kept;
	struct fetch *next;

	if (how->code == OK && check_kept(f, id, &not_kept))
		how = &not_kept;
	for (struct fetch *x = f->fetches; x; x = next) {
		next = x->next;
		if (!fetch_is_out(x, id))
			continue;
		settle(f, x, id, m, how);
		go(f, x);
		tell(f, x);
	}
}
