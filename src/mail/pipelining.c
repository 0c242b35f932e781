/* May more than one command be out? Only where the server has announced PIPELINING (RFC 2449, 6.6),
 * and has not shown that it cannot: WildDuck announces it and puts the "+OK" to the next command
 * inside the message before it, n3 takes each TCP segment for one command, E-MailRelay closes the
 * line at ten queued RETRs of 5 MB. So the first message of an account is fetched alone (it also
 * shows whether LIST's sizes can be believed; a second one would show no more, and each costs a
 * reader a round trip), a line that breaks with several commands out is followed by lines with one,
 * and once lone fetches have then gone well, the account is remembered as one to be asked one by
 * one. */
#include "errand.h"

#include "clock.h"
#include "log.h"
#include "quirks.h"

#define LONE_FETCHES 1

/* Without an answer to a NOOP the line is out of step; two round trips and a second are enough for
 * one (a body may take longer). With several commands out silence is more likely pipelining's fault
 * than the server's slowness. */
#define NOOP_MS  1000
#define STALL_MS 10000

bool pipelining_may_be(const struct session *s)
{
	return s->plan->pipelining != PIPELINING_OFF && !s->pipelining_failed &&
	       !s->facts.of[FACT_PIPELINING_CORRUPTS];
}

bool pipelining_allowed(const struct session *s)
{
	if (s->plan->pipelining == PIPELINING_OFF || s->pipelining_failed)
		return false;
	if (s->plan->pipelining == PIPELINING_ON)
		return true;
	return talk_capabilities(s->talk)->pipelining && !s->facts.of[FACT_PIPELINING_CORRUPTS] &&
	       !(s->quirks & QUIRK_NO_PIPELINING);
}

bool pipelining_fetches(const struct session *s)
{
	return pipelining_allowed(s) && (s->plan->pipelining == PIPELINING_ON ||
					    s->facts.of[FACT_LONE_FETCHES] >= LONE_FETCHES);
}

void pipelining_failed(struct session *s, bool corrupted)
{
	if (s->pipelining_failed)
		return;
	s->pipelining_failed = true;
	s->pipelining_suspect = corrupted;
	if (!s->refresh_waited_for) /* who waits for a listing is told how it ends, and no more */
		log_warning("%s cannot take several commands at a time: one by one from here on",
		    s->plan->host);
}

/* A suspicion is remembered for the account when the same server does well with one command at a
 * time. */
void pipelining_lone_fetch(struct session *s, bool size_is_listed)
{
	if (s->facts.of[FACT_LONE_FETCHES] < LONE_FETCHES)
		session_learn(s, FACT_LONE_FETCHES, s->facts.of[FACT_LONE_FETCHES] + 1);
	if (!size_is_listed)
		session_learn(s, FACT_LIST_INEXACT, 1);
	if (s->pipelining_suspect)
		session_learn(s, FACT_PIPELINING_CORRUPTS, 1);
	s->pipelining_suspect = false;
}

bool pipelining_is_used(const struct session *s)
{
	const struct want *held = s->fetching.wants.first[WANT_HELD];

	if (!s->talk || !pipelining_may_be(s))
		return false;
	/* where it is not announced any more it was when they were sent */
	return talk_waiting(s->talk) > 1 || s->ahead.unproven ||
	       (pipelining_allowed(s) && held && !held->sent_alone);
}

/* Nothing is out but the NOOP, or LIST, that closes a window. */
static bool only_noop_is_out(const struct session *s)
{
	return s->fetching.noops_out > 0 && !s->fetching.wants.first[WANT_OUT];
}

int64_t pipelining_deadline(const struct session *s)
{
	const struct fetching *f = &s->fetching;
	int64_t trips = f->pace.trip_ms < 0 ? 0 : 2 * f->pace.trip_ms;

	if (!s->talk || s->line == LINE_OPENING || talk_is_paused(s->talk))
		return CLOCK_NEVER;
	if (only_noop_is_out(s))
		return talk_progress(s->talk) + trips + NOOP_MS;
	if (talk_waiting(s->talk) > 1)
		return talk_progress(s->talk) + trips + STALL_MS;
	return CLOCK_NEVER;
}

enum error pipelining_overdue(const struct session *s, struct failure *why)
{
	if (clock_ms() < pipelining_deadline(s))
		return OK;
	if (only_noop_is_out(s))
		return failed(why, E_PROTOCOL,
		    "%s has not answered the command behind a message: it is out of "
		    "step",
		    s->plan->host);
	return failed(why, E_TIMEOUT, "%s stalls with several commands out", s->plan->host);
}
