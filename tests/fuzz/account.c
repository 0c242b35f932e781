/* account.h: what SOURCE was taken for can be written again and is the same; the line is never less
 * safe than the scheme or the option says; no failure quotes what may be a password. */
#include <ctype.h>
#include <string.h>

#include "account.h"
#include "alloc.h"
#include "buf.h"
#include "fuzz.h"

#define PASSWORD "hunter2zz"

static const enum option_tls asked[] = {
    OPTION_TLS_BY_SOURCE, OPTION_TLS_IMPLICIT, OPTION_TLS_STARTTLS, OPTION_TLS_OFF};

#define ASKED (sizeof(asked) / sizeof(asked[0]))

static void as_promised(const struct account *a, const char *source, enum option_tls tls)
{
	uint64_t port;

	must(strcmp(a->source, source) == 0);
	must(a->user[0] && !slice_has_control(slice_of(a->user)));
	must(a->host[0]);
	for (const char *c = a->host; *c; c++)
		must(
		    islower((unsigned char)*c) || isdigit((unsigned char)*c) || strchr(".-_:", *c));
	must(slice_number(slice_of(a->port), 65535, &port) && port > 0);
	must(a->tls != SESSION_TLS_OFF || tls == OPTION_TLS_OFF);
	must(a->tls == SESSION_TLS_IMPLICIT || strncasecmp(source, "pop3s:", 6) != 0);
	must(a->tls == SESSION_TLS_IMPLICIT || tls != OPTION_TLS_IMPLICIT);
	for (const char *c = a->auth; c && *c; c++)
		must(!islower((unsigned char)*c));
}

/* Each octet of the user as an escape. */
static void write_source(struct buf *b, const struct account *a)
{
	bool literal = strchr(a->host, ':') != NULL;

	buf_add_text(b, a->tls == SESSION_TLS_IMPLICIT ? "pop3s://" : "pop3://");
	for (const char *c = a->user; *c; c++)
		buf_printf(b, "%%%02X", (unsigned char)*c);
	if (a->auth)
		buf_printf(b, ";AUTH=%s", a->auth);
	buf_printf(b, "@%s%s%s:%s/", literal ? "[" : "", a->host, literal ? "]" : "", a->port);
}

static void written_again(const struct account *a)
{
	CLEANUP(account_finish) struct account again = {.source = NULL};
	CLEANUP(buf_finish) struct buf b = {0};
	enum option_tls tls = a->tls == SESSION_TLS_OFF ? OPTION_TLS_OFF : OPTION_TLS_BY_SOURCE;

	write_source(&b, a);
	must(account_parse(&again, buf_text(&b), tls, NULL) == OK);
	must(strcmp(again.user, a->user) == 0 && strcmp(again.host, a->host) == 0);
	must(strcmp(again.port, a->port) == 0 && again.tls == a->tls);
	must(!again.auth == !a->auth && (!a->auth || strcmp(again.auth, a->auth) == 0));
}

static void parse(const char *source, enum option_tls tls)
{
	CLEANUP(account_finish) struct account a = {.source = NULL};
	struct failure why = {.code = OK};
	enum error e = account_parse(&a, source, tls, &why);

	if (e) {
		must(e == E_USAGE && why.code == e && why.words[0]);
		must(!strstr(why.words, PASSWORD));
		must(!a.source && !a.user && !a.host && !a.port && !a.words && !a.auth);
		return;
	}
	as_promised(&a, source, tls);
	written_again(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(freep) char *source = xstrndup((const char *)octets, len);
	CLEANUP(freep) char *behind = xasprintf("%s" PASSWORD "@host", source);
	CLEANUP(freep) char *before = xasprintf("me:" PASSWORD "%s", source);

	for (size_t i = 0; i < ASKED; i++) {
		parse(source, asked[i]);
		parse(behind, asked[i]);
		parse(before, asked[i]);
	}
	return 0;
}
