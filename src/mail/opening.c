#include "opening.h"

#include <stdlib.h>

#include "alloc.h"
#include "blot.h"
#include "log.h"
#include "quirks.h"

_Static_assert(LINK_BINDING == LOGIN_BINDING, "the floors must agree");

enum phase { CONNECTING, STARTING_TLS, LOGIN, DONE };

struct opening {
	const struct session_plan *plan;
	struct tls *tls;
	enum phase phase;
	struct connection *connection;
	struct client *client;
	struct login_plan login_plan;
	struct login *login;
	bool hurried; /* talk_create */
};

static void trace(void *with, bool sent, struct slice line)
{
	const struct opening *o = with;
	CLEANUP(freep) char *shown = xmemdup(line.at, line.len);

	if (!sent && o->phase != DONE)
		blot_secret(shown, line.len, o->plan->password);
	log_debug("%s %.*s", sent ? ">" : "<", (int)line.len, shown);
}

static void begin(struct opening *o)
{
	o->phase = CONNECTING;
	o->connection = connection_create(&(struct connection_plan){
	    .host = o->plan->host,
	    .port = o->plan->port,
	    .proxy = o->plan->proxy,
	    .lookup = o->plan->lookup,
	    .tls = o->tls,
	    .tls_at_once = o->plan->tls == SESSION_TLS_IMPLICIT,
	});
	o->client = client_create();
	if (log_debug_is_on())
		client_trace(o->client, trace, o);
	o->login = login_create(&o->login_plan);
}

static void finish(struct opening *o)
{
	connection_free(take(&o->connection));
	login_free(take(&o->login));
	client_free(take(&o->client));
}

struct opening *opening_create(const struct session_plan *plan, struct tls *tls,
    const struct facts *facts, int64_t remembered, bool hurried)
{
	struct opening *o = xnew(struct opening);

	o->plan = plan;
	o->tls = tls;
	o->hurried = hurried;
	o->login_plan = (struct login_plan){
	    .user = plan->user,
	    .secret = plan->password,
	    .is_token = plan->is_token,
	    .auth = plan->auth,
	    .used = facts->of[FACT_MECHANISMS],
	    .remembered = remembered,
	    .certificate = plan->cert != NULL,
	    .host = plan->host,
	    .port = plan->port,
	    .encrypted = plan->tls == SESSION_TLS_IMPLICIT,
	    .stls = plan->tls == SESSION_TLS_STARTTLS,
	    .clear_text = plan->tls == SESSION_TLS_OFF,
	};
	begin(o);
	return o;
}

void opening_free(struct opening *o, bool unbroken)
{
	if (!o)
		return;
	if (unbroken && o->phase == DONE)
		link_say_goodbye(connection_link(o->connection));
	finish(o);
	free(o);
}

bool opening_connects(const struct opening *o)
{
	return o->phase < LOGIN;
}

/* The line carries octets, or does so again behind STLS. */
static enum opening_result connected(struct opening *o, struct failure *why)
{
	struct link *line = connection_link(o->connection);
	bool behind_stls = o->phase == STARTING_TLS;
	unsigned char binding[LINK_BINDING];

	o->phase = LOGIN;
	if (!behind_stls && o->plan->tls != SESSION_TLS_IMPLICIT)
		return OPENING_MOVED;
	log_debug("TLS with %s: %s%s", o->plan->host, link_cipher(line),
	    link_resumed(line) ? ", resumed" : "");
	if (link_binding(line, binding))
		login_bind(o->login, binding);
	if (behind_stls && login_encrypted(o->login, o->client, why) == LOGIN_FAILED)
		return OPENING_FAILED;
	return OPENING_MOVED;
}

enum opening_result opening_connect(struct opening *o, struct failure *why)
{
	switch (connection_step(o->connection, why)) {
	case CONNECTION_WAIT:
		return OPENING_WAIT;
	case CONNECTION_STALE:
		log_debug("%s; once more, with a new TLS session", why->words);
		finish(o);
		begin(o);
		break;
	case CONNECTION_OPEN:
		return connected(o, why);
	case CONNECTION_BROKEN:
		return OPENING_FAILED;
	case CONNECTION_DIALED:
		break;
	}
	return OPENING_MOVED;
}

static bool may_hurry(const struct opening *o)
{
	unsigned quirks = quirks_of(login_greeting(o->login), login_capabilities(o->login));

	return o->hurried && !(quirks & QUIRK_NO_PIPELINING);
}

enum opening_result opening_answer(struct opening *o, const struct answer *a, struct failure *why)
{
	login_hurry(o->login, may_hurry(o));
	switch (login_answer(o->login, o->client, a, why)) {
	case LOGIN_MORE:
		return OPENING_WAIT;
	case LOGIN_STLS:
		o->phase = STARTING_TLS;
		return connection_start_tls(o->connection, why) ? OPENING_FAILED : OPENING_WAIT;
	case LOGIN_FAILED:
		return OPENING_FAILED;
	case LOGIN_DONE:
		break;
	}
	o->phase = DONE;
	return OPENING_DONE;
}

bool opening_is_done(const struct opening *o)
{
	return o->phase == DONE;
}

bool opening_hears(const struct opening *o)
{
	return login_is_hurried(o->login);
}

struct connection *opening_connection(const struct opening *o)
{
	return o->connection;
}

struct client *opening_client(const struct opening *o)
{
	return o->client;
}

struct login *opening_login(const struct opening *o)
{
	return o->login;
}
