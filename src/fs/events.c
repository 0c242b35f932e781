/* What the other threads say, brought into the model, to the requests that wait for it, and to the
 * kernel. The order is always: model, then answer. */
#include <stdlib.h>

#include "alloc.h"
#include "inside.h"
#include "log.h"
#include "point.h"
#include "telling.h"
#include "verifying.h"

/* Refused too often (journal.h). Said once, for until now they were hidden. */
static void say_given_up(const struct fs *f, const struct intentions *all)
{
	for (size_t i = 0; all && i < all->count; i++)
		if (all->all[i].state == INTENTION_REFUSED &&
		    maildrop_hides(f->maildrop, all->all[i].id))
			log_warning(
			    "%s is shown again: the server would not delete it", all->all[i].name);
}

static void intended(struct fs *f, struct event *e)
{
	say_given_up(f, e->intentions);
	maildrop_intend(f->maildrop, take(&e->intentions));
	dir_changed(f);
}

/* Intentions first: what they hide must not come up as new with the listing, for an instant. */
static void listed(struct fs *f, struct event *e)
{
	POINT("listing", "told");
	if (e->intentions)
		intended(f, e);
	if (e->listing) {
		struct listing *was = listing_hold(maildrop_listing(f->maildrop));

		maildrop_swap(f->maildrop, take(&e->listing), e->fresh ? telling_gone : NULL,
		    e->fresh ? telling_come : NULL, f);
		if (f->notify)
			notify_swapped(f->notify, TREE_ROOT, was, maildrop_listing(f->maildrop),
			    openless_is_on(f));
		listing_drop(was);
	}
	if (!e->fresh)
		return;
	mirror_listed(f);
	f->listed = true;
	f->list_failure = (struct failure){0};
	refresh_answered(f);
}

static void not_listed(struct fs *f, const struct event *e)
{
	f->list_failure = e->failure;
	refresh_answered(f);
	verbs_refreshed(f, e);
}

static void synced(struct fs *f, const struct event *e)
{
	int note;
	fuse_req_t req = waiting_take(&f->waiting, WAIT_SYNC, (int64_t)e->cookie, &note);

	if (req)
		fuse_reply_err(req, error_errno(e->failure.code));
}

static void committed(struct fs *f, const struct event *e)
{
	POINT("commit", "told");
	if (e->final) {
		f->committed = true;
		f->commit = e->commit;
		f->commit_failure = e->failure;
	}
	telling_committed(f, e);
	verbs_committed(f, e);
}

static void state_changed(struct fs *f, struct event *e)
{
	free(f->state);
	f->state = take(&e->state);
	first_progress(f);
	telling_state(f);
}

static void happened(struct fs *f, struct event *e)
{
	switch (e->kind) {
	case EVENT_LISTED:
		listed(f, e);
		break;
	case EVENT_NOT_LISTED:
		not_listed(f, e);
		break;
	case EVENT_FETCHED:
		openless_fetched(f, e);
		filling_fetched(f, e->id, &e->failure);
		file_fetched(f, e); /* lets the body go */
		verifying_fetched(f, e);
		mirror_fetched(f, e->id, &e->failure);
		break;
	case EVENT_CHECKED:
		verifying_checked(f, e);
		break;
	case EVENT_EVICTED:
		file_evicted(f, e->id);
		mirror_evicted(f, e->id);
		break;
	case EVENT_HEADED:
		headers_came(f, e->id, &e->failure);
		break;
	case EVENT_UNLINKED:
		deleting_unlinked(f, e->id, &e->failure);
		break;
	case EVENT_UNDELETED:
		deleting_undeleted(f, e->id, &e->failure);
		verbs_undeleted(f, e);
		break;
	case EVENT_INTENTIONS:
		intended(f, e);
		break;
	case EVENT_SYNCED:
		synced(f, e);
		break;
	case EVENT_COMMITTED:
		committed(f, e);
		break;
	case EVENT_STATE:
		state_changed(f, e);
		break;
	case EVENT_TOLD:
		file_told(f, e);
		break;
	case EVENT_REFRESHED:
		verbs_refreshed(f, e);
		break;
	}
}

void events_take(struct fs *f)
{
	struct queue_item *item = queue_take_all(&f->queues->events);

	while (item) {
		struct event *e = (struct event *)item;

		item = item->next;
		happened(f, e);
		event_free(e);
	}
	mirror_tell(f);
	telling_all(f);
}
