#include "login.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "apop.h"
#include "attempt.h"
#include "recall.h"
#include "refusal.h"
#include "sendable.h"

enum step {
	STEP_GREETING,
	STEP_CAPA,
	STEP_STLS,
	STEP_UTF8,       /* messages come as they are, not rewritten into 7 bits: RFC 6856, 2 */
	STEP_ATTEMPT,    /* the login itself */
	STEP_CAPA_AFTER, /* Gmail announces PIPELINING and TOP only now */
	STEP_DONE,
};

struct login {
	struct login_plan plan;
	enum step step;
	bool encrypted; /* the line is, by now */
	bool may_hurry; /* login_hurry */
	bool hurried;
	bool secret_was_sent; /* by an attempt that is over */
	bool was_refused;
	enum reply_code refusal;
	char greeting[LOGIN_GREETING];
	size_t greeting_len;
	struct capabilities announced; /* by the last CAPA that was answered "+OK" */
	struct capabilities arriving;  /* by the one that is being answered */
	unsigned char binding[LOGIN_BINDING];
	bool bound;
	enum mechanism mechanism;
	struct attempt *attempt; /* NULL: none is made */
	struct recall recall;
	struct failure doubt; /* a refusal, perhaps of the way in alone; code OK: none */
};

static enum remembered_line line_of(const struct login_plan *plan)
{
	return plan->stls ? REMEMBERED_STLS : plan->encrypted ? REMEMBERED_TLS : REMEMBERED_CLEAR;
}

struct login *login_create(const struct login_plan *plan)
{
	struct login *l = xnew(struct login);

	l->plan = *plan;
	l->encrypted = plan->encrypted;
	recall_init(&l->recall, line_of(plan), plan->remembered);
	return l;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	attempt_free(l->attempt);
	free(l);
}

void login_bind(struct login *l, const unsigned char binding[LOGIN_BINDING])
{
	memcpy(l->binding, binding, LOGIN_BINDING);
	l->bound = true;
}

const struct capabilities *login_capabilities(const struct login *l)
{
	return &l->announced;
}

int64_t login_remembered(const struct login *l)
{
	return l->recall.left;
}

void login_lost(struct login *l, struct failure *why)
{
	if (l->doubt.code == OK)
		return;
	*why = l->doubt;
	l->was_refused = true;
}

bool login_secret_was_sent(const struct login *l)
{
	return l->secret_was_sent || (l->attempt && attempt_secret_was_sent(l->attempt));
}

bool login_was_refused(const struct login *l)
{
	return l->was_refused;
}

struct slice login_greeting(const struct login *l)
{
	return slice_make(l->greeting, l->greeting_len);
}

enum mechanism login_mechanism(const struct login *l)
{
	return l->mechanism;
}

enum reply_code login_refusal(const struct login *l)
{
	return l->refusal;
}

static enum login_result say(
    struct client *c, enum verb verb, struct slice argument, struct failure *why)
{
	return client_send(c, verb, argument, 0, why) == OK ? LOGIN_MORE : LOGIN_FAILED;
}

static enum login_result begin_attempt(struct login *l, struct client *c, struct failure *why)
{
	const struct sasl_plan plan = {
	    .mechanism = l->mechanism,
	    .user = l->plan.user,
	    .secret = secret_octets(l->plan.secret),
	    .host = l->plan.host,
	    .port = l->plan.port,
	    .binding = slice_make((const char *)l->binding, l->bound ? LOGIN_BINDING : 0),
	};
	struct slice timestamp = apop_timestamp(login_greeting(l));

	return attempt_create(&l->attempt, c, &plan, timestamp, why) ? LOGIN_FAILED : LOGIN_MORE;
}

static enum login_result enter(
    struct login *l, struct client *c, enum step step, struct failure *why)
{
	l->step = step;
	switch (step) {
	case STEP_GREETING:
		return LOGIN_MORE;
	case STEP_CAPA:
	case STEP_CAPA_AFTER:
		l->arriving = (struct capabilities){0};
		return say(c, VERB_CAPA, slice_of(""), why);
	case STEP_STLS:
		return say(c, VERB_STLS, slice_of(""), why);
	case STEP_UTF8:
		return say(c, VERB_UTF8, slice_of(""), why);
	case STEP_ATTEMPT:
		return begin_attempt(l, c, why);
	case STEP_DONE:
		break;
	}
	return LOGIN_DONE;
}

