#include "errand.h"

#include <inttypes.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "point.h"

/* How far a listing has come is told in steps of so many parts of what has been told before: some
 * hundreds of times, however many messages there are. */
#define FINENESS 64

/* What CAPA does not announce is not tried (there are servers that close at the first command they
 * do not know), unless it has been seen to work. Where there is no CAPA it is tried once a mount.
 */
static bool asks_uidl(const struct session *s)
{
	const struct capabilities *c = talk_capabilities(s->talk);

	if (c->uidl || s->facts.of[FACT_UIDL])
		return true;
	return !c->known && !s->uidl_refused;
}

/* The questions that may go out now: all at once, or one after the other. STAT is only a count to
 * check the others by. */
static enum error ask(struct session *s, struct failure *why)
{
	static const enum verb questions[] = {VERB_STAT, VERB_UIDL, VERB_LIST};
	static const struct slice nothing;
	struct survey *v = &s->survey;

	while (v->asked < sizeof(questions) / sizeof(questions[0]) &&
	       (pipelining_allowed(s) || talk_waiting(s->talk) == 0)) {
		enum verb verb = questions[v->asked++];

		if (verb == VERB_UIDL && v->draft->no_uidl)
			continue;
		if (talk_send(s->talk, verb, nothing, 0, why))
			return why->code;
	}
	return OK;
}

enum error survey_start(struct session *s, struct failure *why)
{
	struct draft *d = draft_create();

	POINT("listing", "begun");
	survey_forget(s);
	d->line = s->lines;
	d->hold_ms = s->plan->hold_ms;
	d->no_uidl = !asks_uidl(s);
	s->survey.draft = d;
	return ask(s, why);
}

void survey_forget(struct session *s)
{
	draft_free(s->survey.draft);
	buf_finish(&s->survey.first);
	s->survey = (struct survey){0};
	learning_forget(s);
}

/* ---- the answers ---- */

static enum error refused(const struct session *s, const struct answer *a, struct failure *why)
{
	if (a->verb == VERB_UIDL && !talk_capabilities(s->talk)->uidl && s->facts.of[FACT_UIDL])
		return failed(why, E_REFUSED,
		    "%s refused UIDL, by which its messages are known from earlier: %.*s; should "
		    "it "
		    "have none any more, remove the account's cache to have them named anew",
		    s->plan->host, SLICE_ARGS(a->status.text));
	return failed(why, a->status.code == CODE_SYS_TEMP ? E_LATER : E_REFUSED,
	    "%s refused %s: %.*s", s->plan->host, verb_word(a->verb), SLICE_ARGS(a->status.text));
}

/* Without a count the listing stands only if LIST and UIDL agree. */
static enum error stat_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct survey *v = &s->survey;

	if (a->status.code == CODE_SYS_TEMP)
		return refused(s, a, why);
	v->counted = a->status.sign == REPLY_OK && reply_stat(a->status.text, &v->stat_count);
	return OK;
}

/* A server that announces UIDL, or has ever shown one, has it: that it is refused is trouble that
 * passes. */
static bool has_uidl(const struct session *s)
{
	return talk_capabilities(s->talk)->uidl || s->facts.of[FACT_UIDL];
}

/* Some servers refuse UIDL and LIST on an empty maildrop (facts.md): that is an empty list, unless
 * it is said to be trouble. */
static bool is_empty(const struct survey *v, enum reply_code code)
{
	return v->counted && v->stat_count == 0 && code != CODE_SYS_TEMP && code != CODE_SYS_PERM;
}

static enum error list_status(struct session *s, const struct answer *a, struct failure *why)
{
	struct survey *v = &s->survey;

	if (a->status.sign == REPLY_OK || is_empty(v, a->status.code))
		return OK;
	if (a->verb != VERB_UIDL || has_uidl(s) || a->status.code == CODE_SYS_TEMP)
		return refused(s, a, why);
	v->draft->no_uidl = true;
	s->uidl_refused = true;
	return OK;
}

static void uidl_line(struct survey *v, struct slice line)
{
	struct slice uidl;
	uint32_t number;

	v->uidl_lines++;
	if (reply_uidl(line, &number, &uidl))
		draft_uidl(v->draft, number, uidl);
	else
		v->draft->bad_lines++;
}

/* A line with a number and no size that makes sense still says that the message is there. */
static void list_line(struct survey *v, struct slice line)
{
	struct slice rest;
	uint64_t octets;
	uint32_t number;

	v->list_lines++;
	if (reply_list(line, &number, &octets)) {
		draft_listed(v->draft, number, octets);
		return;
	}
	v->draft->bad_lines++;
	if (reply_uidl(line, &number, &rest))
		draft_listed(v->draft, number, 0);
}

static void take_line(struct survey *v, enum verb verb, struct slice line)
{
	if (verb == VERB_UIDL)
		uidl_line(v, line);
	else
		list_line(v, line);
}

/* A reply too many before a list makes its status line the first of its lines, and "+OK 3 messages"
 * reads like one. Where servers put "+OK" before each line, the next has it too. */
