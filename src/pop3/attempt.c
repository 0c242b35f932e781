#include "attempt.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "apop.h"
#include "auth.h"
#include "buf.h"
#include "refusal.h"

struct attempt {
	struct sasl_plan plan;
	struct auth *auth; /* NULL: it is not one by AUTH */
	bool pass_is_next; /* USER waits for its answer */
	bool pass_was_sent;
};

void attempt_free(struct attempt *a)
{
	if (!a)
		return;
	auth_free(a->auth);
	free(a);
}

static void attempt_freep(struct attempt **a)
{
	attempt_free(*a);
}

static enum error say_apop(
    const struct attempt *a, struct client *c, struct slice timestamp, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf argument = {0};

	apop_add(&argument, slice_of(a->plan.user), timestamp, a->plan.secret);
	if (argument.len > CLIENT_LONGEST_ARGUMENT("APOP"))
		return failed(
		    why, E_CONFIG, "user name is too long for APOP; nothing secret was sent");
	return client_send(c, VERB_APOP, buf_slice(&argument), 0, why);
}

static enum error say_user(struct attempt *a, struct client *c, struct failure *why)
{
	struct slice user = slice_of(a->plan.user);

	if (user.len > CLIENT_LONGEST_ARGUMENT("USER") ||
	    a->plan.secret.len > CLIENT_LONGEST_ARGUMENT("PASS"))
		return failed(why, E_CONFIG,
		    "user name or password is too long for USER and PASS, and the server offers no "
		    "PLAIN; nothing secret was sent");
	a->pass_is_next = true;
	return client_send(c, VERB_USER, user, 0, why);
}

static enum attempt_result say_pass(struct attempt *a, struct client *c, struct failure *why)
{
	a->pass_is_next = false;
	if (client_send(c, VERB_PASS, a->plan.secret, 0, why))
		return ATTEMPT_FAILED;
	a->pass_was_sent = true;
	return ATTEMPT_MORE;
}

enum error attempt_create(struct attempt **out, struct client *c, const struct sasl_plan *plan,
    struct slice timestamp, struct failure *why)
{
	CLEANUP(attempt_freep) struct attempt *a = xnew(struct attempt);
	enum error e;

	a->plan = *plan;
	if (plan->mechanism == MECHANISM_USER)
		e = say_user(a, c, why);
	else if (plan->mechanism == MECHANISM_APOP)
		e = say_apop(a, c, timestamp, why);
	else
		e = auth_create(&a->auth, c, plan, why);
	if (!e)
		*out = take(&a);
	return e;
}

/* The ways that everybody knows are not named. What the server said within the exchange is: the
 * words behind "-ERR" may say less. */
static enum attempt_result refused(
    const struct attempt *a, const struct reply_status *status, struct failure *why)
{
	enum mechanism m = a->plan.mechanism;
	struct slice within = a->auth ? auth_refusal(a->auth) : slice_of("");
	CLEANUP(buf_finish) struct buf words = {0};

	buf_add_text(&words, error_words(E_LOGIN));
	if (m != MECHANISM_USER && m != MECHANISM_PLAIN)
		buf_printf(&words, " by %s", mechanism_name(m));
	if (within.len > 0)
		buf_printf(&words, " (%.*s)", SLICE_ARGS(within));
	refusal_tell(status, E_LOGIN, buf_text(&words), why);
	return ATTEMPT_REFUSED;
}

static enum attempt_result answer_of_auth(
    struct attempt *a, struct client *c, const struct reply_status *status, struct failure *why)
{
	switch (auth_answer(a->auth, c, status, why)) {
	case AUTH_MORE:
		return ATTEMPT_MORE;
	case AUTH_REFUSED:
		return refused(a, status, why);
	case AUTH_FAILED:
		return ATTEMPT_FAILED;
	case AUTH_DONE:
		break;
	}
	return ATTEMPT_DONE;
}

enum attempt_result attempt_answer(
    struct attempt *a, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (a->auth)
		return answer_of_auth(a, c, status, why);
	if (status->sign != REPLY_OK)
		return refused(a, status, why);
	return a->pass_is_next ? say_pass(a, c, why) : ATTEMPT_DONE;
}

bool attempt_secret_was_sent(const struct attempt *a)
{
	return a->pass_was_sent || (a->auth && auth_secret_was_sent(a->auth));
}