/* ---- what CAPA said last time ---- */

/* As without a memory, from here on. */
static enum login_result ask_first(struct login *l, struct client *c, struct failure *why)
{
	recall_drop(&l->recall);
	l->announced = (struct capabilities){0};
	return enter(l, c, STEP_CAPA, why);
}

/* CAPA is asked behind a refusal, which stands unless the server has another way in now. true: it
 * does not stand. */
static bool doubt_is_right(struct login *l)
{
	if (!l->announced.known || mechanism_is_announced(&l->announced, l->mechanism))
		return false;
	l->secret_was_sent = login_secret_was_sent(l);
	attempt_free(take(&l->attempt));
	l->refusal = CODE_NONE;
	return true;
}

static enum error choose(struct login *l, struct failure *why)
{
	const struct mechanism_choice choice = {
	    .asked = l->plan.auth,
	    .is_token = sendable_is_token(&l->plan),
	    .certificate = l->plan.certificate,
	    .binding = l->bound,
	    .clear_text = !l->encrypted,
	    .timestamp = apop_timestamp(login_greeting(l)).len > 0,
	    .used = l->plan.used,
	    .announced = &l->announced,
	};

	return mechanism_choose(&l->mechanism, &choice, why);
}

/* The line is as safe as it gets. */
static enum login_result on_safe_line(struct login *l, struct client *c, struct failure *why)
{
	struct failure unfit;

	if (!l->encrypted && !l->plan.clear_text) {
		failed(why, E_TLS,
		    "the line is not encrypted; nothing secret was sent (tls=off accepts that)");
		return LOGIN_FAILED;
	}
	if (choose(l, &unfit)) {
		if (l->recall.in_use)
			return ask_first(l, c, why);
		*why = unfit;
		if (!login_secret_was_sent(l)) /* as the words say: else the refusal stands */
			l->doubt.code = OK;
		login_lost(l, why);
		return LOGIN_FAILED;
	}
	if (l->recall.in_use && !(l->plan.used & MECHANISM_BIT(l->mechanism)))
		return ask_first(l, c, why);
	l->doubt.code = OK;
	recall_choose(&l->recall, &l->announced);
	return enter(l, c, l->announced.utf8 ? STEP_UTF8 : STEP_ATTEMPT, why);
}

static enum login_result go_by_memory(struct login *l, struct client *c, struct failure *why)
{
	if (!recall_begin(&l->recall, &l->announced))
		return enter(l, c, STEP_CAPA, why);
	return l->plan.stls ? enter(l, c, STEP_STLS, why) : on_safe_line(l, c, why);
}

static enum login_result leave_greeting(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign != REPLY_OK) {
		l->refusal = status->code;
		refusal_tell(status, E_REFUSED, "the server refused the session", why);
		return LOGIN_FAILED;
	}
	l->greeting_len = status->text.len < LOGIN_GREETING ? status->text.len : LOGIN_GREETING;
	memcpy(l->greeting, status->text.at, l->greeting_len);
	if (sendable_check(&l->plan, why))
		return LOGIN_FAILED;
	return go_by_memory(l, c, why);
}

static enum login_result leave_capa(struct login *l, struct client *c, struct failure *why)
{
	if (l->doubt.code && !doubt_is_right(l)) {
		login_lost(l, why);
		return LOGIN_FAILED;
	}
	if (l->encrypted || !l->plan.stls)
		return on_safe_line(l, c, why);
	if (l->announced.known && !l->announced.stls) {
		failed(why, E_TLS,
		    "the server does not offer STLS; nothing secret was sent (try pop3s://, which "
		    "is TLS from the start, or tls=off for a line that anybody can read)");
		return LOGIN_FAILED;
	}
	return enter(l, c, STEP_STLS, why);
}

