#include "account.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "buf.h"
#include "mechanism.h"

#define LONGEST_USER 248 /* "USER ", this, CRLF: a command has 255 octets, RFC 2449, 4 */
#define LONGEST_HOST 253
#define LONGEST_AUTH 20 /* a mechanism's name: RFC 4422, 3.1 */
#define MOST_PORT    65535

static const struct scheme {
	const char *name;
	enum session_tls tls;
} schemes[] = {
    {"pop3s://", SESSION_TLS_IMPLICIT}, {"pops://", SESSION_TLS_IMPLICIT},
    {"pop3://", SESSION_TLS_STARTTLS},
    {"pop://", SESSION_TLS_STARTTLS}, /* RFC 2384, which has no TLS; we do not go without */
};

static const char *const default_ports[] = {
    [SESSION_TLS_IMPLICIT] = "995",
    [SESSION_TLS_STARTTLS] = "110",
    [SESSION_TLS_OFF] = "110",
};

/* The pieces of SOURCE, pointing into it. */
struct pieces {
	const struct scheme *scheme; /* NULL: not written */
	struct slice user, auth, host, port;
};

static struct slice behind(struct slice whole, const char *at)
{
	return slice_make(at, (size_t)(whole.at + whole.len - at));
}

static const char *find(struct slice in, char octet)
{
	return in.len > 0 ? memchr(in.at, octet, in.len) : NULL;
}

static const char *find_last(struct slice in, char octet)
{
	for (size_t i = in.len; i > 0; i--) {
		if (in.at[i - 1] == octet)
			return in.at + i - 1;
	}
	return NULL;
}

static enum error cut_scheme(struct pieces *p, struct slice *rest, struct failure *why)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (slice_starts_word(*rest, schemes[i].name)) {
			p->scheme = &schemes[i];
			*rest = behind(*rest, rest->at + strlen(schemes[i].name));
			return OK;
		}
	}
	if (memmem(rest->at, rest->len, "://", 3))
		return failed(why, E_USAGE,
		    "SOURCE begins with pop3s:// (TLS) or pop3:// (STLS), or is user@host");
	return OK;
}

/* A URL may end in a slash: the root is all that there is on this server. */
static enum error cut_path(const struct pieces *p, struct slice *rest, struct failure *why)
{
	const char *at = find_last(*rest, '@');
	struct slice host = at ? behind(*rest, at + 1) : *rest;
	const char *slash = find(host, '/');

	if (!p->scheme || !slash)
		return OK;
	if (slash + 1 != host.at + host.len)
		return failed(why, E_USAGE,
		    "SOURCE goes on behind the host: there is one maildrop a user, and no path");
	rest->len--;
	return OK;
}

/* "user;AUTH=MECHANISM": RFC 2384, 4. */
static enum error cut_auth(struct pieces *p, struct failure *why)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	static const char before[] = ";AUTH=";
	const char *at = find_last(p->user, ';');
	struct slice found = at ? behind(p->user, at) : slice_make("", 0), name;

	if (!p->scheme || !slice_starts_word(found, before))
		return OK;
	p->user.len -= found.len;
	p->auth = name = behind(found, at + strlen(before));
	if (slice_is(name, "*"))
		return OK;
	if (name.len > 0 && name.at[0] == '+') /* APOP is no SASL mechanism */
		name = behind(name, name.at + 1);
	for (size_t i = 0; i < name.len; i++)
		if (!strchr(letters, name.at[i]) || !name.at[i])
			name.len = 0;
	if (name.len == 0 || name.len > LONGEST_AUTH)
		return failed(why, E_USAGE, "SOURCE has an ;AUTH= that names no mechanism");
	return OK;
}

static enum error cut_user(struct pieces *p, struct slice *rest, struct failure *why)
{
	const char *at = find_last(*rest, '@');
	enum error e;

	p->user = slice_make(rest->at, at ? (size_t)(at - rest->at) : 0);
	e = cut_auth(p, why);
	if (e)
		return e;
	if (p->user.len == 0)
		return failed(why, E_USAGE, "SOURCE names no user: write user@host");
	if (find(p->user, ':'))
		return failed(why, E_USAGE,
		    "a password in SOURCE would stand in ps and in /proc/mounts: use "
		    "password_command= or password_file= (a colon in the user is written %%3A)");
	*rest = behind(*rest, at + 1);
	return OK;
}

/* "[::1]:995" or "host:995"; the port may be missing, but not behind its colon. */
static enum error cut_host(struct pieces *p, struct slice rest, struct failure *why)
{
	bool literal = rest.len > 0 && rest.at[0] == '[';
	const char *end = find(rest, literal ? ']' : ':');

	if (literal && !end)
		return failed(why, E_USAGE, "SOURCE has a [ without its ]");
	p->host = end ? slice_make(rest.at, (size_t)(end - rest.at)) : rest;
	if (literal)
		p->host = slice_make(p->host.at + 1, p->host.len - 1);
	rest = end ? behind(rest, end + literal) : slice_make("", 0);
	if (rest.len == 0)
		return OK;
	if (rest.at[0] != ':')
		return failed(why, E_USAGE, "SOURCE goes on behind the ]: only :port may follow");
	p->port = behind(rest, rest.at + 1);
	if (!literal && find(p->port, ':'))
		return failed(why, E_USAGE, "SOURCE has an IPv6 address without its [ and ]");
	if (p->port.len == 0)
		return failed(why, E_USAGE, "SOURCE has a colon and no port behind it");
	return OK;
}

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Escapes undone, and only then looked at: %0D is a carriage return. */
static enum error decode_user(char **out, struct slice text, struct failure *why)
{
	char user[LONGEST_USER + 1];
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char octet = text.at[i];

