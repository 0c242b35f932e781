#include "sasl.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "oauth.h"

#ifdef POP3FS_GSASL
#include "gnu.h"
#endif

/* Takes a challenge, adds the response, neither in base64. */
typedef enum error step(
    struct sasl *s, struct slice challenge, struct buf *response, struct failure *why);

struct sasl {
	struct sasl_plan plan;
	step *step;
	unsigned taken; /* steps so far */
	bool speaks_first, done;
	struct slice said; /* the challenge of this step, as it came */
	struct buf refusal;
	struct gnu *gnu; /* NULL: one of ours */
};

static enum error astray(const struct sasl *s, struct failure *why)
{
	return failed(why, E_PROTOCOL, "the server does not follow SASL %s: %.*s",
	    mechanism_name(s->plan.mechanism), SLICE_ARGS(s->said));
}

/* NUL, user, NUL, password. */
static enum error plain(
    struct sasl *s, struct slice challenge, struct buf *response, struct failure *why)
{
	if (s->taken > 0)
		return astray(s, why);
	buf_add(response, "", 1);
	buf_add_text(response, s->plan.user);
	buf_add(response, "", 1);
	buf_add_slice(response, s->plan.secret);
	s->done = true;
	return OK;
}

/* A challenge behind the token is a refusal: it is read, and answered, so that "-ERR" can come. */
static enum error token(
    struct sasl *s, struct slice challenge, struct buf *response, struct failure *why)
{
	const struct oauth o = {
	    .user = slice_of(s->plan.user),
	    .token = s->plan.secret,
	    .host = slice_of(s->plan.host),
	    .port = slice_of(s->plan.port),
	};
	bool bearer = s->plan.mechanism == MECHANISM_OAUTHBEARER;

	s->done = s->taken == 0;
	if (s->taken > 1)
		return astray(s, why);
	if (s->taken == 1) {
		oauth_add_refusal(&s->refusal, challenge);
		buf_add_text(response, bearer ? "\1" : "");
	} else if (bearer) {
		oauth_add_bearer(response, &o);
	} else {
		oauth_add_xoauth2(response, &o);
	}
	return OK;
}

#ifdef POP3FS_GSASL
static enum error gnu(
    struct sasl *s, struct slice challenge, struct buf *response, struct failure *why)
{
	if (s->done)
		return astray(s, why);
	return gnu_step(s->gnu, challenge, response, &s->done, why);
}
#endif

static enum error choose(struct sasl *s, struct failure *why)
{
	switch (s->plan.mechanism) {
	case MECHANISM_PLAIN:
		s->step = plain;
		s->speaks_first = true;
		return OK;
	case MECHANISM_OAUTHBEARER:
	case MECHANISM_XOAUTH2:
		s->step = token;
		s->speaks_first = true;
		if (!oauth_is_token(s->plan.secret))
			return failed(why, E_CONFIG,
			    "the secret is no OAuth token: it has a blank or an octet beyond "
			    "ASCII");
		return OK;
	default:
		break;
	}
#ifdef POP3FS_GSASL
	s->step = gnu;
	s->speaks_first = gnu_speaks_first(s->plan.mechanism);
	return gnu_create(&s->gnu, &s->plan, why);
#else
	return failed(why, E_CONFIG, "%s needs GNU SASL", mechanism_name(s->plan.mechanism));
#endif
}

static void sasl_freep(struct sasl **s)
{
	sasl_free(*s);
}

enum error sasl_create(struct sasl **out, const struct sasl_plan *plan, struct failure *why)
{
	CLEANUP(sasl_freep) struct sasl *s = xnew(struct sasl);
	enum error e;

	s->plan = *plan;
	e = choose(s, why);
	if (!e)
		*out = take(&s);
	return e;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
#ifdef POP3FS_GSASL
	gnu_free(s->gnu);
#endif
	buf_finish(&s->refusal);
	free(s);
}

bool sasl_speaks_first(const struct sasl *s)
{
	return s->speaks_first;
}

bool sasl_may_go_with_auth(const struct sasl *s)
{
	return s->speaks_first && s->plan.mechanism != MECHANISM_XOAUTH2;
}

enum error sasl_step(
    struct sasl *s, struct slice challenge, struct buf *response, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf octets = {0}, answer = {0};
	enum error e;

	s->said = challenge;
	if (!base64_undo(&octets, challenge))
		return astray(s, why);
	e = s->step(s, buf_slice(&octets), &answer, why);
	s->taken++;
	if (!e)
		base64_add(response, buf_slice(&answer));
	return e;
}

bool sasl_is_done(const struct sasl *s)
{
	return s->done;
}

struct slice sasl_refusal(const struct sasl *s)
{
	return buf_slice(&s->refusal);
}
