#include "login.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"

/* What follows a word and a blank on a command line. */
#define LONGEST_ARGUMENT(word) (CLIENT_LONGEST_COMMAND - strlen(word) - strlen(" \r\n"))

/* User and password together, so that PLAIN's base64 stays below CLIENT_LONGEST_STEP. */
#define LONGEST_CREDENTIALS 8192

enum step {
	STEP_GREETING,
	STEP_CAPA,
	STEP_STLS,
	STEP_UTF8,           /* messages come as they are, not rewritten into 7 bits: RFC 6856, 2 */
	STEP_PLAIN,          /* AUTH PLAIN, with the response where the line has room for it */
	STEP_PLAIN_RESPONSE, /* the response on a line of its own */
	STEP_USER,
	STEP_PASS,
	STEP_CAPA_AFTER, /* Gmail announces PIPELINING and TOP only now */
	STEP_DONE,
};

struct login {
	struct login_plan plan;
	enum step step;
	bool encrypted; /* the line is, by now */
	bool secret_was_sent, was_refused;
	enum reply_code refusal;
	char greeting[LOGIN_GREETING];
	size_t greeting_len;
	struct capabilities announced; /* by the last CAPA that was answered "+OK" */
	struct capabilities arriving;  /* by the one that is being answered */
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
	free(l);
}

const struct capabilities *login_capabilities(const struct login *l)
{
	return &l->announced;
}

bool login_secret_was_sent(const struct login *l)
{
	return l->secret_was_sent;
}

bool login_was_refused(const struct login *l)
{
	return l->was_refused;
}

struct slice login_greeting(const struct login *l)
{
	return slice_make(l->greeting, l->greeting_len);
}

enum reply_code login_refusal(const struct login *l)
{
	return l->refusal;
}

/* Before anything is sent: what no mechanism could carry. */
static enum error check_plan(const struct login *l, struct failure *why)
{
	struct slice user = slice_of(l->plan.user);
	struct slice secret = secret_octets(l->plan.password);

	if (user.len == 0)
		return failed(why, E_CONFIG, "no user name to log in with");
	if (slice_has_control(user))
		return failed(why, E_CONFIG, "the user name holds a control character");
	if (secret.len == 0)
		return failed(why, E_CONFIG, "the password is empty");
	if (slice_has_control(secret))
		return failed(
		    why, E_CONFIG, "the password holds a control character (a line end, perhaps)");
	if (user.len + secret.len > LONGEST_CREDENTIALS)
		return failed(why, E_CONFIG, "user name and password have more than %d octets",
		    LONGEST_CREDENTIALS);
	return OK;
}

static void add_base64(struct buf *out, struct slice in)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		unsigned a = (unsigned char)in.at[i];
		unsigned b = left > 1 ? (unsigned char)in.at[i + 1] : 0;
		unsigned d = left > 2 ? (unsigned char)in.at[i + 2] : 0;
		char four[] = {digits[a >> 2], digits[(a & 3) << 4 | b >> 4],
		    left > 1 ? digits[(b & 15) << 2 | d >> 6] : '=',
		    left > 2 ? digits[d & 63] : '='};

		buf_add(out, four, sizeof(four));
		wipe(four, sizeof(four));
	}
}

/* NUL, user, NUL, password, in base64. */
static void add_plain_response(struct buf *out, const struct login_plan *plan)
{
	CLEANUP(buf_wipe) struct buf raw = {0};

	buf_add(&raw, "", 1);
	buf_add_text(&raw, plan->user);
	buf_add(&raw, "", 1);
	buf_add_slice(&raw, secret_octets(plan->password));
	add_base64(out, buf_slice(&raw));
}

static enum login_result say(
    struct client *c, enum verb verb, struct slice argument, struct failure *why)
{
	return client_send(c, verb, argument, 0, why) == OK ? LOGIN_MORE : LOGIN_FAILED;
}

static enum login_result say_secret(
    struct login *l, struct client *c, enum verb verb, struct slice argument, struct failure *why)
{
	enum login_result result = say(c, verb, argument, why);

	if (result == LOGIN_MORE)
		l->secret_was_sent = true;
	return result;
}

static enum login_result enter_plain(struct login *l, struct client *c, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf argument = {0};

	buf_add_text(&argument, "PLAIN ");
	add_plain_response(&argument, &l->plan);
	if (argument.len > LONGEST_ARGUMENT("AUTH"))
		return say(c, VERB_AUTH, slice_of("PLAIN"), why);
	return say_secret(l, c, VERB_AUTH, buf_slice(&argument), why);
}

