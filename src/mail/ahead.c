/* A mirror's first message, asked for before its listing stands. The first body of an account comes
 * with nothing behind it (pipelining.c), so that the others of a mirror wait for it: a round trip,
 * unless its RETR goes out behind the TOPs of the first listing, where all is new and will be
 * fetched whatever anybody opens:
 *
 *     TOP ... TOP  LIST n  RETR n
 *
 * LIST's answer, which tells its number, proves that the line is in step behind the headers; the
 * listing is published then and not before, since a server that cannot take commands together may
 * have put a reply into the last of them. The body is left on the line until the message has an id.
 * It was not the only thing out, so what it shows of sizes counts only where they agree
 * (believing.c). Tried once in a mount: what breaks under it is listed again without. */
#include "errand.h"

#include <inttypes.h>

#include "point.h"
#include "reply.h"

/* A mirror keeps all of it, and none of it is known. */
static bool takes_all(const struct session *s, const struct draft *d)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < d->count; i++) {
		if (d->rows[i].kind != ROW_NEW)
			return false;
		octets += d->rows[i].listed;
	}
	return octets <= s->plan->mirror;
}

static bool may_go(const struct session *s)
{
	return s->plan->mirror > 0 && pipelining_allowed(s) && !pipelining_fetches(s) &&
	       talk_capabilities(s->talk)->known && takes_all(s, s->survey.draft);
}

enum error ahead_go(struct session *s, struct failure *why)
{
	uint32_t number;

	if (s->ahead.went)
		return OK;
	s->ahead.went = true; /* also where it may not: not to be looked at behind each header */
	if (!may_go(s))
		return OK;
	number = s->survey.draft->rows[0].number; /* that of the lowest id */
	s->ahead.unproven = true;
	s->ahead.number = number;
	s->fetching.read_here = s->fetching.fetched_here = true;
	POINT("ahead", "asked");
	if (talk_send_number(s->talk, VERB_LIST, number, number, why))
		return why->code;
	return talk_send_number(s->talk, VERB_RETR, number, number, why);
}

enum error ahead_answer(struct session *s, const struct answer *a, struct failure *why)
{
	uint64_t octets;
	uint32_t number;

	if (a->status.sign != REPLY_OK || !reply_list(a->status.text, &number, &octets) ||
	    number != s->ahead.number)
		return failed(why, E_PROTOCOL,
		    "out of step behind the headers: LIST %" PRIu32 " was answered by: %.*s",
		    s->ahead.number, SLICE_ARGS(a->status.text));
	s->ahead.unproven = false;
	return OK;
}

bool ahead_waits(const struct session *s)
{
	return s->line == LINE_SURVEYING && s->ahead.number && !s->survey.draft;
}

static int64_t find_id(const struct session *s, uint32_t number)
{
	for (size_t i = 0; i < s->listing->count; i++)
		if (s->numbers[i] == number)
			return s->listing->messages[i].id;
	return 0;
}

void ahead_listed(struct session *s)
{
	int64_t id = s->ahead.number ? find_id(s, s->ahead.number) : 0;

	if (s->ahead.number && !id)
		line_close(s); /* an answer would come that is nobody's */
	else if (id)
		fetching_went_ahead(s, id);
	s->ahead.number = 0;
}

void ahead_line_closed(struct session *s)
{
	s->ahead.number = 0;
	s->ahead.unproven = false;
}
