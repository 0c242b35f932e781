#include "gnu.h"

#ifdef SERVER_GSASL

#include <gsasl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define ITERATIONS "4096"

struct gnu {
	Gsasl *library;
	Gsasl_session *session;
	const struct settings *settings;
	const struct sasl_line *line;
	bool done; /* it is good, and the client has yet to answer what proves us */
};

static int password(const struct gnu *g, Gsasl_session *s)
{
	const char *user = gsasl_property_fast(s, GSASL_AUTHID);

	if (g->settings->user && (user == NULL || strcmp(user, g->settings->user) != 0))
		return GSASL_AUTHENTICATION_ERROR;
	gsasl_property_set(s, GSASL_PASSWORD, g->settings->password);
	return GSASL_OK;
}

/* The certificate says who it is; whoever asks for another name gets nothing. */
static int external(const struct gnu *g, Gsasl_session *s)
{
	const char *asked = gsasl_property_fast(s, GSASL_AUTHZID);

	if (g->line->client[0] && (asked == NULL || strcmp(asked, g->line->client) == 0))
		return GSASL_OK;
	return GSASL_AUTHENTICATION_ERROR;
}

/* What the client bound itself to is compared with this by GNU SASL. Told to -PLUS alone: else the
 * server would accept a client that saw no -PLUS although there was one. */
static int binding(const struct gnu *g, Gsasl_session *s)
{
	unsigned char text[4 * (SASL_BINDING / 3 + 1) + 1];

	if (!g->line->bound)
		return GSASL_NO_CB_TLS_EXPORTER;
	EVP_EncodeBlock(text, g->line->binding, SASL_BINDING);
	gsasl_property_set(s, GSASL_CB_TLS_EXPORTER, (const char *)text);
	return GSASL_OK;
}

static int answer(Gsasl *library, Gsasl_session *s, Gsasl_property property)
{
	const struct gnu *g = gsasl_session_hook_get(s);

	switch (property) {
	case GSASL_PASSWORD:
		return password(g, s);
	case GSASL_VALIDATE_EXTERNAL:
		return external(g, s);
	case GSASL_CB_TLS_EXPORTER:
		return binding(g, s);
	case GSASL_SCRAM_ITER:
		gsasl_property_set(s, property, ITERATIONS);
		return GSASL_OK;
	default:
		return GSASL_NO_CALLBACK;
	}
}

bool gnu_create(struct gnu **out, const struct settings *settings, const struct sasl_line *line,
    const char *name)
{
	struct gnu *g = xnew(struct gnu);

	g->settings = settings;
	g->line = line;
	if (gsasl_init(&g->library) != GSASL_OK ||
	    gsasl_server_start(g->library, name, &g->session) != GSASL_OK) {
		gnu_free(g);
		return false;
	}
	gsasl_callback_set(g->library, answer);
	gsasl_session_hook_set(g->session, g);
	*out = g;
	return true;
}

void gnu_free(struct gnu *g)
{
	if (g == NULL)
		return;
	if (g->session)
		gsasl_finish(g->session);
	if (g->library)
		gsasl_done(g->library);
	free(g);
}

enum sasl_result gnu_step(struct gnu *g, struct slice in, struct buf *challenge)
{
	char *out = NULL;
	size_t len = 0;
	int code;

	if (g->done)
		return in.len == 0 ? SASL_GOOD : SASL_BAD;
	code = gsasl_step(g->session, in.len ? in.at : "", in.len, &out, &len);
	buf_add(challenge, out, len);
	gsasl_free(out);
	if (code == GSASL_NEEDS_MORE)
		return SASL_MORE;
	g->done = code == GSASL_OK;
	if (g->done)
		return len > 0 ? SASL_MORE : SASL_GOOD;
	return SASL_BAD;
}

#else

bool gnu_create(struct gnu **out, const struct settings *settings, const struct sasl_line *line,
    const char *name)
{
	return false;
}

enum sasl_result gnu_step(struct gnu *g, struct slice in, struct buf *challenge)
{
	return SASL_BAD;
}

void gnu_free(struct gnu *g)
{
}

#endif
