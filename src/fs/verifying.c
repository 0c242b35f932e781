#include "verifying.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "checking.h"
#include "inside.h"
#include "log.h"
#include "names.h"

struct verification {
	struct verification *next;
	int64_t number;
	int64_t fetching; /* the message that is fetched again, or 0 */
	bool refetch;
	struct verb_verify answer;
};

static struct verification *find(struct fs *f, int64_t number)
{
	struct verification *v = f->verbs.verifications;

	while (v && v->number != number)
		v = v->next;
	return v;
}

static void answer(struct fs *f, struct verification *v)
{
	struct verification **at = &f->verbs.verifications;

	verbs_answer(f, WAIT_VERIFY, v->number, &v->answer, sizeof(v->answer));
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	free(v);
}

void verifying_finish(struct verification *all)
{
	while (all) {
		struct verification *v = all;

		all = v->next;
		free(v);
	}
}

/* ---- asked ---- */

static void send(struct fs *f, int64_t number, int64_t after, bool only)
{
	struct task *t = task_create(TASK_CHECK);

	t->cookie = (uint64_t)number;
	t->checking = checking_create(after, only);
	queue_put(&f->queues->tasks, &t->item);
}

static void no_such(fuse_req_t req, const char *name)
{
	struct verb_verify absent = {.found = FOUND_ABSENT};
	struct failure why;

	failed(&why, E_VANISHED, "there is no message %s", name);
	verbs_put_failure(&absent.failure, &why);
	fuse_reply_ioctl(req, 0, &absent, sizeof(absent));
}

void verifying_begin(struct fs *f, fuse_req_t req, const void *in)
{
	const struct verb_verify *asked = in;
	struct verification *v;
	const struct message *m;
	char name[VERB_NAME];

	memcpy(name, asked->name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	m = name[0] ? dir_find(f, VIEW_MESSAGE, slice_of(name)) : NULL;
	if (name[0] && !m) {
		no_such(req, name);
		return;
	}
	v = xnew(struct verification);
	v->number = ++f->verbs.verify;
	v->refetch = asked->refetch != 0;
	v->next = f->verbs.verifications;
	f->verbs.verifications = v;
	waiting_park(&f->waiting, req, WAIT_VERIFY, v->number, 0);
	send(f, v->number, m ? m->id : asked->after, m != NULL);
}

/* ---- found ---- */

static void put(struct fs *f, struct verb_verify *to, const struct checking *c)
{
	char shown[NAMES_ROOM];

	to->after = c->id;
	to->found = (uint32_t)c->found;
	to->checked = c->checked;
	to->octets = c->octets;
	to->size = c->size;
	to->listed = c->listed;
	memcpy(to->sha256, c->sha256, sizeof(to->sha256));
	if (c->found != FOUND_NOTHING)
		snprintf(to->name, sizeof(to->name), "%s",
		    names_shown(shown, VIEW_MESSAGE, f->plan.suffix, slice_of(c->name)).at);
}

/* Not under somebody who reads it, unless there is nothing to read; and who reads is not known
 * without open. */
static bool may_fetch(const struct fs *f, const struct checking *c)
{
	if (f->ending || !listing_by_id(maildrop_listing(f->maildrop), c->id))
		return false;
	return c->found == FOUND_DAMAGED || (c->found == FOUND_DIFFERS && !openless_is_on(f) &&
						!pins_are_held(f->queues->pins, c->id));
}

void verifying_checked(struct fs *f, struct event *e)
{
	const struct checking *c = e->checking;
	struct verification *v = find(f, (int64_t)e->cookie);

	if (c->found == FOUND_DAMAGED) {
		log_warning("%s is damaged in the cache; it was thrown away", c->name);
		file_forget(f, c->id, 0);
		openless_leaves(f, c->id);
	}
	if (!v)
		return;
	put(f, &v->answer, c);
	verbs_put_failure(&v->answer.failure, &e->failure);
	if (e->failure.code == OK && v->refetch && may_fetch(f, c) &&
	    file_fetch_again(f, c->id, true)) {
		v->fetching = c->id;
		v->answer.fetched = 1;
	} else {
		answer(f, v);
	}
}

void verifying_fetched(struct fs *f, const struct event *e)
{
	struct verification *v = f->verbs.verifications, *next;

	for (; v; v = next) {
		next = v->next;
		if (v->fetching != e->id)
			continue;
		verbs_put_failure(&v->answer.failure, &e->failure);
		answer(f, v);
	}
}
