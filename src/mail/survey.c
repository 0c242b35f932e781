#include "errand.h"

#include <inttypes.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "learn.h"
#include "point.h"

/* TOPs out at a time where the server announced PIPELINING; else one. */
#define MOST_TOPS_OUT 100

static const struct slice nothing;

/* The three questions, all at once or one after the other: STAT is only a count to check the others
 * by. */
static enum error ask(struct session *s, enum verb verb, struct failure *why)
{
	return talk_send(s->talk, verb, nothing, 0, why);
}

enum error survey_start(struct session *s, struct failure *why)
{
	POINT("listing", "begun");
	survey_forget(s);
	s->survey.draft = draft_create();
	s->survey.draft->line = s->lines;
	s->survey.draft->sure = s->refresh_waited_for;
	if (ask(s, VERB_STAT, why))
		return why->code;
	if (!pipelining_allowed(s))
		return OK;
	if (ask(s, VERB_UIDL, why))
		return why->code;
	return ask(s, VERB_LIST, why);
}

void survey_forget(struct session *s)
{
	draft_free(s->survey.draft);
	buf_finish(&s->survey.top);
	s->survey = (struct survey){0};
}

/* Both lists have ended. One that counts fewer than STAT lacks something: it removes nothing. */
static enum error listed(struct session *s, struct failure *why)
{
	struct survey *v = &s->survey;
	struct task *t;

	if (v->list_count < v->stat_count || v->uidl_count < v->stat_count)
		return failed(why, E_PROTOCOL,
		    "the listing came short: STAT counts %" PRIu64 " messages, LIST %" PRIu64
		    ", UIDL %" PRIu64,
		    v->stat_count, v->list_count, v->uidl_count);
	draft_close(v->draft);
	v->draft->at = clock_seconds();
	v->asked = true;
	POINT("listing", "came");
	t = task_create(TASK_MERGE);
	t->draft = take(&v->draft);
	session_send_task(s, t);
	return OK;
}

static enum error refused(const struct session *s, const struct answer *a, struct failure *why)
{
	return failed(why, a->status.code == CODE_SYS_TEMP ? E_LATER : E_REFUSED,
	    "%s refused %s: %.*s", s->plan->host, verb_word(a->verb), SLICE_ARGS(a->status.text));
}

static enum error stat_answer(struct session *s, const struct answer *a, struct failure *why)
{
	uint64_t octets;

	if (a->status.sign != REPLY_OK)
		return refused(s, a, why);
	if (!reply_stat(a->status.text, &s->survey.stat_count, &octets))
		return failed(
		    why, E_PROTOCOL, "STAT was answered \"%.*s\"", SLICE_ARGS(a->status.text));
	s->survey.stat_ended = true;
	return pipelining_allowed(s) ? OK : ask(s, VERB_UIDL, why);
}

/* Some servers refuse UIDL and LIST on an empty maildrop (facts.md): that is an empty list. */
static enum error list_status(struct session *s, const struct answer *a, struct failure *why)
{
	if (a->status.sign != REPLY_OK && s->survey.stat_count > 0)
		return refused(s, a, why);
	return OK;
}

static enum error list_ended(struct session *s, const struct answer *a, struct failure *why)
{
	struct survey *v = &s->survey;

	if (a->verb == VERB_UIDL)
		v->uidl_ended = true;
	else
		v->list_ended = true;
	if (v->uidl_ended && v->list_ended)
		return listed(s, why);
	return pipelining_allowed(s) ? OK : ask(s, VERB_LIST, why);
}

static void list_line(struct survey *v, const struct answer *a)
{
	struct slice uidl;
	uint64_t octets;
	uint32_t number;

	if (a->verb == VERB_UIDL && reply_uidl(a->text, &number, &uidl)) {
		draft_uidl(v->draft, number, uidl);
		v->uidl_count++;
	} else if (a->verb == VERB_LIST && reply_list(a->text, &number, &octets)) {
		draft_listed(v->draft, number, octets);
		v->list_count++;
	} else {
		v->draft->bad_lines++;
	}
}

/* ---- headers ---- */

static bool top_is_there(const struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	return c->top || !c->known;
}

static bool wants_header(const struct row *r)
{
	return r->kind != ROW_KNOWN && !r->learnt;
}

/* All that was asked for has come (or will not): the draft is the store's again. */
static void publish(struct session *s)
{
	struct task *t = task_create(TASK_PUBLISH);

	POINT("listing", "learnt");
	t->draft = take(&s->survey.draft);
	s->survey.asked = true;
	session_send_task(s, t);
}

/* The newest come first: they stand last in the listing. */
static enum error send_tops(struct session *s, struct failure *why)
{
	struct survey *v = &s->survey;
	size_t most = pipelining_allowed(s) ? MOST_TOPS_OUT : 1;

	while (v->tops_out < most && v->next_row > 0 && v->wanted > 0) {
		struct row *r = &v->draft->rows[--v->next_row];

		if (!wants_header(r))
			continue;
		if (talk_send_number(s->talk, VERB_TOP, r->number, v->next_row, why))
			return why->code;
		v->tops_out++;
		v->wanted--;
	}
	if (v->tops_out == 0)
		publish(s);
	return OK;
}

enum error survey_merged(struct session *s, struct draft *draft, struct failure *why)
{
	struct survey *v = &s->survey;

	v->asked = false;
	v->at_headers = true;
	v->draft = draft;
	v->next_row = draft->count;
	v->wanted = top_is_there(s) && !s->without_headers ? s->plan->headers : 0;
	return send_tops(s, why);
}

static enum error top_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct survey *v = &s->survey;
	struct row *r = &v->draft->rows[a->tag];

	if (a->kind == ANSWER_STATUS)
		buf_clear(&v->top);
	if (a->kind == ANSWER_TEXT && v->top.len < LEARN_LARGEST) {
		size_t room = LEARN_LARGEST - v->top.len;

		buf_add(&v->top, a->text.at, a->text.len < room ? a->text.len : room);
	}
	if (a->kind == ANSWER_END)
		r->learnt = learn_header(buf_slice(&v->top), clock_seconds());
	if (!a->last)
		return OK;
	v->tops_out--;
	return send_tops(s, why);
}

enum error survey_answer(struct session *s, const struct answer *a, struct failure *why)
{
	enum error e = OK;

	if (a->verb == VERB_TOP)
		return top_answer(s, a, why);
	if (a->verb == VERB_STAT)
		return stat_answer(s, a, why);
	if (a->kind == ANSWER_STATUS)
		e = list_status(s, a, why);
	else if (a->kind == ANSWER_LINE)
		list_line(&s->survey, a);
	if (e == OK && a->last)
		e = list_ended(s, a, why);
	return e;
}