		if (octet == '%') {
			int high = i + 2 < text.len ? hex(text.at[i + 1]) : -1;
			int low = i + 2 < text.len ? hex(text.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return failed(why, E_USAGE,
				    "the user in SOURCE has a %% that is no escape: write it %%25");
			octet = (char)(high * 16 + low);
			i += 2;
		}
		if ((unsigned char)octet < 0x20 || octet == 0x7f)
			return failed(why, E_USAGE, "the user in SOURCE has a control character");
		if (len == LONGEST_USER)
			return failed(why, E_USAGE, "the user in SOURCE is longer than %d octets",
			    LONGEST_USER);
		user[len++] = octet;
	}
	*out = xstrndup(user, len);
	return OK;
}

static enum error check_host(char **out, struct slice text, bool literal, struct failure *why)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	unsigned char address[sizeof(struct in6_addr)];
	CLEANUP(freep) char *host = xstrndup(text.len ? text.at : "", text.len);

	for (char *c = host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (text.len == 0)
		return failed(why, E_USAGE, "SOURCE names no host: write user@host");
	if (literal && inet_pton(AF_INET6, host, address) != 1)
		return failed(why, E_USAGE, "between [ and ] in SOURCE stands no IPv6 address");
	if (!literal && (text.len > LONGEST_HOST || host[strspn(host, plain)] || host[0] == '-'))
		return failed(why, E_USAGE,
		    "the host in SOURCE is no host name (others than ASCII are written xn--...)");
	*out = take(&host);
	return OK;
}

/* What the scheme says and what the option says must not contradict each other; without a scheme
 * the option decides. Nothing is ever weaker than one of them asked for. */
static enum error choose_tls(
    enum session_tls *out, const struct scheme *scheme, enum option_tls tls, struct failure *why)
{
	static const enum session_tls asked[] = {
	    [OPTION_TLS_BY_SOURCE] = SESSION_TLS_IMPLICIT,
	    [OPTION_TLS_IMPLICIT] = SESSION_TLS_IMPLICIT,
	    [OPTION_TLS_STARTTLS] = SESSION_TLS_STARTTLS,
	    [OPTION_TLS_OFF] = SESSION_TLS_OFF,
	};

	if (scheme && tls == OPTION_TLS_BY_SOURCE) {
		*out = scheme->tls;
		return OK;
	}
	if (scheme && (scheme->tls == SESSION_TLS_IMPLICIT) != (tls == OPTION_TLS_IMPLICIT))
		return failed(why, E_USAGE,
		    "SOURCE says %s and tls= the contrary: pop3s:// is tls=implicit, pop3:// is "
		    "tls=starttls or tls=off",
		    scheme->name);
	*out = asked[tls];
	return OK;
}

static enum error cut(struct pieces *p, struct slice source, struct failure *why)
{
	enum error e = cut_scheme(p, &source, why);

	if (!e)
		e = cut_path(p, &source, why);
	if (!e)
		e = cut_user(p, &source, why);
	if (!e)
		e = cut_host(p, source, why);
	return e;
}

static char *upper(struct slice text)
{
	char *word = xstrndup(text.at, text.len);

	for (char *c = word; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return word;
}

static enum error fill(struct account *a, const struct pieces *p, struct failure *why)
{
	bool literal = p->host.len > 0 && p->host.at[-1] == '[';
	uint64_t port;
	enum error e = decode_user(&a->user, p->user, why);

	if (!e)
		e = check_host(&a->host, p->host, literal, why);
	if (e)
		return e;
	if (p->port.len == 0) {
		a->port = xstrdup(default_ports[a->tls]);
	} else {
		if (!slice_number(p->port, MOST_PORT, &port) || port == 0)
			return failed(
			    why, E_USAGE, "the port in SOURCE is none: from 1 to %d", MOST_PORT);
		a->port = xasprintf("%u", (unsigned)port);
	}
	a->words = xasprintf("%s@%s", a->user, a->host);
	if (p->auth.len > 0)
		a->auth = upper(p->auth);
	return OK;
}

enum error account_parse(
    struct account *a, const char *source, enum option_tls tls, struct failure *why)
{
	CLEANUP(account_finish) struct account made = {.source = xstrdup(source)};
	struct pieces p = {.scheme = NULL};
	enum error e = cut(&p, slice_of(source), why);

	if (!e)
		e = choose_tls(&made.tls, p.scheme, tls, why);
	if (!e)
		e = fill(&made, &p, why);
	if (e)
		return e;
	*a = made;
	made = (struct account){.source = NULL};
	return OK;
}

enum error account_auth(const struct account *a, struct options *o, struct failure *why)
{
	enum mechanism asked = MECHANISM_AUTO;

	if (a->auth && !mechanism_named(&asked, slice_of(a->auth)))
		return failed(why, E_USAGE,
		    "SOURCE asks for a login by %s, which is no mechanism of pop3fs", a->auth);
	if (asked == MECHANISM_AUTO)
		return OK;
	if (o->auth != MECHANISM_AUTO && o->auth != asked)
		return failed(why, E_USAGE, "SOURCE says ;AUTH=%s and auth= the contrary", a->auth);
	o->auth = asked;
	return OK;
}

void account_name(struct account *a, const char *as_written)
{
	free(a->source);
	a->source = xstrdup(as_written);
}

void account_finish(struct account *a)
{
	free(a->source);
	free(a->user);
	free(a->host);
	free(a->port);
	free(a->words);
	free(a->auth);
	*a = (struct account){.source = NULL};
}
