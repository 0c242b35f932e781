#include "gnu.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base64.h"

/* Of SCRAM's key derivation: a second or so. GNU SASL has no bound of its own, and a server that
 * says four billion would hang us. */
#define MOST_ITERATIONS 2000000

struct gnu {
	Gsasl *library;
	Gsasl_session *session;
	const struct sasl_plan *plan;
};

static void set(Gsasl_session *session, Gsasl_property property, struct slice value)
{
	gsasl_property_set_raw(session, property, value.at, value.len);
}

/* The binding is told to what is bound alone: others would say that we could have bound it ("y"),
 * and servers with -PLUS behind a proxy that ends TLS refuse that. */
static int answer(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	const struct gnu *g = gsasl_session_hook_get(session);
	CLEANUP(buf_finish) struct buf binding = {0};

	switch (property) {
	case GSASL_AUTHID:
		set(session, property, slice_of(g->plan->user));
		return GSASL_OK;
	case GSASL_AUTHZID: /* a certificate of somebody else must not open his maildrop as this one
			     */
		if (g->plan->mechanism != MECHANISM_EXTERNAL)
			return GSASL_NO_CALLBACK;
		set(session, property, slice_of(g->plan->user));
		return GSASL_OK;
	case GSASL_PASSWORD:
		set(session, property, g->plan->secret);
		return GSASL_OK;
	case GSASL_CB_TLS_EXPORTER:
		if (!mechanism_is_bound(g->plan->mechanism))
			return GSASL_NO_CALLBACK;
		base64_add(&binding, g->plan->binding);
		set(session, property, buf_slice(&binding));
		return GSASL_OK;
	default:
		return GSASL_NO_CALLBACK;
	}
}

static void gnu_freep(struct gnu **g)
{
	gnu_free(*g);
}

enum error gnu_create(struct gnu **out, const struct sasl_plan *plan, struct failure *why)
{
	CLEANUP(gnu_freep) struct gnu *g = xnew(struct gnu);
	const char *name = mechanism_name(plan->mechanism);
	int code = gsasl_init(&g->library);

	g->plan = plan;
	if (code == GSASL_OK)
		code = gsasl_client_start(g->library, name, &g->session);
	if (code != GSASL_OK)
		return failed(
		    why, E_SYSTEM, "GNU SASL cannot do %s: %s", name, gsasl_strerror(code));
	gsasl_callback_set(g->library, answer);
	gsasl_session_hook_set(g->session, g);
	*out = take(&g);
	return OK;
}

void gnu_free(struct gnu *g)
{
	if (!g)
		return;
	if (g->session)
		gsasl_finish(g->session);
	if (g->library)
		gsasl_done(g->library);
	free(g);
}

bool gnu_speaks_first(enum mechanism m)
{
	return m != MECHANISM_LOGIN && m != MECHANISM_CRAM_MD5;
}

static bool is_scram(const struct gnu *g)
{
	return strncmp(mechanism_name(g->plan->mechanism), "SCRAM-", 6) == 0;
}

/* RFC 5802, 7: server-first-message. What is no number is GNU SASL's to refuse. */
static enum error check_iterations(struct slice challenge, struct failure *why)
{
	struct slice field;
	uint64_t count;

	while ((field = slice_token(&challenge, ",")).len > 0) {
		if (field.at[0] != 'i' || field.len < 2 || field.at[1] != '=')
			continue;
		if (!slice_number(slice_make(field.at + 2, field.len - 2), MOST_ITERATIONS, &count))
			return failed(why, E_PROTOCOL,
			    "the server wants %.*s rounds of key derivation, and no more than %d "
			    "are "
			    "done for it",
			    (int)field.len - 2, field.at + 2, MOST_ITERATIONS);
	}
	return OK;
}

static enum error explain(const struct gnu *g, int code, struct failure *why)
{
	const char *name = mechanism_name(g->plan->mechanism);

	switch (code) {
	case GSASL_AUTHENTICATION_ERROR:
	case GSASL_INTEGRITY_ERROR:
		return failed(why, E_LOGIN,
		    "the server could not prove that it knows the password (%s): it may be another "
		    "one that only says yes",
		    name);
	case GSASL_SASLPREP_ERROR:
		return failed(why, E_CONFIG,
		    "user name or password is not UTF-8, or has characters that %s forbids", name);
	default:
		return failed(why, E_PROTOCOL, "the server does not follow SASL %s: %s", name,
		    gsasl_strerror(code));
	}
}

static enum error check(const struct gnu *g, struct slice challenge, struct failure *why)
{
	if (!is_scram(g))
		return OK;
	if (challenge.len > 2 && memcmp(challenge.at, "e=", 2) == 0)
		return failed(why, E_LOGIN, "the server refused the login by %s: %.*s",
		    mechanism_name(g->plan->mechanism), (int)challenge.len - 2, challenge.at + 2);
	return check_iterations(challenge, why);
}

enum error gnu_step(
    struct gnu *g, struct slice challenge, struct buf *response, bool *done, struct failure *why)
{
	char *out = NULL;
	size_t len = 0;
	enum error e = check(g, challenge, why);
	int code;

	if (e)
		return e;
	code = gsasl_step(g->session, challenge.at, challenge.len, &out, &len);
	gsasl_property_free(g->session, GSASL_PASSWORD); /* it asks again if it needs it again */
	if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
		return explain(g, code, why);
	*done = code == GSASL_OK;
	buf_add(response, out, len);
	if (out)
		wipe(out, len);
	gsasl_free(out);
	return OK;
}
