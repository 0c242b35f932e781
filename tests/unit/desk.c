#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "desk.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

static struct desk *at; /* the one desk there is */

/* ---- in talk.c's place ---- */

struct talk *talk_create(const struct session_plan *plan, struct tls *tls,
    const struct facts *facts, int64_t remembered, bool hurried)
{
	assert_ptr_equal(plan, &at->plan);
	at->talk.closed = false;
	at->talk.given = at->talk.remembered = remembered;
	at->talk.waiting = 0;
	return &at->talk;
}

bool talk_capabilities_come(const struct talk *t)
{
	return false;
}

void talk_free(struct talk *t)
{
	if (t)
		t->closed = true;
}

static enum error send(struct talk *t, const char *line, struct failure *why)
{
	assert_false(t->closed);
	if (t->broken)
		return failed(why, E_CLOSED, "the line is broken");
	buf_printf(&t->sent, "%s;", line);
	t->waiting++;
	return OK;
}

enum error talk_send(
    struct talk *t, enum verb verb, struct slice argument, uint64_t tag, struct failure *why)
{
	CLEANUP(freep)
	char *line =
	    xasprintf("%s%s%.*s", verb_word(verb), argument.len ? " " : "", SLICE_ARGS(argument));

	return send(t, line, why);
}

enum error talk_send_number(
    struct talk *t, enum verb verb, uint32_t number, uint64_t tag, struct failure *why)
{
	CLEANUP(freep) char *line = xasprintf("%s %u", verb_word(verb), number);

	return send(t, line, why);
}

void talk_pause(struct talk *t, bool paused)
{
	t->paused = paused;
}

void talk_hold(struct talk *t, bool held)
{
	abort();
}

bool talk_is_paused(const struct talk *t)
{
	return t->paused;
}

int64_t talk_progress(const struct talk *t)
{
	return t->progress;
}

int64_t talk_round_trip(const struct talk *t)
{
	return -1;
}

size_t talk_waiting(const struct talk *t)
{
	return t->waiting;
}

const struct capabilities *talk_capabilities(const struct talk *t)
{
	return &t->capabilities;
}

const char *talk_cipher(const struct talk *t)
{
	return "a cipher";
}

struct slice talk_greeting(const struct talk *t)
{
	return slice_of(t->greeting);
}

enum mechanism talk_mechanism(const struct talk *t)
{
	return MECHANISM_AUTO;
}

int64_t talk_remembered(const struct talk *t)
{
	return t->remembered;
}

bool talk_was_refused(const struct talk *t)
{
	return t->refused;
}

enum reply_code talk_refusal(const struct talk *t)
{
	return t->refusal;
}

/* The thread links with these; nobody comes here from an errand. */
size_t talk_poll(struct talk *t, struct pollfd fds[TALK_MOST_FDS], int64_t *wake)
{
	abort();
}

enum talk_result talk_next(struct talk *t, struct answer *answer, struct failure *why)
{
	abort();
}

/* ---- the desk ---- */

struct session *desk_start(struct desk *d)
{
	struct session *s = &d->session;

	*d = (struct desk){
	    .plan = {.host = "mail.test", .user = "user", .headers = 1000},
	    .talk = {.capabilities = {.known = true, .top = true, .uidl = true}, .greeting = ""},
	};
	assert_true(queue_init(&d->queues.jobs));
	assert_true(queue_init(&d->queues.tasks));
	assert_true(queue_init(&d->queues.events));
	s->plan = &d->plan;
	s->queues = &d->queues;
	s->talk = &d->talk;
	s->line = LINE_READY;
	s->lines = 1;
	backoff_init(&s->backoff);
	pace_init(&s->fetching.pace, clock_ms());
	at = d;
	return s;
}

void desk_finish(struct desk *d)
{
	if (d->session.talk)
		line_close(&d->session);
	fetching_finish(&d->session);
	heading_finish(&d->session);
	learning_finish(&d->session);
	survey_forget(&d->session);
	desk_quiet(d);
	buf_finish(&d->talk.sent);
	queue_finish(&d->queues.jobs);
	queue_finish(&d->queues.tasks);
	queue_finish(&d->queues.events);
	at = NULL;
}

void desk_list(struct desk *d, size_t count)
{
	struct session *s = &d->session;
	struct listing *l = listing_create(count, 1);

	free(s->numbers);
	s->numbers = xreallocarray(NULL, count + 1, sizeof(*s->numbers));
	for (size_t i = 0; i < count; i++) {
		l->messages[i].id = (int64_t)i + 1;
		atomic_init(&l->messages[i].fact, (uint64_t)DESK_OCTETS << 8); /* listing.h */
		atomic_init(&l->messages[i].header, 8);
		s->numbers[i] = (uint32_t)i + 1;
	}
	listing_drop(s->listing);
	s->listing = l;
}

void desk_sent(struct desk *d, const char *want)
{
	assert_string_equal(buf_text(&d->talk.sent), want);
	buf_clear(&d->talk.sent);
}

static struct task *next_task(struct desk *d)
{
	struct task *t;

	while ((t = (struct task *)queue_take(&d->queues.tasks)) && t->kind == TASK_REMEMBER)
		task_free(t);
	return t;
}

struct task *desk_task(struct desk *d, enum task_kind kind)
{
	struct task *t = next_task(d);

	assert_non_null(t);
	assert_int_equal(t->kind, kind);
	return t;
}

struct event *desk_event(struct desk *d, enum event_kind kind)
{
	struct event *e = (struct event *)queue_take(&d->queues.events);

	assert_non_null(e);
	assert_int_equal(e->kind, kind);
	return e;
}

void desk_quiet(struct desk *d)
{
	assert_null(next_task(d));
	assert_null(queue_take(&d->queues.events));
}

/* ---- answers ---- */

static bool has_lines(enum verb verb, uint64_t tag)
{
	return verb == VERB_UIDL || (verb == VERB_LIST && tag == 0) || verb == VERB_TOP ||
	       verb == VERB_RETR;
}

static enum error give(
    struct desk *d, desk_errand *errand, struct answer *a, bool last, struct failure *why)
{
	a->last = last;
	a->pipelined = d->talk.waiting > 1;
	d->talk.waiting -= last;
	return errand(&d->session, a, why);
}

/* Takes a line off the front of *rest, without its LF. */
static struct slice next_line(struct slice *rest)
{
	size_t len = strcspn(rest->at, "\n");
	struct slice line = slice_make(rest->at, len);

	*rest = slice_of(rest->at + len + (rest->at[len] == '\n'));
	return line;
}

enum error desk_answer(struct desk *d, desk_errand *errand, enum verb verb, uint64_t tag,
    const char *text, struct failure *why)
{
	struct slice rest = slice_of(text);
	struct answer a = {.kind = ANSWER_STATUS,
	    .verb = verb,
	    .tag = tag,
	    .status = reply_status(next_line(&rest))};
	bool more = has_lines(verb, tag) && a.status.sign == REPLY_OK;
	bool mail = verb == VERB_TOP || verb == VERB_RETR;
	enum error error;

	assert_true(d->talk.waiting > 0);
	error = give(d, errand, &a, !more, why);
	while (more && !error && rest.len > 0) {
		struct slice line = next_line(&rest);
		CLEANUP(freep)
		char *octets = xasprintf("%.*s%s", SLICE_ARGS(line), mail ? "\r\n" : "");

		a.kind = mail ? ANSWER_TEXT : ANSWER_LINE;
		a.text = slice_of(octets);
		error = give(d, errand, &a, false, why);
	}
	a.kind = ANSWER_END;
	return more && !error ? give(d, errand, &a, true, why) : error;
}
