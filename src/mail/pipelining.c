/* May more than one command be out? Only where the server has announced PIPELINING (RFC 2449, 6.6),
 * and has not shown that it cannot: WildDuck announces it and puts the "+OK" to the next command
 * inside the message before it, n3 takes each TCP segment for one command, E-MailRelay closes the
 * line at ten queued RETRs of 5 MB. So the first message of an account is fetched alone (it also
 * shows whether LIST's sizes can be believed; a second one would show no more, and each costs a
 * reader a round trip), and a line that breaks with several commands out is followed by lines with
 * one. Where octets were out of place, and lone fetches have then gone well, the account is
 * remembered as one to be asked one by one. Where there was silence, or the line's end, it may have
 * been the network: after a while another line tries. */
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

/* So long after silence, or a line's end, no line tries again; doubled each time up to the latter.
 */
#define FIRST_PAUSE_MS   (INT64_C(15) * 60 * 1000)
#define LONGEST_PAUSE_MS (INT64_C(24) * 60 * 60 * 1000)

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

static int64_t pause_ms(unsigned times)
{
	int64_t ms = FIRST_PAUSE_MS;

	while (times-- > 0 && ms < LONGEST_PAUSE_MS)
		ms *= 2;
	return ms < LONGEST_PAUSE_MS ? ms : LONGEST_PAUSE_MS;
}

void pipelining_failed(struct session *s, bool corrupted)
{
	if (s->pipelining_failed)
		return;
	s->pipelining_failed = true;
	s->pipelining_suspect = corrupted;
	s->pipelining_again =
	    corrupted ? CLOCK_NEVER : clock_in(pause_ms(s->pipelining_failures++));
	if (!s->refresh_waited_for) /* who waits for a listing is told how it ends, and no more */
		log_warning("%s cannot take several commands at a time: one by one %s",
		    s->plan->host, corrupted ? "from here on" : "for a while");
}

void pipelining_line_opens(struct session *s)
{
	if (!s->pipelining_failed || clock_ms() < s->pipelining_again)
		return;
	s->pipelining_failed = false;
	s->pipelines_broken = 0;
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
	return talk_waiting(s->talk) > 1 || learning_is_unproven(s) ||
	       (pipelining_allowed(s) && held && !held->sent_alone);
}

/* A server may do QUIT's work before it answers any of the DELEs that came with it, and a large
 * maildrop takes longer than that. Who leaves then does not know what was deleted: here a server
 * has timeout=, as if QUIT were out alone. */
static bool is_quitting(const struct session *s)
{
	return s->line == LINE_COMMITTING && s->committing.stage == COMMIT_QUITTING;
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

	if (!s->talk || s->line == LINE_OPENING || is_quitting(s) || talk_is_paused(s->talk))
		return CLOCK_NEVER;
	if (only_noop_is_out(s))
		return talk_progress(s->talk) + trips + NOOP_MS;
	if (talk_waiting(s->talk) > 1)
		return talk_progress(s->talk) + trips + STALL_MS;
	return CLOCK_NEVER;
}

/* All that came in a window is as it should be, so that it may only be slow: a packet was lost
 * twice, say. */
static bool may_be_slow(const struct session *s)
{
	return pipelining_is_used(s) && !believing_holds_odd(s);
}

enum error pipelining_overdue(const struct session *s, struct failure *why)
{
	if (clock_ms() < pipelining_deadline(s))
		return OK;
	if (only_noop_is_out(s) && !may_be_slow(s))
		return failed(why, E_PROTOCOL,
		    "%s has not answered the command behind a message: it is out of "
		    "step",
		    s->plan->host);
	return failed(why, E_TIMEOUT, "%s stalls with several commands out", s->plan->host);
}
