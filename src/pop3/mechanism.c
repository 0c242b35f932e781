#include "mechanism.h"

#include <string.h>

#ifdef POP3FS_GSASL
#define BUILT true
#else
#define BUILT false
#endif

#define NOTHING_SENT "; nothing secret was sent"

/* What a mechanism proves itself by. */
enum proof { PASSWORD, TOKEN, CERTIFICATE };

static const struct row {
	const char *name;
	int strength; /* only compared among those that are fit */
	enum proof proof;
	bool asked_only; /* never taken by itself */
	bool bound, reveals;
	bool missing; /* this build has it not */
} rows[MECHANISMS] = {
    [MECHANISM_AUTO] = {"auto"},
    [MECHANISM_USER] = {"USER", 1, PASSWORD, .reveals = true},
    [MECHANISM_APOP] = {"APOP", 1, PASSWORD, .asked_only = true},
    [MECHANISM_PLAIN] = {"PLAIN", 1, PASSWORD, .reveals = true},
    [MECHANISM_LOGIN] = {"LOGIN", 1, PASSWORD, .reveals = true, .missing = !BUILT},
    [MECHANISM_CRAM_MD5] = {"CRAM-MD5", 1, PASSWORD, .asked_only = true, .missing = !BUILT},
    [MECHANISM_SCRAM_SHA_1] = {"SCRAM-SHA-1", 2, PASSWORD, .missing = !BUILT},
    [MECHANISM_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", 3, PASSWORD, .bound = true,
	.missing = !BUILT},
    [MECHANISM_SCRAM_SHA_256] = {"SCRAM-SHA-256", 4, PASSWORD, .missing = !BUILT},
    [MECHANISM_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", 5, PASSWORD, .bound = true,
	.missing = !BUILT},
    [MECHANISM_EXTERNAL] = {"EXTERNAL", 6, CERTIFICATE, .missing = !BUILT},
    [MECHANISM_OAUTHBEARER] = {"OAUTHBEARER", 1, TOKEN, .reveals = true},
    [MECHANISM_XOAUTH2] = {"XOAUTH2", 1, TOKEN, .reveals = true},
};

/* Of those that are equally strong the first. */
static const enum mechanism preference[] = {
    MECHANISM_EXTERNAL,
    MECHANISM_SCRAM_SHA_256_PLUS,
    MECHANISM_SCRAM_SHA_256,
    MECHANISM_SCRAM_SHA_1_PLUS,
    MECHANISM_SCRAM_SHA_1,
    MECHANISM_OAUTHBEARER,
    MECHANISM_XOAUTH2,
    MECHANISM_PLAIN,
    MECHANISM_LOGIN,
    MECHANISM_USER,
};

#define PREFERRED (sizeof(preference) / sizeof(preference[0]))

const char *mechanism_name(enum mechanism m)
{
	return rows[m].name;
}

bool mechanism_named(enum mechanism *out, struct slice name)
{
	if (slice_is(name, "*"))
		name = slice_of(rows[MECHANISM_AUTO].name);
	else if (slice_is_word(name, "+APOP"))
		name = slice_of(rows[MECHANISM_APOP].name);
	for (enum mechanism m = 0; m < MECHANISMS; m++) {
		if (slice_is_word(name, rows[m].name)) {
			*out = m;
			return true;
		}
	}
	return false;
}

bool mechanism_takes_token(enum mechanism m)
{
	return rows[m].proof == TOKEN;
}

bool mechanism_is_bound(enum mechanism m)
{
	return rows[m].bound;
}

bool mechanism_reveals(enum mechanism m)
{
	return rows[m].reveals;
}

/* Many servers take USER without announcing it; but one that announces only other ways means it. */
bool mechanism_is_announced(const struct capabilities *a, enum mechanism m)
{
	if (m == MECHANISM_APOP)
		return true;
	if (m == MECHANISM_USER)
		return !a->known || a->user || slice_trim(slice_of(a->sasl)).len == 0;
	return capabilities_sasl(a, rows[m].name);
}

/* What we have to log in with by this mechanism, whatever the server says. */
static bool is_ours(const struct mechanism_choice *c, enum mechanism m)
{
	const struct row *r = &rows[m];

	if (r->missing || r->asked_only)
		return false;
	if (r->proof == CERTIFICATE)
		return c->certificate;
	return (r->proof == TOKEN) == c->is_token && !(r->bound && c->clear_text);
}

