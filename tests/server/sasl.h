/* The server's side of AUTH (RFC 5034), one row a mechanism. No I/O, no base64. PLAIN is our own;
 * the others are GNU SASL's, in builds that have it, which pop3fs's own side is not made of alone:
 * a mistake in how it is used cannot be the same on both. */
#ifndef SERVER_SASL_H
#define SERVER_SASL_H

#include "buf.h"
#include "settings.h"

enum sasl_result {
	SASL_MORE, /* the challenge goes out; bring the client's answer */
	SASL_GOOD,
	SASL_BAD,
};

#define SASL_BINDING 32

/* What is known of the line by its handshake. */
struct sasl_line {
	bool bound;                          /* it has a binding: RFC 9266 */
	unsigned char binding[SASL_BINDING]; /* tls-exporter */
	char client[256];                    /* common name of the client's certificate, or "" */
};

struct sasl {
	const struct sasl_mechanism *mechanism; /* NULL: no exchange is going on */
	const struct settings *settings;
	const struct sasl_line *line;
	unsigned step;   /* answers seen so far */
	struct gnu *gnu; /* NULL: it is our own */
};

/* Begins an exchange, if --sasl has the mechanism. false: there is no such mechanism. */
bool sasl_begin(struct sasl *s, const struct settings *settings, const struct sasl_line *line,
    struct slice name);

/* What the client sent, decoded; `present` is false for an AUTH without initial response. The
 * exchange is over unless SASL_MORE, which fills *challenge (not encoded). */
enum sasl_result sasl_step(
    struct sasl *s, struct slice answer, bool present, struct buf *challenge);

/* Ends an exchange wherever it is. */
void sasl_finish(struct sasl *s);

/* The names that --sasl has, each after `before` and before `after`. */
void sasl_names(
    struct buf *to, const struct settings *settings, const char *before, const char *after);

/* Whether these are --user and --password. */
bool account_is(const struct settings *settings, struct slice user, struct slice password);

#endif
