#include "login.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "apop.h"
#include "auth.h"
#include "buf.h"
#include "remembered.h"
#include "sendable.h"

enum step {
	STEP_GREETING,
	STEP_CAPA,
	STEP_STLS,
	STEP_UTF8, /* messages come as they are, not rewritten into 7 bits: RFC 6856, 2 */
	STEP_AUTH, /* a SASL exchange, from AUTH to its end */
	STEP_APOP,
	STEP_USER,
	STEP_PASS,
	STEP_CAPA_AFTER, /* Gmail announces PIPELINING and TOP only now */
	STEP_DONE,
};

struct login {
	struct login_plan plan;
	enum step step;
	bool encrypted; /* the line is, by now */
	bool may_hurry; /* login_hurry */
	bool hurried;
	bool secret_was_sent, was_refused;
	enum reply_code refusal;
	char greeting[LOGIN_GREETING];
	size_t greeting_len;
	struct capabilities announced; /* by the last CAPA that was answered "+OK" */
	struct capabilities arriving;  /* by the one that is being answered */
	unsigned char binding[LOGIN_BINDING];
	bool bound;
	enum mechanism mechanism;
	struct auth *auth;  /* NULL: no AUTH has been sent */
	bool by_memory;     /* what is announced is what was remembered */
	int64_t before;     /* the mechanism was chosen from this (remembered.h) */
	int64_t remembered; /* login_remembered, at the end */
	struct failure
	    doubt; /* a refusal that may be one of the way in alone; code OK: there is none */
};

struct login *login_create(const struct login_plan *plan)
{
	struct login *l = xnew(struct login);

	l->plan = *plan;
	l->encrypted = plan->encrypted;
	return l;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	auth_free(l->auth);
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
	return l->step == STEP_GREETING ? l->plan.remembered : l->remembered;
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
	return l->secret_was_sent || (l->auth && auth_secret_was_sent(l->auth));
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

static enum login_result enter_auth(struct login *l, struct client *c, struct failure *why)
{
	const struct sasl_plan plan = {
	    .mechanism = l->mechanism,
	    .user = l->plan.user,
	    .secret = secret_octets(l->plan.secret),
	    .host = l->plan.host,
	    .port = l->plan.port,
	    .binding = slice_make((const char *)l->binding, l->bound ? LOGIN_BINDING : 0),
	};

	return auth_create(&l->auth, c, &plan, why) ? LOGIN_FAILED : LOGIN_MORE;
}

static enum login_result enter_apop(struct login *l, struct client *c, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf argument = {0};

	apop_add(&argument, slice_of(l->plan.user), apop_timestamp(login_greeting(l)),
	    secret_octets(l->plan.secret));
	if (argument.len > CLIENT_LONGEST_ARGUMENT("APOP")) {
		failed(why, E_CONFIG, "user name is too long for APOP; nothing secret was sent");
		return LOGIN_FAILED;
	}
	return say(c, VERB_APOP, buf_slice(&argument), why);
}

static enum login_result enter_user(struct login *l, struct client *c, struct failure *why)
{
	struct slice user = slice_of(l->plan.user);

	if (user.len > CLIENT_LONGEST_ARGUMENT("USER") ||
	    secret_octets(l->plan.secret).len > CLIENT_LONGEST_ARGUMENT("PASS")) {
		failed(why, E_CONFIG,
		    "user name or password is too long for USER and PASS, and the server offers no "
		    "PLAIN; nothing secret was sent");
		return LOGIN_FAILED;
	}
	return say(c, VERB_USER, user, why);
}

static enum login_result enter_pass(struct login *l, struct client *c, struct failure *why)
{
	enum login_result result = say(c, VERB_PASS, secret_octets(l->plan.secret), why);

	l->secret_was_sent = result == LOGIN_MORE;
	return result;
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
	case STEP_AUTH:
		return enter_auth(l, c, why);
	case STEP_APOP:
		return enter_apop(l, c, why);
	case STEP_USER:
		return enter_user(l, c, why);
	case STEP_PASS:
		return enter_pass(l, c, why);
	case STEP_DONE:
		break;
	}
	return LOGIN_DONE;
}

/* ---- what CAPA said last time ---- */

static enum remembered_line line_of(const struct login_plan *plan)
{
	return plan->stls ? REMEMBERED_STLS : plan->encrypted ? REMEMBERED_TLS : REMEMBERED_CLEAR;
}

/* As without a memory, from here on. */
static enum login_result ask_first(struct login *l, struct client *c, struct failure *why)
{
	l->by_memory = false;
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
	auth_free(take(&l->auth));
	l->refusal = CODE_NONE;
	return true;
}

/* What the server announces behind a login: nothing, where it announced something before, is the
 * worst that there may be to know (line_eats_what_was_read asks for EXPIRE). */