static enum error check_asked(const struct mechanism_choice *c, struct failure *why)
{
	const struct row *r = &rows[c->asked];

	if (r->missing)
		return failed(why, E_CONFIG,
		    "auth=%s cannot be had: this pop3fs was built without GNU SASL" NOTHING_SENT,
		    r->name);
	if (r->proof == CERTIFICATE && !c->certificate)
		return failed(why, E_CONFIG,
		    "auth=%s is the login by a client certificate: cert= names it" NOTHING_SENT,
		    r->name);
	if (r->proof == PASSWORD && c->is_token)
		return failed(why, E_CONFIG,
		    "auth=%s takes a password, and the secret is an OAuth token" NOTHING_SENT,
		    r->name);
	if (r->bound && c->clear_text)
		return failed(why, E_CONFIG,
		    "auth=%s is bound to TLS, and tls=off leaves none" NOTHING_SENT, r->name);
	if (r->bound && !c->binding)
		return failed(why, E_TLS,
		    "auth=%s needs TLS 1.3, or 1.2 with an extended master secret, and the server "
		    "has neither" NOTHING_SENT,
		    r->name);
	return OK;
}

/* A server that announces nothing at all may have it all the same. */
static enum error take_asked(
    enum mechanism *out, const struct mechanism_choice *c, struct failure *why)
{
	const struct capabilities *a = c->announced;
	struct slice sasl = slice_trim(slice_of(a->sasl));
	enum error e = check_asked(c, why);

	if (e)
		return e;
	if (c->asked == MECHANISM_APOP && !c->timestamp)
		return failed(why, E_LOGIN,
		    "the greeting has no timestamp that auth=APOP could answer" NOTHING_SENT);
	if (c->asked > MECHANISM_APOP && a->known && !mechanism_is_announced(a, c->asked))
		return failed(why, E_LOGIN, "the server does not offer %s, but: %.*s" NOTHING_SENT,
		    rows[c->asked].name, SLICE_ARGS(sasl.len ? sasl : slice_of("USER")));
	*out = c->asked;
	return OK;
}

static enum mechanism best(const struct mechanism_choice *c)
{
	for (size_t i = 0; i < PREFERRED; i++) {
		enum mechanism m = preference[i];

		if (is_ours(c, m) && mechanism_is_announced(c->announced, m) &&
		    (!rows[m].bound || c->binding))
			return m;
	}
	return MECHANISM_AUTO;
}

/* The strongest that a login to this account has taken before, and that we could still do. */
static enum mechanism strongest_used(const struct mechanism_choice *c)
{
	enum mechanism best_used = MECHANISM_AUTO;

	for (enum mechanism m = 0; m < MECHANISMS; m++) {
		if (c->used & MECHANISM_BIT(m) && is_ours(c, m) &&
		    rows[m].strength > rows[best_used].strength)
			best_used = m;
	}
	return best_used;
}

static enum error none_is_fit(const struct mechanism_choice *c, struct failure *why)
{
	struct slice sasl = slice_trim(slice_of(c->announced->sasl));

	if (c->is_token)
		return failed(why, E_LOGIN,
		    "the server takes no OAuth token (OAUTHBEARER, XOAUTH2), only: "
		    "%.*s" NOTHING_SENT,
		    SLICE_ARGS(sasl.len ? sasl : slice_of("USER")));
	return failed(why, E_LOGIN,
	    "the server offers no login that is taken unasked, only: %.*s" NOTHING_SENT
	    " (auth= asks for one)",
	    SLICE_ARGS(sasl));
}

enum error mechanism_choose(
    enum mechanism *out, const struct mechanism_choice *c, struct failure *why)
{
	enum mechanism chosen, before = strongest_used(c);

	if (c->asked != MECHANISM_AUTO)
		return take_asked(out, c, why);
	chosen = best(c);
	if (chosen == MECHANISM_AUTO)
		return none_is_fit(c, why);
	if (rows[chosen].strength < rows[before].strength)
		return failed(why, E_LOGIN,
		    "the server took %s before and now offers nothing better than %s: somebody may "
		    "be in between" NOTHING_SENT " (auth=%s logs in all the same)",
		    rows[before].name, rows[chosen].name, rows[chosen].name);
	*out = chosen;
	return OK;
}
