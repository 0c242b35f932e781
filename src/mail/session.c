#include "session.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "errand.h"
#include "log.h"

/* Answers taken before the queue of jobs is looked at again. */
#define ANSWERS_AT_ONCE 256

/* Octets of bodies on their way to the store, in memory: beyond this the line is paused. */
#define MOST_IN_STORE (8u << 20)

void session_send_task(struct session *s, struct task *t)
{
	queue_put(&s->queues->tasks, &t->item);
}

void session_send_event(struct session *s, struct event *e)
{
	queue_put(&s->queues->events, &e->item);
}

void session_learn(struct session *s, enum fact fact, int64_t value)
{
	struct task *t;

	if (s->facts.of[fact] == value)
		return;
	s->facts.of[fact] = value;
	t = task_create(TASK_REMEMBER);
	t->key = xstrdup(fact_name(fact));
	t->value = xasprintf("%" PRId64, value);
	session_send_task(s, t);
}

uint32_t session_number(const struct session *s, int64_t id)
{
	const struct message *m = s->listing ? listing_by_id(s->listing, id) : NULL;

	return m ? s->numbers[listing_index(s->listing, m)] : 0;
}

/* ---- what the fs thread is told ---- */

static enum session_phase phase(const struct session *s)
{
	switch (s->line) {
	case LINE_OPENING:
		return PHASE_CONNECTING;
	case LINE_SURVEYING:
		return PHASE_LISTING;
	case LINE_READY:
		return PHASE_READY;
	case LINE_COMMITTING:
		return PHASE_COMMITTING;
	default:
		return s->trouble.code ? PHASE_OFFLINE : PHASE_CLOSED;
	}
}

static bool is_told(const struct session_state *a, const struct session_state *b)
{
	return a->phase == b->phase && a->queue == b->queue && a->listed == b->listed &&
	       a->bad_lines == b->bad_lines && a->trouble.code == b->trouble.code &&
	       strcmp(a->trouble.words, b->trouble.words) == 0 &&
	       strcmp(a->server, b->server) == 0 && strcmp(a->cipher, b->cipher) == 0;
}

static void tell_state(struct session *s)
{
	struct event *e;

	s->state.phase = phase(s);
	s->state.queue = fetching_queue(s);
	s->state.trouble = s->trouble;
	if (is_told(&s->state, &s->told))
		return;
	s->told = s->state;
	e = event_create(EVENT_STATE);
	e->state = xmemdup(&s->state, sizeof(s->state));
	session_send_event(s, e);
}

/* ---- what comes next ---- */

static bool wants_line(const struct session *s)
{
	return s->refresh_wanted || fetching_wanted(s) || committing_wants_line(s);
}

/* Deletions are committed by this line's numbers, unless the server would eat what was read beside
 * them. */
static bool may_commit_here(const struct session *s)
{
	return talk_waiting(s->talk) == 0 && !(line_eats_what_was_read(s) && s->fetching.read_here);
}

static void think_ready(struct session *s)
{
	struct failure why;
	enum error e = OK;

	if (committing_wants_line(s) && may_commit_here(s))
		e = committing_start(s, &why);
	else if (committing_wants_line(s) && (s->ending || talk_waiting(s->talk) == 0))
		line_close(s); /* what is still coming in would hold up the commit */
	else if (committing_wants_line(s))
		e = fetching_pause(s, &why);
	else if (fetching_wanted(s))
		e = fetching_go(s, &why);
	else if (s->refresh_wanted || s->end)
		line_leave(s);
	if (e)
		line_over(s, &why);
	if (s->line != LINE_READY || fetching_wanted(s))
		s->idle_since = clock_ms();
}

static void think(struct session *s)
{
	if (s->line == LINE_READY)
		think_ready(s);
	if (s->end && s->line != LINE_LEAVING && s->line != LINE_NONE)
		line_close(s); /* whoever could wait for it is gone */
	if (s->end || s->line != LINE_NONE || !wants_line(s))
		return;
	if (s->secret_refused)
		line_fail_all(s, &s->trouble);
	else if (clock_ms() >= s->not_before)
		line_open(s);
}

/* ---- jobs ---- */

