#include "auth.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"

struct auth {
	struct sasl *sasl;
	enum mechanism mechanism;
	struct buf response;  /* the last one, in base64 */
	bool response_waits;  /* it has not been sent */
	bool may_be_repeated; /* it went with AUTH, and nothing was said but "+" since */
	bool secret_was_sent;
	struct failure cancelled; /* why; code OK: it is not */
};

void auth_free(struct auth *a)
{
	if (!a)
		return;
	sasl_free(a->sasl);
	buf_wipe(&a->response);
	free(a);
}

static void auth_freep(struct auth **a)
{
	auth_free(*a);
}

static enum error begin(struct auth *a, const struct sasl_plan *plan, struct failure *why)
{
	enum error e = sasl_create(&a->sasl, plan, why);

	a->mechanism = plan->mechanism;
	if (!e && sasl_speaks_first(a->sasl)) {
		e = sasl_step(a->sasl, slice_of(""), &a->response, why);
		a->response_waits = true;
	}
	return e;
}

static enum error say_response(
    struct auth *a, struct client *c, enum verb verb, struct slice argument, struct failure *why)
{
	enum error e = client_send(c, verb, argument, 0, why);

	if (!e) {
		a->response_waits = false;
		a->secret_was_sent = a->secret_was_sent || mechanism_reveals(a->mechanism);
	}
	return e;
}

/* "=" is a response without octets. */
static enum error say_auth(struct auth *a, struct client *c, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf argument = {0};
	struct slice response = a->response.len ? buf_slice(&a->response) : slice_of("=");

	buf_add_text(&argument, mechanism_name(a->mechanism));
	if (!sasl_may_go_with_auth(a->sasl) ||
	    argument.len + 1 + response.len > CLIENT_LONGEST_ARGUMENT("AUTH"))
		return client_send(c, VERB_AUTH, buf_slice(&argument), 0, why);
	buf_add_text(&argument, " ");
	buf_add_slice(&argument, response);
	a->may_be_repeated = true;
	return say_response(a, c, VERB_AUTH, buf_slice(&argument), why);
}

enum error auth_create(
    struct auth **out, struct client *c, const struct sasl_plan *plan, struct failure *why)
{
	CLEANUP(auth_freep) struct auth *a = xnew(struct auth);
	enum error e = begin(a, plan, why);

	if (!e)
		e = say_auth(a, c, why);
	if (!e)
		*out = take(&a);
	return e;
}

/* The sentence is kept until the server has answered. */
static enum auth_result cancel(struct auth *a, struct client *c, struct failure *why)
{
	a->cancelled = *why;
	return client_send(c, VERB_AUTH_STEP, slice_of("*"), 0, why) ? AUTH_FAILED : AUTH_MORE;
}

/* "+": some servers ask for the response although AUTH brought it. */
static enum auth_result respond(
    struct auth *a, struct client *c, struct slice challenge, struct failure *why)
{
	bool repeat = a->may_be_repeated && challenge.len == 0;

	a->may_be_repeated = false;
	if (!a->response_waits && !repeat) {
		buf_wipe(&a->response);
		if (sasl_step(a->sasl, challenge, &a->response, why))
			return cancel(a, c, why);
	}
	return say_response(a, c, VERB_AUTH_STEP, buf_slice(&a->response), why) ? AUTH_FAILED
										: AUTH_MORE;
}

enum auth_result auth_answer(
    struct auth *a, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (a->cancelled.code) { /* "-ERR" is due; "+OK" would not be believed */
		*why = a->cancelled;
		return AUTH_FAILED;
	}
	if (status->sign == REPLY_ERR)
		return AUTH_REFUSED;
	if (status->sign == REPLY_CONTINUE)
		return respond(a, c, status->text, why);
	if (sasl_is_done(a->sasl) && !a->response_waits)
		return AUTH_DONE;
	failed(why, E_PROTOCOL, "the server says yes before SASL %s is at its end: %.*s",
	    mechanism_name(a->mechanism), SLICE_ARGS(status->text));
	return AUTH_FAILED;
}

bool auth_secret_was_sent(const struct auth *a)
{
	return a->secret_was_sent;
}

struct slice auth_refusal(const struct auth *a)
{
	return sasl_refusal(a->sasl);
}
