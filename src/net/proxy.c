#include "proxy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "socks.h"

#define SCHEME       "socks5h://"
#define DEFAULT_PORT "1080" /* IANA: socks */

void proxy_free(struct proxy *p)
{
	if (!p)
		return;
	free(p->host);
	free(p->port);
	free(p->user);
	secret_free(p->password);
	free(p);
}

void proxy_freep(struct proxy **p)
{
	proxy_free(*p);
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10 : -1;
}

/* Undoes %NN. false: not two hexadecimal digits. */
static bool unescape(struct slice text, struct buf *to)
{
	for (size_t i = 0; i < text.len; i++) {
		char octet = text.at[i];

		if (octet == '%') {
			int high = i + 1 < text.len ? hex_value(text.at[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_value(text.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			octet = (char)(high << 4 | low);
			i += 2;
		}
		buf_add(to, &octet, 1);
	}
	return true;
}

/* RFC 1929, 2: one octet says how long each of them is. */
static bool fits(struct slice word)
{
	return word.len > 0 && word.len <= SOCKS_LONGEST_WORD;
}

static enum error parse_login(struct proxy *p, struct slice text, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf user = {0}, password = {0};
	const char *colon = memchr(text.at, ':', text.len);
	struct slice name = slice_make(text.at, colon ? (size_t)(colon - text.at) : text.len);
	struct slice rest = {0};

	if (colon)
		rest = slice_make(colon + 1, text.len - name.len - 1);
	if (!unescape(name, &user) || !unescape(rest, &password))
		return failed(why, E_USAGE,
		    "proxy: in USER:PASSWORD a %% is followed by two hexadecimal digits");
	if (!fits(buf_slice(&user)) || !fits(buf_slice(&password)) ||
	    memchr(buf_at(&user), '\0', user.len))
		return failed(why, E_USAGE,
		    "proxy: USER and PASSWORD have 1 to %d octets each, and a \":\" between them",
		    SOCKS_LONGEST_WORD);
	p->user = xstrdup(buf_text(&user));
	p->password = secret_create(buf_slice(&password));
	return OK;
}

static enum error set_port(struct proxy *p, struct slice text, struct failure *why)
{
	uint64_t number;

	if (!slice_number(text, 65535, &number) || number == 0)
		return failed(why, E_USAGE, "proxy: a port is a number from 1 to 65535");
	p->port = xasprintf("%u", (unsigned)number);
	return OK;
}

/* HOST, HOST:PORT, [IPv6], [IPv6]:PORT. */
static enum error parse_place(struct proxy *p, struct slice text, struct failure *why)
{
	const char *end = text.at + text.len;
	bool bracket = text.len > 0 && text.at[0] == '[';
	const char *host = text.at + bracket;
	const char *close = memchr(host, bracket ? ']' : ':', (size_t)(end - host));
	const char *rest = close ? close + bracket : end;
	struct slice name = slice_make(host, (size_t)((close ? close : end) - host));

	if (name.len == 0 || (bracket && !close) || (rest < end && *rest != ':') ||
	    slice_has_control(name) || memchr(name.at, '/', name.len))
		return failed(why, E_USAGE, "proxy: it is " SCHEME "[USER:PASSWORD@]HOST:PORT");
	p->host = xstrndup(name.at, name.len);
	if (rest < end)
		return set_port(p, slice_make(rest + 1, (size_t)(end - rest - 1)), why);
	p->port = xstrdup(DEFAULT_PORT);
	return OK;
}

enum error proxy_parse(struct proxy **out, const char *text, struct failure *why)
{
	CLEANUP(proxy_freep) struct proxy *p = xnew(struct proxy);
	struct slice rest = slice_of(text);
	const char *at;
	enum error e = OK;

	if (!slice_starts_word(rest, SCHEME))
		return failed(why, E_USAGE,
		    "proxy: it begins with " SCHEME "; the proxy itself resolves names");
	rest = slice_make(text + strlen(SCHEME), rest.len - strlen(SCHEME));
	if (rest.len > 0 && rest.at[rest.len - 1] == '/')
		rest.len--;
	at = memrchr(rest.at, '@', rest.len);
	if (at) {
		e = parse_login(p, slice_make(rest.at, (size_t)(at - rest.at)), why);
		rest = slice_make(at + 1, rest.len - (size_t)(at + 1 - rest.at));
	}
	if (!e)
		e = parse_place(p, rest, why);
	if (!e)
		*out = take(&p);
	return e;
}