static enum login_result enter_plain_response(
    struct login *l, struct client *c, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf response = {0};

	add_plain_response(&response, &l->plan);
	return say_secret(l, c, VERB_AUTH_STEP, buf_slice(&response), why);
}

static enum login_result enter_user(struct login *l, struct client *c, struct failure *why)
{
	struct slice user = slice_of(l->plan.user);

	if (user.len > LONGEST_ARGUMENT("USER") ||
	    secret_octets(l->plan.password).len > LONGEST_ARGUMENT("PASS")) {
		failed(why, E_CONFIG,
		    "user name or password is too long for USER and PASS, and the server offers no "
		    "PLAIN; nothing secret was sent");
		return LOGIN_FAILED;
	}
	return say(c, VERB_USER, user, why);
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
	case STEP_PLAIN:
		return enter_plain(l, c, why);
	case STEP_PLAIN_RESPONSE:
		return enter_plain_response(l, c, why);
	case STEP_USER:
		return enter_user(l, c, why);
	case STEP_PASS:
		return say_secret(l, c, VERB_PASS, secret_octets(l->plan.password), why);
	case STEP_DONE:
		break;
	}
	return LOGIN_DONE;
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

static enum login_result login_refused(
    struct login *l, const struct reply_status *status, struct failure *why)
{
	l->was_refused = true;
	return refused(l, status, E_LOGIN, error_words(E_LOGIN), why);
}

static enum login_result leave_greeting(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign != REPLY_OK)
		return refused(l, status, E_REFUSED, "the server refused the session", why);
	l->greeting_len = status->text.len < LOGIN_GREETING ? status->text.len : LOGIN_GREETING;
	memcpy(l->greeting, status->text.at, l->greeting_len);
	if (check_plan(l, why) != OK)
		return LOGIN_FAILED;
	return enter(l, c, STEP_CAPA, why);
}

/* Many servers take USER without announcing it; but one that announces only other ways means it. */
static enum login_result choose_login(struct login *l, struct client *c, struct failure *why)
{
	const struct capabilities *a = &l->announced;
	struct slice sasl = slice_trim(slice_of(a->sasl));

	if (capabilities_sasl(a, "PLAIN"))
		return enter(l, c, STEP_PLAIN, why);
	if (a->known && !a->user && sasl.len > 0) {
		failed(why, E_LOGIN,
		    "the server offers neither USER nor SASL PLAIN, only: %.*s; nothing secret was "
		    "sent",
		    SLICE_ARGS(sasl));
		return LOGIN_FAILED;
	}
	return enter(l, c, STEP_USER, why);
}

/* The line is as safe as it gets. */
static enum login_result on_safe_line(struct login *l, struct client *c, struct failure *why)
{
	if (!l->encrypted && !l->plan.clear_text) {
		failed(why, E_TLS,
		    "the line is not encrypted; nothing secret was sent (tls=off accepts that)");
		return LOGIN_FAILED;
	}
	return l->announced.utf8 ? enter(l, c, STEP_UTF8, why) : choose_login(l, c, why);
}

static enum login_result leave_capa(struct login *l, struct client *c, struct failure *why)
{
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
	l->announced = (struct capabilities){0};
	return enter(l, c, STEP_CAPA, why);
}

static enum step after_login(const struct login *l)
{
	return l->announced.known ? STEP_CAPA_AFTER : STEP_DONE;
}

/* Some servers ask for the response although the command brought it. */
static enum login_result leave_plain(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign == REPLY_CONTINUE && l->step == STEP_PLAIN)
		return enter(l, c, STEP_PLAIN_RESPONSE, why);
	if (status->sign == REPLY_ERR)
		return login_refused(l, status, why);
	if (status->sign == REPLY_CONTINUE || !l->secret_was_sent) {
		failed(why, E_PROTOCOL, "the server does not follow SASL PLAIN: %.*s",
		    SLICE_ARGS(status->text));
		return LOGIN_FAILED;
	}
	return enter(l, c, after_login(l), why);
}

static enum login_result leave_user_pass(
    struct login *l, struct client *c, const struct reply_status *status, struct failure *why)
{
	if (status->sign != REPLY_OK)
		return login_refused(l, status, why);
	if (l->step == STEP_USER)
		return enter(l, c, STEP_PASS, why);
	return enter(l, c, after_login(l), why);
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
		return choose_login(l, c, why);
	case STEP_PLAIN:
	case STEP_PLAIN_RESPONSE:
		return leave_plain(l, c, status, why);
	case STEP_USER:
	case STEP_PASS:
		return leave_user_pass(l, c, status, why);
	case STEP_CAPA_AFTER:
	case STEP_DONE:
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