/* Why a new wish cannot be tried now: backing off, or a secret that was refused. */
static bool no_use_now(const struct session *s)
{
	return s->line == LINE_NONE && s->trouble.code && s->retry_until == CLOCK_NEVER &&
	       (s->secret_refused || clock_ms() < s->not_before);
}

static void want_fetch(struct session *s, const struct job *j)
{
	struct failure why = s->trouble;

	if (s->ending)
		failed(&why, E_ENDING, "pop3fs is ending");
	fetching_want(s, j->id, j->urgent, j->again);
	if (s->ending || no_use_now(s))
		fetching_fail_all(s, &why);
}

static void want_refresh(struct session *s, const struct job *j)
{
	s->refresh_wanted = true;
	if (j->waited_for) {
		s->refresh_waited_for = true;
		s->refresh_sure = s->refresh_sure || !j->first;
		s->secret_refused = false;
		s->not_before = 0;
	} else if (no_use_now(s)) {
		line_not_listed(s, &s->trouble);
	}
}

static void want_commit(struct session *s, const struct job *j)
{
	struct failure ending;

	if (j->final) {
		s->ending = true;
		failed(&ending, E_ENDING, "pop3fs is ending");
		if (s->line == LINE_READY && talk_waiting(s->talk) > 0)
			line_close(s); /* what is still coming in would hold up the commit */
		fetching_fail_all(s, &ending);
		line_not_listed(s, &ending);
	}
	if (!s->secret_refused)
		s->not_before = 0;
	committing_want(s, j->final);
}

static void merged(struct session *s, struct job *j)
{
	struct failure why;
	enum error e;

	if (s->line != LINE_SURVEYING || j->draft->line != s->lines)
		return; /* the line that it was for is gone */
	if (j->failure.code) {
		line_over(s, &j->failure);
		return;
	}
	e = survey_merged(s, take(&j->draft), &why);
	if (e)
		line_over(s, &why);
}

/* The listing stands. The listing event to the fs thread came from the store. */
static void published(struct session *s, struct job *j)
{
	if (s->line != LINE_SURVEYING || j->draft->line != s->lines)
		return;
	if (j->failure.code) {
		line_over(s, &j->failure);
		return;
	}
	s->listing = take(&j->listing);
	s->numbers = take(&j->numbers);
	s->line = LINE_READY;
	s->attempts = 0;
	s->retry_until = CLOCK_NEVER;
	s->idle_since = clock_ms();
	if (talk_round_trip(s->talk) >= 0)
		pace_trip(&s->fetching.pace, talk_round_trip(s->talk));
	survey_published(s, j->draft);
	if (s->held)
		return;
	s->state.listed = j->draft->at;
	s->state.bad_lines = j->draft->bad_lines;
	s->trouble = (struct failure){0};
	s->refresh_wanted = s->refresh_waited_for = s->refresh_sure = false;
	committing_proved(s, &s->trouble);
}

static void take_job(struct session *s, struct job *j)
{
	struct failure why;

	switch (j->kind) {
	case JOB_FETCH:
		want_fetch(s, j);
		break;
	case JOB_REFRESH:
		want_refresh(s, j);
		break;
	case JOB_COMMIT:
		want_commit(s, j);
		break;
	case JOB_END:
		s->end = true;
		break;
	case JOB_STORED:
		s->in_store -= j->octets;
		break;
	case JOB_MERGED:
		merged(s, j);
		break;
	case JOB_PUBLISHED:
		published(s, j);
		break;
	case JOB_INTENTIONS:
		committing_intentions(s, take(&j->intentions));
		break;
	case JOB_KEPT:
		fetching_kept(s, j->id);
		break;
	case JOB_DOUBTED:
		fetching_doubted(s, j);
		break;
	case JOB_MARKED:
		if (committing_marked(s, &j->failure, &why))
			line_over(s, &why);
		break;
	}
}

/* ---- the loop ---- */

static enum error take_answer(struct session *s, const struct answer *a, struct failure *why)
{
	switch (s->line) {
	case LINE_SURVEYING:
		return survey_answer(s, a, why);
	case LINE_READY:
		return fetching_answer(s, a, why);
	case LINE_COMMITTING:
		return committing_answer(s, a, why);
	default:
		return OK; /* QUIT's answer, when nothing depends on it */
	}
}

