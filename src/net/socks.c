#include "socks.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"

enum { VERSION = 5, LOGIN_VERSION = 1, CONNECT = 1 };                    /* RFC 1928, 4; 1929, 2 */
enum { NO_LOGIN = 0, LOGIN = 2, NO_METHOD = 0xff };                      /* RFC 1928, 3 */
enum { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };           /* RFC 1928, 5 */
enum { ANSWER_HEAD = 4, PORT_OCTETS = 2, LONGEST_ANSWER = 4 + 256 + 2 }; /* RFC 1928, 6 */

/* RFC 1928, 6. A name that was not found has no code of its own: proxies say "host unreachable". */
static const struct refusal {
	unsigned char code;
	enum error error;
	const char *words;
} refusals[] = {
    {1, E_CONNECT, "it cannot be connected"},
    {2, E_CONNECT, "the proxy's rules forbid it"},
    {3, E_NOROUTE, "network unreachable"},
    {4, E_NOROUTE, "host unreachable, or its name not found"},
    {5, E_CONNECT, "connection refused"},
    {6, E_TIMEOUT, "no answer (TTL expired)"},
    {7, E_CONNECT, "the proxy makes no connections"},
    {8, E_NOROUTE, "the proxy cannot use such an address"},
};

enum step { METHOD, LOGGING_IN, HEAD, REST, OVER };

struct socks {
	char *host, *port;
	struct buf user, password; /* empty user: none */
	enum step step;
	struct buf out;
	unsigned char in[LONGEST_ANSWER]; /* the answer so far */
	size_t got, want;
};

static void put(struct socks *s, unsigned char octet)
{
	buf_add(&s->out, &octet, 1);
}

static void put_word(struct socks *s, struct slice word)
{
	put(s, (unsigned char)word.len);
	buf_add_slice(&s->out, word);
}

/* Begins to wait for an answer of so many octets. */
static enum socks_result expect(struct socks *s, enum step step, size_t octets)
{
	s->step = step;
	s->got = 0;
	s->want = octets;
	return SOCKS_MORE;
}

struct socks *socks_create(
    const char *host, const char *port, struct slice user, struct slice password)
{
	struct socks *s = xnew(struct socks);

	s->host = xstrdup(host);
	s->port = xstrdup(port);
	buf_add_slice(&s->user, user);
	buf_add_slice(&s->password, password);
	put(s, VERSION);
	put(s, user.len > 0 ? 2 : 1);
	put(s, NO_LOGIN);
	if (user.len > 0)
		put(s, LOGIN);
	expect(s, METHOD, 2);
	return s;
}

void socks_free(struct socks *s)
{
	if (!s)
		return;
	buf_finish(&s->user);
	buf_wipe(&s->password);
	buf_wipe(&s->out);
	free(s->host);
	free(s->port);
	free(s);
}

struct slice socks_output(const struct socks *s)
{
	return buf_slice(&s->out);
}

void socks_sent(struct socks *s, size_t octets)
{
	buf_take(&s->out, octets);
}

size_t socks_wants(const struct socks *s)
{
	return s->want - s->got;
}

static enum socks_result ask_to_connect(struct socks *s, struct failure *why)
{
	uint16_t port = htons((uint16_t)strtoul(s->port, NULL, 10));
	struct slice name = slice_of(s->host);
	unsigned char address[sizeof(struct in6_addr)];

	if (name.len == 0 || name.len > SOCKS_LONGEST_WORD) {
		failed(why, E_NONAME, "the server's name is not one that a proxy could be told: %s",
		    s->host);
		return SOCKS_FAILED;
	}
	put(s, VERSION);
	put(s, CONNECT);
	put(s, 0);
	if (inet_pton(AF_INET, s->host, address) == 1) {
		put(s, ADDRESS_IPV4);
		buf_add(&s->out, address, sizeof(struct in_addr));
	} else if (inet_pton(AF_INET6, s->host, address) == 1) {
		put(s, ADDRESS_IPV6);
		buf_add(&s->out, address, sizeof(struct in6_addr));
	} else {
		put(s, ADDRESS_NAME);
		put_word(s, name);
	}
	buf_add(&s->out, &port, sizeof(port));
	/* one octet of the address goes along: in a name it says how long the name is */
	return expect(s, HEAD, ANSWER_HEAD + 1);
}

