#include "session.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alloc.h"
#include "clock.h"
#include "errand.h"
#include "log.h"

/* Answers taken before the queue of jobs is looked at again. */
#define ANSWERS_AT_ONCE 256

/* Octets of bodies on their way to the store, in memory: beyond this the line is paused. */
#define MOST_IN_STORE (8u << 20)

/* Fetches put a listing that nobody waits for off, but no longer than this. */
#define REFRESH_PUT_OFF_MS 900000

void session_send_task(struct session *s, struct task *t)
{
	queue_put(&s->queues->tasks, &t->item);
}

/* Whether it is the message that is to blame, and not the line or the server as a whole. */
static bool is_its_own(const struct session *s, enum error code)
{
	return !s->failing_all &&
	       (code == E_REFUSED || code == E_CLOSED || code == E_PROTOCOL || code == E_TIMEOUT);
}

void session_send_event(struct session *s, struct event *e)
{
	if (e->kind == EVENT_FETCHED && is_its_own(s, e->failure.code))
		troubled_note(&s->troubled, e->id, clock_ms());
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

uint32_t session_chance(void)
{
	uint32_t chance;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
		chance = (uint32_t)clock_ms();
	return chance;
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
	case LINE_ASKING:
	case LINE_OPENING:
		return PHASE_CONNECTING;
	case LINE_SURVEYING:
		return PHASE_LISTING;
	case LINE_READY:
		return PHASE_READY;
	case LINE_COMMITTING:
		return PHASE_COMMITTING;
	default:
		return s->backoff.trouble.code ? PHASE_OFFLINE : PHASE_CLOSED;
	}
}

static bool is_told(const struct session_state *a, const struct session_state *b)
{
	return a->phase == b->phase && a->queue == b->queue && a->listed == b->listed &&
	       a->bad_lines == b->bad_lines && a->trouble.code == b->trouble.code &&
	       strcmp(a->trouble.words, b->trouble.words) == 0 &&
	       strcmp(a->server, b->server) == 0 && strcmp(a->cipher, b->cipher) == 0 &&
	       strcmp(a->login, b->login) == 0 && a->eats_read == b->eats_read &&
	       a->counted == b->counted && a->expected == b->expected && a->headers == b->headers;
}

static void tell_state(struct session *s)
{
	struct event *e;

	s->state.phase = phase(s);
	s->state.queue = fetching_queue(s);
	s->state.trouble = s->backoff.trouble;
	survey_progress(s, &s->state);
	if (is_told(&s->state, &s->told))
		return;
	s->told = s->state;
	e = event_create(EVENT_STATE);
	e->state = xmemdup(&s->state, sizeof(s->state));
	session_send_event(s, e);
}

/* ---- what comes next ---- */

void session_want_listing(struct session *s)
{
	if (!s->refresh_wanted)
		s->refresh_since = clock_ms();
	s->refresh_wanted = true;
}

static bool wants_mail(const struct session *s)
{
	return fetching_wanted(s) || heading_wanted(s);
}

static bool wants_line(const struct session *s)
{
	return s->refresh_wanted || wants_mail(s) || committing_wants_line(s);
}

static bool somebody_waits(const struct session *s)
{
	return s->refresh_waited_for || fetching_waited_for(s) || heading_waited_for(s) ||
	       committing_waited_for(s);
}

static int64_t login_due(const struct session *s)
{
	return backoff_due(&s->backoff, somebody_waits(s));
}

/* When to list again on a new line. Whoever waits for it does not wait for what is fetched ahead;
 * one that nobody waits for is put off until nothing is fetched, and until the server may be asked
 * for a login. */
static int64_t refresh_due(const struct session *s)
{
	int64_t due = s->backoff.patience_until;

	if (s->refresh_waited_for)
		return 0;
	if (wants_mail(s) && due < s->refresh_since + REFRESH_PUT_OFF_MS)
		due = s->refresh_since + REFRESH_PUT_OFF_MS;
	return due;
}

/* Deletions are committed by this line's numbers, once what is coming in is in; unless the server
 * would eat what was read beside them. */
static enum error commit_here(struct session *s, struct failure *why)
{
	if (talk_waiting(s->talk) > 0 && !s->ending)
		return fetching_pause(s, why);
	if (talk_waiting(s->talk) == 0 && !(line_eats_what_was_read(s) && s->fetching.read_here))
		return committing_start(s, why);
	line_close(s);
	return OK;
}

static enum error leave_once_quiet(struct session *s, struct failure *why)
{
	if (talk_waiting(s->talk) > 0)
		return fetching_pause(s, why);
	line_leave(s);
	return OK;
}

static void think_ready(struct session *s)
{
	struct failure why;
	enum error e = OK;

	if (committing_wants_line(s))
		e = commit_here(s, &why);
	else if (s->refresh_wanted && clock_ms() >= refresh_due(s))
		e = leave_once_quiet(s, &why);
	else if (heading_is_next(s))
		e = heading_go(s, &why);
	else if (fetching_wanted(s))
		e = fetching_go(s, &why);
	if (e)
		line_over(s, &why);
	if (s->line != LINE_READY || wants_mail(s))
		s->idle_since = clock_ms();
}

/* No login before a person asks for it, or none before whoever waits for a commit has lost his
 * patience. */