/* Returns false when only the network, the store or a job can bring anything more. */
static bool listen(struct session *s)
{
	struct answer answer;
	struct failure why;
	enum error e = OK;

	if (!s->talk)
		return false;
	talk_pause(s->talk, s->in_store > MOST_IN_STORE);
	switch (talk_next(s->talk, &answer, &why)) {
	case TALK_WAIT:
		return false;
	case TALK_OPENED:
		line_opened(s);
		e = survey_start(s, &why);
		break;
	case TALK_ANSWER:
		e = take_answer(s, &answer, &why);
		break;
	case TALK_OVER:
		e = why.code;
		break;
	}
	if (e)
		line_over(s, &why);
	return true;
}

static void check_time(struct session *s)
{
	struct failure why;

	if (s->committing.wanted && clock_ms() >= s->committing.deadline) {
		failed(&why, E_TIMEOUT, "the deletions could not be committed within %" PRId64 " s",
		    s->plan->commit_ms / 1000);
		committing_broken(s, &why);
		if (s->line == LINE_COMMITTING)
			line_close(s);
	}
	if (pipelining_overdue(s, &why))
		line_over(s, &why);
	if (s->line == LINE_READY && clock_ms() >= s->idle_since + s->plan->idle_ms &&
	    !fetching_wanted(s))
		line_leave(s);
	if (s->line == LINE_LEAVING && (talk_waiting(s->talk) == 0 || clock_ms() >= s->leave_by))
		line_close(s);
}

static int64_t next_wake(const struct session *s, int64_t wake)
{
	if (s->committing.wanted)
		wake = clock_sooner(wake, s->committing.deadline);
	wake = clock_sooner(wake, pipelining_deadline(s));
	if (s->line == LINE_READY && !fetching_wanted(s))
		wake = clock_sooner(wake, s->idle_since + s->plan->idle_ms);
	if (s->line == LINE_LEAVING)
		wake = clock_sooner(wake, s->leave_by);
	if (s->line == LINE_NONE && wants_line(s))
		wake = clock_sooner(wake, s->not_before);
	return wake;
}

static void wait(struct session *s, bool more)
{
	struct pollfd fds[1 + TALK_MOST_FDS] = {
	    {.fd = queue_fd(&s->queues->jobs), .events = POLLIN}};
	int64_t wake = CLOCK_NEVER;
	size_t count = 1;

	if (s->talk)
		count += talk_poll(s->talk, fds + 1, &wake);
	poll(fds, count, more ? 0 : clock_left(next_wake(s, wake)));
}

static void *run(void *with)
{
	struct session *s = with;
	struct queue_item *item;
	bool more = false;

	while (!(s->end && s->line == LINE_NONE)) {
		tell_state(s);
		wait(s, more);
		while ((item = queue_take(&s->queues->jobs)) != NULL) {
			struct job *j = (struct job *)item;

			take_job(s, j);
			job_free(j);
		}
		more = true;
		for (int i = 0; more && i < ANSWERS_AT_ONCE; i++)
			more = listen(s);
		check_time(s);
		think(s);
	}
	return NULL;
}

enum error session_start(struct session **out, const struct session_plan *plan,
    struct queues *queues, struct failure *why)
{
	struct session *s;
	struct tls *tls = NULL;

	if (plan->tls != SESSION_TLS_OFF &&
	    tls_create(&tls, &(struct tls_plan){.ca = plan->ca}, why))
		return why->code;
	s = xnew(struct session);
	s->own_plan = *plan;
	s->plan = &s->own_plan;
	s->facts = plan->facts;
	pace_init(&s->fetching.pace, clock_ms());
	s->queues = queues;
	s->tls = tls;
	s->retry_until = CLOCK_NEVER;
	if (pthread_create(&s->thread, NULL, run, s) != 0) {
		tls_free(tls);
		free(s);
		return failed(why, E_SYSTEM, "cannot start a thread");
	}
	*out = s;
	return OK;
}

void session_join(struct session *s)
{
	pthread_join(s->thread, NULL);
	fetching_finish(s);
	tls_free(s->tls);
	learning_finish(s);
	free(s);
}