static enum socks_result log_in(struct socks *s)
{
	put(s, LOGIN_VERSION);
	put_word(s, buf_slice(&s->user));
	put_word(s, buf_slice(&s->password));
	return expect(s, LOGGING_IN, 2);
}

static enum socks_result no_method(struct socks *s, struct failure *why)
{
	if (s->user.len == 0)
		failed(why, E_CONFIG, "the proxy wants a login: proxy=socks5h://USER:PASSWORD@...");
	else
		failed(why, E_CONFIG, "the proxy accepts no login by user and password");
	return SOCKS_FAILED;
}

static enum socks_result method(struct socks *s, struct failure *why)
{
	unsigned char chosen = s->in[1];

	if (chosen == NO_LOGIN)
		return ask_to_connect(s, why);
	if (chosen == LOGIN && s->user.len > 0)
		return log_in(s);
	if (chosen == LOGIN || chosen == NO_METHOD)
		return no_method(s, why);
	failed(why, E_PROTOCOL, "the proxy chose a login that nobody offered (%u)", chosen);
	return SOCKS_FAILED;
}

static enum socks_result logged_in(struct socks *s, struct failure *why)
{
	if (s->in[1] == 0)
		return ask_to_connect(s, why);
	failed(why, E_CONFIG, "the proxy refused its user or password");
	return SOCKS_FAILED;
}

static enum socks_result refused(struct socks *s, struct failure *why)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];

		if (r->code != s->in[1])
			continue;
		failed(
		    why, r->error, "the proxy says of %s port %s: %s", s->host, s->port, r->words);
		return SOCKS_FAILED;
	}
	failed(why, E_CONNECT, "the proxy says of %s port %s: refused (%u)", s->host, s->port,
	    s->in[1]);
	return SOCKS_FAILED;
}

/* The address that the proxy connects from follows; nobody needs it, but it must be taken. */
static enum socks_result head(struct socks *s, struct failure *why)
{
	size_t rest = PORT_OCTETS;

	switch (s->in[ANSWER_HEAD - 1]) {
	case ADDRESS_IPV4:
		rest += sizeof(struct in_addr) - 1;
		break;
	case ADDRESS_IPV6:
		rest += sizeof(struct in6_addr) - 1;
		break;
	case ADDRESS_NAME:
		rest += s->in[ANSWER_HEAD];
		break;
	default:
		failed(why, E_PROTOCOL, "the proxy's answer makes no sense (address of kind %u)",
		    s->in[ANSWER_HEAD - 1]);
		return SOCKS_FAILED;
	}
	return expect(s, REST, rest);
}

static enum socks_result whole_answer(struct socks *s, struct failure *why)
{
	switch (s->step) {
	case METHOD:
		return method(s, why);
	case LOGGING_IN:
		return logged_in(s, why);
	case HEAD:
		return head(s, why);
	default:
		expect(s, OVER, 0);
		return SOCKS_DONE;
	}
}

/* Each answer but the login's begins with the version. Of RFC 1929's the first octet is passed
 * over: servers are known that say 5 there. */
static bool wrong_version(const struct socks *s)
{
	return (s->step == METHOD || s->step == HEAD) && s->in[0] != VERSION;
}

enum socks_result socks_received(struct socks *s, struct slice octets, struct failure *why)
{
	assert(octets.len <= s->want - s->got);
	memcpy(s->in + s->got, octets.at, octets.len);
	s->got += octets.len;
	if (wrong_version(s)) {
		failed(why, E_PROTOCOL, "what answers as proxy does not speak SOCKS5");
		return SOCKS_FAILED;
	}
	/* a refusal need not be whole: some proxies close in the middle of it */
	if (s->step == HEAD && s->got > 1 && s->in[1] != 0)
		return refused(s, why);
	return s->got < s->want ? SOCKS_MORE : whole_answer(s, why);
}