static bool is_hopeless(const struct session *s)
{
	return s->backoff.refused ||
	       (committing_wants_line(s) && backoff_holds(&s->backoff, clock_ms()));
}

static void think(struct session *s)
{
	struct failure why;

	if (s->line == LINE_READY)
		think_ready(s);
	if (s->end && s->line != LINE_LEAVING && s->line != LINE_NONE)
		line_close(s); /* whoever could wait for it is gone */
	if (s->line != LINE_NONE || s->end || !wants_line(s))
		return;
	if (is_hopeless(s)) {
		backoff_answer(&s->backoff, &why);
		line_fail_all(s, &why);
	} else if (clock_ms() >= login_due(s)) {
		line_open(s);
	}
}

/* ---- the loop ---- */

static enum error take_answer(struct session *s, const struct answer *a, struct failure *why)
{
	switch (s->line) {
	case LINE_SURVEYING:
		return survey_answer(s, a, why);
	case LINE_READY:
		return a->verb == VERB_TOP ? heading_answer(s, a, why) : fetching_answer(s, a, why);
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
	talk_hold(s->talk, ahead_waits(s));
	switch (talk_next(s->talk, &answer, &why)) {
	case TALK_WAIT:
		return false;
	case TALK_ANNOUNCED:
		line_announced(s);
		break;
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

/* The line is ready, and nothing will be asked for on it; a listing would be on another one. */
static bool is_idle(const struct session *s)
{
	return s->line == LINE_READY && !wants_mail(s) && !s->committing.wanted;
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
	postponing_look(s, clock_ms());
	if (pipelining_overdue(s, &why))
		line_over(s, &why);
	if (is_idle(s) && clock_ms() >= line_idle_until(s))
		line_leave(s);
	if (s->line == LINE_LEAVING && line_is_left(s))
		line_close(s);
}

static int64_t next_wake(const struct session *s, int64_t wake)
{
	if (s->committing.wanted)
		wake = clock_sooner(wake, s->committing.deadline);
	wake = clock_sooner(wake, pipelining_deadline(s));
	wake = clock_sooner(wake, postponing_due(s));
	if (is_idle(s))
		wake = clock_sooner(wake, line_idle_until(s));
	if (s->line == LINE_READY && s->refresh_wanted && refresh_due(s) > clock_ms())
		wake = clock_sooner(wake, refresh_due(s));
	if (s->line == LINE_LEAVING)
		wake = clock_sooner(wake, s->leave_by);
	if (s->line == LINE_NONE && wants_line(s))
		wake = clock_sooner(wake, login_due(s));
	return wake;
}

static void wait(struct session *s, bool more)
{
	struct pollfd fds[1 + TALK_MOST_FDS] = {
	    {.fd = queue_fd(&s->queues->jobs), .events = POLLIN}};
	int64_t wake = CLOCK_NEVER;
	size_t count = 1;

	count += secrets_poll(s, fds + 1, &wake); /* there is no talk then */
	if (s->talk)
		count += talk_poll(s->talk, fds + 1, &wake);
	poll(fds, count, more ? 0 : clock_left(next_wake(s, wake)));
}

/* Whatever is still wanted is not had: nobody may be there to hear it. */
static void finish(struct session *s)
{
	struct failure ending;

	failed(&ending, E_ENDING, "pop3fs is ending");
	line_fail_all(s, &ending);
}

static void take_orders(struct session *s)
{
	struct queue_item *item = queue_take_all(&s->queues->jobs);

	while (item) {
		struct job *j = (struct job *)item;

		item = item->next;
		orders_take(s, j);
		job_free(j);
	}
}

static void *run(void *with)
{
	struct session *s = with;
	bool more = false;

	while (!(s->end && s->line == LINE_NONE)) {
		tell_state(s);
		wait(s, more);
		take_orders(s);
		more = true;
		for (int i = 0; more && i < ANSWERS_AT_ONCE; i++)
			more = listen(s);
		check_time(s);
		secrets_look(s);
		think(s);
	}
	finish(s);
	return NULL;
}

enum error session_trust(struct session_plan *plan, struct failure *why)
{
	const struct tls_plan demands = {
	    .ca = plan->ca,
	    .pin = plan->pin,
	    .cert = plan->cert,
	    .key = plan->key,
	    .oldest = plan->tls_min,
	};

	if (plan->tls == SESSION_TLS_OFF || plan->trust)
		return OK;
	return tls_create(&plan->trust, &demands, why);
}

enum error session_start(struct session **out, const struct session_plan *plan,
    struct queues *queues, struct failure *why)
{
	struct session_plan trusting = *plan;
	struct session *s;

	if (session_trust(&trusting, why))
		return why->code;
	s = xnew(struct session);
	s->own_plan = trusting;
	s->plan = &s->own_plan;
	secrets_use(s, secret_create(secret_octets(plan->password)));
	s->facts = plan->facts;
	pace_init(&s->fetching.pace, clock_ms());
	s->queues = queues;
	s->tls = trusting.trust;
	backoff_init(&s->backoff);
	line_be_patient(s);
	if (pthread_create(&s->thread, NULL, run, s) != 0) {
		if (!plan->trust)
			tls_free(trusting.trust);
		secrets_finish(s);
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
	heading_finish(s);
	tls_free(s->tls);
	learning_finish(s);
	secrets_finish(s);
	free(s);
}
