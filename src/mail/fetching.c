#include "errand.h"

#include <inttypes.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"

/* Lines that may break under one message before its reader is told. */
#define MOST_TRIES 2

static void append(struct want **list, struct want *w)
{
	while (*list)
		list = &(*list)->next;
	w->next = NULL;
	*list = w;
}

static struct want *find(struct want **list, int64_t id, struct want ***where)
{
	for (; *list; list = &(*list)->next) {
		if ((*list)->id == id) {
			*where = list;
			return *list;
		}
	}
	return NULL;
}

void fetching_want(struct session *s, int64_t id, bool urgent, bool again)
{
	struct fetching *f = &s->fetching;
	struct want **where, *w;

	if ((f->out && f->out->id == id) || find(&f->urgent, id, &where))
		return;
	w = find(&f->bulk, id, &where);
	if (w && !urgent)
		return;
	if (w) {
		*where = w->next;
	} else {
		w = xnew(struct want);
		w->id = id;
		f->count++;
	}
	w->urgent = urgent;
	w->again = w->again || again;
	append(urgent ? &f->urgent : &f->bulk, w);
}

bool fetching_wanted(const struct session *s)
{
	return s->fetching.count > 0;
}

bool fetching_waited_for(const struct session *s)
{
	const struct fetching *f = &s->fetching;

	return f->urgent || (f->out && f->out->urgent);
}

/* Tells the reader that it will not come, or (NULL) that it is there. */
static void settle(struct session *s, struct want *w, const struct failure *why)
{
	struct event *e = event_create(EVENT_FETCHED);

	e->id = w->id;
	if (why)
		e->failure = *why;
	session_send_event(s, e);
	s->fetching.count--;
	free(w);
}

static struct want *next_wanted(struct fetching *f)
{
	struct want **list = f->urgent ? &f->urgent : &f->bulk;
	struct want *w = *list;

	if (w) {
		*list = w->next;
		w->next = NULL;
	}
	return w;
}

static bool is_cached(const struct session *s, const struct want *w)
{
	const struct message *m = listing_by_id(s->listing, w->id);

	return m && !w->again && message_flags(m) & MESSAGE_CACHED;
}

enum error fetching_go(struct session *s, struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w;

	while (!f->out && (w = next_wanted(f)) != NULL) {
		uint32_t number = session_number(s, w->id);
		struct failure gone;

		if (is_cached(s, w)) {
			settle(s, w, NULL);
			continue;
		}
		if (number == 0) {
			failed(&gone, E_VANISHED,
			    "message %" PRId64 " is not on the server any more", w->id);
			settle(s, w, &gone);
			continue;
		}
		f->out = w;
		f->read_here = true;
		return talk_send_number(s->talk, VERB_RETR, number, 0, why);
	}
	return OK;
}

static void refused(struct session *s, const struct reply_status *status)
{
	struct failure why;

	failed(&why, status->code == CODE_SYS_TEMP ? E_LATER : E_REFUSED, "%s refused RETR: %.*s",
	    s->plan->host, SLICE_ARGS(status->text));
	settle(s, take(&s->fetching.out), &why);
}

static bool header_is_known(const struct session *s, int64_t id)
{
	const struct message *m = listing_by_id(s->listing, id);

	return m && atomic_load(&m->header) > 0;
}

enum error fetching_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct fetching *f = &s->fetching;

	if (a->verb != VERB_RETR || !f->out)
		return failed(
		    why, E_PROTOCOL, "an answer to %s came out of turn", verb_word(a->verb));
	switch (a->kind) {
	case ANSWER_STATUS:
		if (a->status.sign != REPLY_OK)
			refused(s, &a->status);
		else
			f->gather = gather_create(f->out->id, !header_is_known(s, f->out->id),
			    clock_seconds(), &s->queues->tasks);
		break;
	case ANSWER_TEXT:
		s->in_store += gather_add(f->gather, a->text);
		break;
	case ANSWER_LINE:
		break;
	case ANSWER_END:
		/* the store thread tells the reader, once it is there */
		s->in_store += gather_finish(take(&f->gather));
		f->count--;
		free(take(&f->out));
		break;
	}
	return OK;
}

void fetching_broken(struct session *s, const struct failure *why)
{
	struct fetching *f = &s->fetching;
	struct want *w = take(&f->out);

	gather_abort(take(&f->gather));
	f->read_here = false;
	if (!w)
		return;
	/* silence has used up the reader's patience; a line that broke has not */
	if (++w->tries >= MOST_TRIES || why->code == E_TIMEOUT) {
		settle(s, w, why);
		return;
	}
	w->next = w->urgent ? f->urgent : f->bulk;
	*(w->urgent ? &f->urgent : &f->bulk) = w;
}

void fetching_fail_all(struct session *s, const struct failure *why)
{
	struct want *w;

	fetching_broken(s, why);
	while ((w = next_wanted(&s->fetching)) != NULL)
		settle(s, w, why);
}
