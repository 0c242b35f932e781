#include "errand.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "learn.h"
#include "log.h"
#include "name.h"

/* Whether its header is to be compared. An intention from before this line's listing is good only
 * for the message that it was made for; so is a later one, but where its UIDL says least, and there
 * is something to compare, that is done all the same. */
static bool is_doubtful(const struct session *s, const struct intention *i)
{
	const struct message *m = listing_by_id(s->listing, i->id);

	if (m && message_flags(m) & MESSAGE_TWIN)
		return true;
	if (!i->resized && !name_is_counter(slice_of(i->name)))
		return false;
	return i->older || i->tries > 0 || (i->has_digest && learning_top_is_there(s));
}

static void drop(struct deletion *d)
{
	d->outcome = OUTCOME_DROPPED;
	log_warning(
	    "%s is not deleted: the server now lists another message under its UIDL, or one "
	    "that cannot be told from it; it is shown again",
	    d->intention->name);
}

/* What nothing tells from another message, or what cannot be compared, is not deleted. */
static void drop_hopeless(const struct session *s, struct deletion *d)
{
	const struct message *m = listing_by_id(s->listing, d->id);

	if (message_flags(m) & MESSAGE_FIXED ||
	    (d->doubtful && (!d->intention->has_digest || !learning_top_is_there(s))))
		drop(d);
}

void comparing_choose(struct session *s)
{
	struct committing *c = &s->committing;

	c->all = xreallocarray(NULL, c->intentions->count, sizeof(*c->all));
	for (size_t i = 0; i < c->intentions->count; i++) {
		const struct intention *in = &c->intentions->all[i];
		uint32_t number = session_number(s, in->id);

		if (!committing_waits_for(in) || number == 0)
			continue;
		c->all[c->count] = (struct deletion){
		    .id = in->id,
		    .number = number,
		    .doubtful = is_doubtful(s, in),
		    .outcome = OUTCOME_NOT_SENT,
		    .intention = in,
		};
		drop_hopeless(s, &c->all[c->count++]);
	}
}

enum error comparing_go(struct session *s, struct failure *why)
{
	struct committing *c = &s->committing;

	for (; c->next < c->count && talk_waiting(s->talk) < committing_most_out(s); c->next++) {
		struct deletion *d = &c->all[c->next];

		if (d->doubtful && d->outcome == OUTCOME_NOT_SENT &&
		    talk_send_number(s->talk, VERB_TOP, d->number, c->next, why))
			return why->code;
	}
	return OK;
}

bool comparing_done(const struct session *s)
{
	return s->committing.next == s->committing.count && talk_waiting(s->talk) == 0;
}

static bool is_same(const struct deletion *d, struct slice text)
{
	CLEANUP(freep) struct learnt *learnt = learn_header(text, clock_seconds());

	return memcmp(learnt->digest, d->intention->digest, sizeof(learnt->digest)) == 0;
}

static void not_shown(struct session *s, struct deletion *d, const struct reply_status *status)
{
	d->not_now = status->code == CODE_SYS_TEMP;
	if (d->not_now)
		proving_not_done(s, "the server does not show the header of %s now: %.*s",
		    d->intention->name, SLICE_ARGS(status->text));
	else
		drop(d);
}

void comparing_answer(struct session *s, const struct answer *a)
{
	struct committing *c = &s->committing;
	struct deletion *d = &c->all[a->tag];

	if (a->kind == ANSWER_STATUS) {
		buf_clear(&c->top);
		if (a->status.sign != REPLY_OK)
			not_shown(s, d, &a->status);
	} else if (a->kind == ANSWER_TEXT && c->top.len < LEARN_LARGEST) {
		size_t room = LEARN_LARGEST - c->top.len;

		buf_add(&c->top, a->text.at, a->text.len < room ? a->text.len : room);
	} else if (a->kind == ANSWER_END && !is_same(d, buf_slice(&c->top))) {
		drop(d);
	}
}
