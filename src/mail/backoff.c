#include "backoff.h"

#include "clock.h"

/* After an attempt that failed no other is made by itself before this, doubled each time up to the
 * latter; while the maildrop is in use tries are closer together. */
#define FIRST_PAUSE_MS   1000
#define LONGEST_PAUSE_MS 60000
#define RETRY_PAUSE_MS   8000

/* A bare -ERR to a secret that was good means "in use" on servers without codes, most likely; but
 * it may have been changed, and accounts get locked. */
#define MOST_BARE 3
#define BARE_MS   600000

void backoff_init(struct backoff *b)
{
	*b = (struct backoff){.retry_until = CLOCK_NEVER};
}

static int64_t pause_ms(struct backoff *b, int64_t longest, uint32_t chance)
{
	int64_t ms = b->attempts > 16 ? longest : (int64_t)FIRST_PAUSE_MS << b->attempts;

	b->attempts++;
	if (ms > longest)
		ms = longest;
	return ms - chance % (ms / 4);
}

static bool is_bare(const struct backoff *b, const struct failure *why, const struct attempt *a)
{
	return why->code == E_LOGIN && a->refused && a->code == CODE_NONE && b->secret_was_good;
}

/* Returns false if it must not be tried again for a while. */
static bool count_bare(struct backoff *b, struct failure *why, int64_t now)
{
	struct failure said = *why;

	failed(why, E_LOCKED, "in use by another session, or the password has changed: %s",
	    said.words);
	if (b->bare == 0 || now >= b->bare_since + BARE_MS) {
		b->bare_since = now;
		b->bare = 0;
	}
	if (++b->bare < MOST_BARE)
		return true;
	b->bare_until = b->bare_since + BARE_MS;
	return false;
}

/* What no later attempt will mend by itself. A source that gives no password is not asked again
 * and again, since a person may be behind it; a token comes from a program. */
static bool is_final(const struct failure *why, const struct attempt *a)
{
	return why->code == E_CONFIG || (why->code == E_SECRET && !a->token) ||
	       (a->refused && (why->code == E_LOGIN || why->code == E_REFUSED));
}

/* Another token may be good: one was cached, and has expired. */
static bool is_first_token(struct backoff *b, const struct failure *why, const struct attempt *a)
{
	return a->token && a->refused && why->code == E_LOGIN && b->tokens++ == 0;
}

bool backoff_failed(struct backoff *b, struct failure *why, const struct attempt *a, int64_t now)
{
	bool bare = is_bare(b, why, a);
	bool again = !bare || count_bare(b, why, now);
	bool may_pass = again && (why->code == E_LOCKED || why->code == E_LATER);

	b->trouble = *why;
	if (is_first_token(b, why, a)) {
		b->not_before = 0;
		return true;
	}
	b->refused = b->refused || is_final(why, a);
	if (may_pass && b->retry_until == CLOCK_NEVER)
		b->retry_until = now + a->retry_ms;
	if (may_pass && now < b->retry_until) {
		b->not_before = now + pause_ms(b, RETRY_PAUSE_MS, a->chance);
		return true;
	}
	b->retry_until = CLOCK_NEVER;
	b->not_before = now + pause_ms(b, LONGEST_PAUSE_MS, a->chance);
	return false;
}

void backoff_logged_in(struct backoff *b)
{
	b->secret_was_good = true;
	b->refused = false;
	b->bare = 0;
	b->tokens = 0;
	b->bare_until = 0;
}

void backoff_listed(struct backoff *b)
{
	b->trouble = (struct failure){0};
	b->attempts = 0;
	b->retry_until = CLOCK_NEVER;
	b->not_before = 0;
}

void backoff_hurry(struct backoff *b)
{
	b->not_before = 0;
}

void backoff_ask(struct backoff *b)
{
	b->refused = false;
	b->tokens = 0;
	b->bare_until = 0;
	backoff_hurry(b);
}

int64_t backoff_due(const struct backoff *b, bool waited_for)
{
	int64_t due = b->not_before > b->bare_until ? b->not_before : b->bare_until;

	return waited_for || due > b->patience_until ? due : b->patience_until;
}

bool backoff_holds(const struct backoff *b, int64_t now)
{
	return b->trouble.code != OK && b->retry_until == CLOCK_NEVER &&
	       (b->refused || now < backoff_due(b, true));
}

void backoff_answer(const struct backoff *b, struct failure *why)
{
	const struct failure *t = &b->trouble;

	if (b->refused || t->code == E_LOCKED || t->code == E_LATER)
		*why = *t;
	else
		failed(why, E_OFFLINE, "offline, and not yet trying again: %s", t->words);
}