static void compare_memory(struct login *l, const struct reply_status *status)
{
	const struct login_plan *p = &l->plan;
	bool heard = status->sign == REPLY_OK;

	if (heard && !l->by_memory)
		l->remembered =
		    remembered_make(line_of(p), l->before, remembered_behind(&l->announced));
	else if (heard && remembered_agrees(p->remembered, &l->announced))
		l->remembered = p->remembered;
	else if (!heard && l->by_memory)
		l->announced.expire = true;
}

/* "-ERR" to the greeting, to USER, PASS or AUTH. `words` and `code` are for a refusal whose code
 * says nothing else. */
static enum login_result refused(struct login *l, const struct reply_status *status,
    enum error code, const char *words, struct failure *why)
{
	l->refusal = status->code;
	if (status->code == CODE_IN_USE)
		code = E_LOCKED;
	else if (status->code == CODE_LOGIN_DELAY || status->code == CODE_SYS_TEMP)
		code = E_LATER;
	else if (status->code == CODE_SYS_PERM)
		code = E_REFUSED;
	if (code == E_LOCKED || code == E_LATER)
		words = error_words(code);
	failed(
	    why, code, "%s%s%.*s", words, status->text.len ? ": " : "", SLICE_ARGS(status->text));
	return LOGIN_FAILED;
}

/* The ways that everybody knows are not named. What the server said within the exchange is: the
 * words behind "-ERR" may say less. */
static enum login_result login_refused(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	bool named = l->mechanism != MECHANISM_USER && l->mechanism != MECHANISM_PLAIN;
	struct slice within = l->auth ? auth_refusal(l->auth) : slice_of("");
	CLEANUP(buf_finish) struct buf words = {0};
	struct failure said;

	buf_add_text(&words, error_words(E_LOGIN));
	if (named)
		buf_printf(&words, " by %s", mechanism_name(l->mechanism));
	if (within.len > 0)
		buf_printf(&words, " (%.*s)", SLICE_ARGS(within));
	refused(l, status, E_LOGIN, buf_text(&words), &said);
	if (l->by_memory && (status->code == CODE_NONE || status->code == CODE_OTHER)) {
		l->doubt = said;
		return ask_first(l, c, why);
	}
	*why = said;
	l->was_refused = true;
	return LOGIN_FAILED;
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

static enum login_result enter_login(struct login *l, struct client *c, struct failure *why)
{
	if (l->mechanism == MECHANISM_USER)
		return enter(l, c, STEP_USER, why);
	return enter(l, c, l->mechanism == MECHANISM_APOP ? STEP_APOP : STEP_AUTH, why);
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
		if (l->by_memory)
			return ask_first(l, c, why);
		*why = unfit;
		if (!login_secret_was_sent(l)) /* as the words say: else the refusal stands */
			l->doubt.code = OK;
		login_lost(l, why);
		return LOGIN_FAILED;
	}
	if (l->by_memory && !(l->plan.used & MECHANISM_BIT(l->mechanism)))
		return ask_first(l, c, why);
	l->doubt.code = OK;
	l->before = remembered_before(&l->announced);
	return l->announced.utf8 ? enter(l, c, STEP_UTF8, why) : enter_login(l, c, why);
}

static enum login_result go_by_memory(struct login *l, struct client *c, struct failure *why)
{
	l->by_memory = remembered_take(&l->announced, line_of(&l->plan), l->plan.remembered);
	if (!l->by_memory)
		return enter(l, c, STEP_CAPA, why);
	return l->plan.stls ? enter(l, c, STEP_STLS, why) : on_safe_line(l, c, why);
}

static enum login_result leave_greeting(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign != REPLY_OK)
		return refused(l, status, E_REFUSED, "the server refused the session", why);
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
	if (status->sign != REPLY_OK && l->by_memory)
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
	return l->by_memory ? on_safe_line(l, c, why) : ask_first(l, c, why);
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

/* No other attempt is made with a server that is not what it was, or with what it refused. */
static enum login_result auth_failed(struct login *l, const struct failure *why)
{
	if (why->code == E_LOGIN) {
		l->was_refused = true;
		l->refusal = CODE_AUTH; /* no bare refusal, which might pass */
	}
	return LOGIN_FAILED;
}

static enum login_result leave_auth(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	switch (auth_answer(l->auth, c, status, why)) {
	case AUTH_MORE:
		return LOGIN_MORE;
	case AUTH_REFUSED:
		return login_refused(l, c, status, why);
	case AUTH_FAILED:
		return auth_failed(l, why);
	case AUTH_DONE:
		break;
	}
	return logged_in(l, c, why);
}

static enum login_result leave_password(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign != REPLY_OK)
		return login_refused(l, c, status, why);
	if (l->step == STEP_USER)
		return enter(l, c, STEP_PASS, why);
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
		return enter_login(l, c, why);
	case STEP_AUTH:
		return leave_auth(l, c, status, why);
	case STEP_APOP:
	case STEP_USER:
	case STEP_PASS:
		return leave_password(l, c, status, why);
	case STEP_CAPA_AFTER:
	case STEP_DONE: /* no answer is awaited there */
		compare_memory(l, status);
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
