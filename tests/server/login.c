#include "login.h"

#include <stdlib.h>
#include <openssl/evp.h>

#include "alloc.h"

#define BLANKS " \t"

static void enter(struct session *s, struct reply *r)
{
	struct failure why;

	if (s->service->settings->one_session && s->service->open_sessions > 0) {
		out_text(r->out, "-ERR [IN-USE] another session holds the maildrop\r\n");
		return;
	}
	if (maildrop_snapshot(s->service->drop, &s->mail, &why) != OK) {
		out_printf(r->out, "-ERR [SYS/TEMP] %s\r\n", why.words);
		return;
	}
	s->fate = xzalloc(snapshot_count(s->mail) + 1);
	s->logged_in = true;
	s->service->open_sessions++;
	out_printf(r->out, "+OK %zu messages\r\n", snapshot_count(s->mail));
}

static void refuse_login(struct reply *r)
{
	out_text(r->out, "-ERR [AUTH] wrong user or password\r\n");
}

void login_user(struct session *s, struct slice arguments, struct reply *r)
{
	buf_clear(&s->user);
	buf_add_slice(&s->user, arguments);
	out_text(r->out, "+OK password, please\r\n");
}

void login_pass(struct session *s, struct slice arguments, struct reply *r)
{
	if (s->user.len == 0)
		out_text(r->out, "-ERR USER first\r\n");
	else if (account_is(s->service->settings, buf_slice(&s->user), arguments))
		enter(s, r);
	else
		refuse_login(r);
	buf_clear(&s->user);
}

/* "=" is the empty response (RFC 5034, 4). false: not base64. */
static bool decode(struct slice text, struct buf *to)
{
	int len;
	size_t padding = 0;

	if (slice_is(text, "="))
		return true;
	while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
		padding++;
	if (text.len % 4 != 0)
		return false;
	len = EVP_DecodeBlock((unsigned char *)buf_room(to, text.len + 1),
	    (const unsigned char *)text.at, (int)text.len);
	if (len < 0)
		return false;
	buf_added(to, (size_t)len - padding);
	return true;
}

static void challenge_client(struct slice challenge, struct reply *r)
{
	size_t room = 4 * (challenge.len / 3 + 1) + 1;
	CLEANUP(freep) char *text = xzalloc(room);

	if (challenge.len > 0)
		EVP_EncodeBlock(
		    (unsigned char *)text, (const unsigned char *)challenge.at, (int)challenge.len);
	out_printf(r->out, "+ %s\r\n", text);
}

static void step(struct session *s, struct slice text, bool present, struct reply *r)
{
	struct buf answer = {0}, challenge = {0};

	if (present && !decode(text, &answer)) {
		sasl_finish(&s->sasl);
		out_text(r->out, "-ERR not base64\r\n");
	} else {
		switch (sasl_step(&s->sasl, buf_slice(&answer), present, &challenge)) {
		case SASL_MORE:
			challenge_client(buf_slice(&challenge), r);
			break;
		case SASL_GOOD:
			enter(s, r);
			break;
		case SASL_BAD:
			refuse_login(r);
			break;
		}
	}
	buf_finish(&answer);
	buf_finish(&challenge);
}

void login_auth(struct session *s, struct slice arguments, struct reply *r)
{
	struct slice name = slice_token(&arguments, BLANKS);
	struct slice initial = slice_token(&arguments, BLANKS);

	if (name.len == 0) {
		struct buf names = {0};

		sasl_names(&names, s->service->settings, "", "\r\n");
		out_text(r->out, "+OK\r\n");
		out_own(r->out, &names);
		reply_end_lines(r);
	} else if (sasl_begin(&s->sasl, s->service->settings, &s->line, name)) {
		step(s, initial, initial.len > 0, r);
	} else {
		out_text(r->out, "-ERR unknown mechanism\r\n");
	}
}

bool session_wants_response(const struct session *s)
{
	return s->sasl.mechanism != NULL;
}

void session_response(struct session *s, struct slice line, struct reply *r)
{
	if (slice_is(line, "*")) {
		sasl_finish(&s->sasl);
		out_text(r->out, "-ERR cancelled\r\n");
	} else {
		step(s, line, true, r);
	}
}