static void list_answer(struct survey *v, const struct answer *a)
{
	bool is_line = a->kind == ANSWER_LINE, is_first = is_line && v->lines++ == 0;
	bool says_ok = is_line && reply_status(a->text).sign == REPLY_OK;

	if (is_first && says_ok) {
		buf_add_slice(&v->first, a->text);
		return;
	}
	if (v->first.len > 0 && is_line && !says_ok)
		v->draft->bad_lines++;
	else if (v->first.len > 0)
		take_line(v, a->verb, buf_slice(&v->first));
	buf_clear(&v->first);
	if (is_line)
		take_line(v, a->verb, a->text);
	else
		v->lines = 0;
}

/* ---- both lists have ended ---- */

/* A bad line counts: it stands for a message. What STAT counts beyond the lines is missing, and a
 * listing that may be cut removes nothing. */
static enum error check(const struct survey *v, struct failure *why)
{
	const struct draft *d = v->draft;

	if (!v->counted && (d->nameless > 0 || d->sizeless > 0))
		return failed(why, E_PROTOCOL,
		    "the listing came short: STAT tells no count, and LIST and UIDL do not agree");
	if (v->counted &&
	    (v->list_lines < v->stat_count || v->uidl_lines + d->nameless < v->stat_count))
		return failed(why, E_PROTOCOL,
		    "the listing came short: STAT counts %" PRIu64 " messages, LIST %" PRIu64
		    ", UIDL %" PRIu64,
		    v->stat_count, v->list_lines, v->uidl_lines);
	return OK;
}

static enum error listed(struct session *s, struct failure *why)
{
	struct survey *v = &s->survey;
	struct task *t;

	draft_close(v->draft);
	if (check(v, why))
		return why->code;
	v->draft->partial = v->counted && v->draft->count < v->stat_count;
	v->draft->at = clock_seconds();
	POINT("listing", "came");
	t = task_create(TASK_MERGE);
	t->draft = take(&v->draft);
	session_send_task(s, t);
	return OK;
}

enum error survey_answer(struct session *s, const struct answer *a, struct failure *why)
{
	struct survey *v = &s->survey;
	enum error e = OK;

	if (a->verb == VERB_TOP || a->verb == VERB_RETR || learning_is_unproven(s))
		return learning_answer(s, a, why);
	if (a->verb == VERB_STAT)
		e = stat_answer(s, a, why);
	else if (a->kind == ANSWER_STATUS)
		e = list_status(s, a, why);
	else
		list_answer(v, a);
	if (e || !a->last)
		return e;
	e = ask(s, why);
	return e || talk_waiting(s->talk) > 0 ? e : listed(s, why);
}

/* ---- how far it has come ---- */

static bool is_further(uint64_t now, uint64_t told)
{
	return now < told || now - told > told / FINENESS;
}

void survey_progress(const struct session *s, struct session_state *state)
{
	static const struct survey none;
	const struct survey *v = s->line == LINE_SURVEYING ? &s->survey : &none;
	uint64_t counted = v->list_lines > v->uidl_lines ? v->list_lines : v->uidl_lines;
	uint64_t headers = s->line == LINE_SURVEYING ? s->learning.came : 0;

	state->expected = v->counted ? v->stat_count : 0;
	if (is_further(counted, state->counted) || counted == state->expected)
		state->counted = counted;
	if (is_further(headers, state->headers))
		state->headers = headers;
}

/* ---- what became of it ---- */

enum error survey_merged(struct session *s, struct draft *draft, struct failure *why)
{
	s->survey.draft = draft;
	if (s->ahead.number)
		return failed(why, E_PROTOCOL,
		    "more headers are wanted, and a body is on its way: listing again");
	return learning_start(s, why);
}

/* Said once a mount: what is unusual in this maildrop, and stays so. */
static void say_once(struct session *s, const struct draft *d)
{
	if (d->no_uidl && d->count > 0 && !s->said_no_uidl) {
		s->said_no_uidl = true;
		log_warning("%s has no UIDL: messages are named after their headers and cannot be "
			    "deleted",
		    s->plan->host);
	}
	if (d->partial && !s->said_partial) {
		s->said_partial = true;
		log_warning("some messages that %s counts are not listed, or have no name: what is "
			    "missing is not taken for gone",
		    s->plan->host);
	}
}

static void remember_uidl(struct session *s, const struct draft *d)
{
	for (size_t i = 0; i < d->count && !s->facts.of[FACT_UIDL]; i++)
		if (d->rows[i].kind != ROW_NAMELESS && d->rows[i].len > 0)
			session_learn(s, FACT_UIDL, 1);
}

void survey_published(struct session *s, const struct draft *d)
{
	struct failure why;

	say_once(s, d);
	remember_uidl(s, d);
	s->held = d->verdict == DRAFT_HELD;
	s->held_said = s->held_said && s->held;
	if (!s->held)
		return;
	s->held_until = clock_in(s->plan->hold_ms);
	failed(&why, E_SHRUNK,
	    "%zu of %zu known messages are missing from the server's listing: it is not believed "
	    "before it has been seen again after %" PRId64 " s, or pop3fs refresh asks for it",
	    d->missing, d->known, s->plan->hold_ms / 1000);
	if (!s->held_said && !s->refresh_waited_for) /* who waits is told, and will say it */
		log_warning("%s", why.words);
	s->held_said = true;
	s->backoff.trouble = why;
	if (!s->refresh_sure) /* else somebody has come who will believe it: list again */
		line_not_listed(s, &why);
	committing_proved(s, &why);
}
