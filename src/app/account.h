/* SOURCE, taken apart: whose maildrop it is, where, and how the line is encrypted. No I/O.
 * RFC 3986, 3; RFC 2384; RFC 1939, 4; RFC 8314, 3. */
#ifndef POP3FS_ACCOUNT_H
#define POP3FS_ACCOUNT_H

#include "error.h"
#include "options.h"
#include "session.h"

struct account {
	char *source; /* octet for octet as written: mountinfo shows it so */
	char *user;   /* escapes undone, no control characters */
	char *host;   /* lower case; an IPv6 literal without its brackets */
	char *port;   /* decimal */
	char *words;  /* "user@host", for people */
	char *auth;   /* the mechanism that SOURCE asks for, upper case; NULL: none */
	enum session_tls tls;
};

/* `tls` is what the option of that name says. On E_USAGE *why never repeats what may be a password,
 * and *a is unchanged; else account_finish frees what hangs on it. */
enum error account_parse(
    struct account *a, const char *source, enum option_tls tls, struct failure *why);
void account_finish(struct account *a);

/* The mechanism that SOURCE asks for goes where that of the option auth= is: there is one. E_USAGE:
 * the option asks for another one, or nobody knows it. */
enum error account_auth(const struct account *a, struct options *o, struct failure *why);

/* It was written in another way: as a section of the configuration. */
void account_name(struct account *a, const char *as_written);

#endif