static enum login_result leave_stls(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign != REPLY_OK && l->recall.in_use)
		return ask_first(l, c, why);
	if (status->sign != REPLY_OK) {
		l->refusal = status->code;
		failed(why, E_TLS,
		    "the server refused STLS; nothing secret was sent (try pop3s://, which is TLS "
		    "from the start)%s%.*s",
		    status->text.len ? ": " : "", SLICE_ARGS(status->text));
		return LOGIN_FAILED;
	}
	if (client_has_input(c)) {
		failed(why, E_TLS,
		    "octets injected before the handshake of STLS; nothing secret was sent");
		return LOGIN_FAILED;
	}
	return LOGIN_STLS;
}

enum login_result login_encrypted(struct login *l, struct client *c, struct failure *why)
{
	l->encrypted = true;
	return l->recall.in_use ? on_safe_line(l, c, why) : ask_first(l, c, why);
}

void login_hurry(struct login *l, bool may)
{
	l->may_hurry = may;
}

bool login_is_hurried(const struct login *l)
{
	return l->hurried && l->step != STEP_DONE;
}

static enum login_result logged_in(struct login *l, struct client *c, struct failure *why)
{
	enum login_result result;

	if (!l->announced.known)
		return enter(l, c, STEP_DONE, why);
	result = enter(l, c, STEP_CAPA_AFTER, why);
	l->hurried = result == LOGIN_MORE && l->may_hurry && l->announced.pipelining;
	return l->hurried ? LOGIN_DONE : result;
}

/* By memory, a refusal that says no more may be one of the way in alone. */
static enum login_result refused(struct login *l, struct client *c,
    const struct reply_status *status, const struct failure *said, struct failure *why)
{
	l->refusal = status->code;
	if (l->recall.in_use && (status->code == CODE_NONE || status->code == CODE_OTHER)) {
		l->doubt = *said;
		return ask_first(l, c, why);
	}
	*why = *said;
	l->was_refused = true;
	return LOGIN_FAILED;
}

/* No other attempt is made with a server that is not what it was, or with what it refused. */
static enum login_result attempt_failed(struct login *l, const struct failure *why)
{
	if (why->code == E_LOGIN) {
		l->was_refused = true;
		l->refusal = CODE_AUTH; /* no bare refusal, which might pass */
	}
	return LOGIN_FAILED;
}

static enum login_result leave_attempt(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	struct failure said;

	switch (attempt_answer(l->attempt, c, status, &said)) {
	case ATTEMPT_MORE:
		return LOGIN_MORE;
	case ATTEMPT_REFUSED:
		return refused(l, c, status, &said, why);
	case ATTEMPT_FAILED:
		*why = said;
		return attempt_failed(l, why);
	case ATTEMPT_DONE:
		break;
	}
	return logged_in(l, c, why);
}

static enum login_result leave(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	switch (l->step) {
	case STEP_GREETING:
		return leave_greeting(l, c, status, why);
	case STEP_CAPA:
		return leave_capa(l, c, why);
	case STEP_STLS:
		return leave_stls(l, c, status, why);
	case STEP_UTF8: /* whether it says yes or no */
		return enter(l, c, STEP_ATTEMPT, why);
	case STEP_ATTEMPT:
		return leave_attempt(l, c, status, why);
	case STEP_CAPA_AFTER:
	case STEP_DONE: /* no answer is awaited there */
		recall_compare(&l->recall, &l->announced, status->sign == REPLY_OK);
		break;
	}
	return enter(l, c, STEP_DONE, why);
}

enum login_result login_answer(
    struct login *l, struct client *c, const struct answer *a, struct failure *why)
{
	if (a->kind == ANSWER_LINE)
		capabilities_line(&l->arriving, a->text);
	else if (a->kind == ANSWER_END)
		l->announced = l->arriving;
	else if (!a->last)
		l->arriving.known = true; /* CAPA's "+OK" */
	return a->last ? leave(l, c, &a->status, why) : LOGIN_MORE;
}
