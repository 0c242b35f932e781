/* The server's side of AUTH (RFC 5034), one row a mechanism. No I/O, no base64. */
#ifndef SERVER_SASL_H
#define SERVER_SASL_H

#include "buf.h"
#include "settings.h"

enum sasl_result {
	SASL_MORE, /* the challenge goes out; bring the client's answer */
	SASL_GOOD,
	SASL_BAD,
};

struct sasl {
	const struct sasl_mechanism *mechanism; /* NULL: no exchange is going on */
	const struct settings *settings;
	unsigned step; /* answers seen so far */
};

/* Begins an exchange. false: there is no such mechanism. */
bool sasl_begin(struct sasl *s, const struct settings *settings, struct slice name);

/* What the client sent, decoded; `present` is false for an AUTH without initial response. The
 * exchange is over unless SASL_MORE, which fills *challenge (not encoded). */
enum sasl_result sasl_step(
    struct sasl *s, struct slice answer, bool present, struct buf *challenge);

/* The names, each after `before` and before `after`. */
void sasl_names(struct buf *to, const char *before, const char *after);

/* Whether these are --user and --password. */
bool account_is(const struct settings *settings, struct slice user, struct slice password);

#endif
