/* A SOCKS5 proxy as the user writes it: socks5h://[USER:PASSWORD@]HOST[:PORT]. The h is curl's:
 * names are resolved by the proxy, never here, so that no lookup betrays where the mail is. */
#ifndef POP3FS_PROXY_H
#define POP3FS_PROXY_H

#include "error.h"
#include "secret.h"

struct proxy {
	char *host; /* a name or an IP literal (IPv6 without brackets) */
	char *port; /* decimal; 1080 where none was written */
	char *user; /* NULL: no login */
	struct secret *password;
};

/* *out is the caller's, for proxy_free. In USER and PASSWORD %NN stands for an octet; the last "@"
 * splits. E_USAGE: *why says what is wrong and quotes nothing, for there may be a password in it.
 */
enum error proxy_parse(struct proxy **out, const char *text, struct failure *why);
void proxy_free(struct proxy *p); /* NULL is fine */
void proxy_freep(struct proxy **p);

#endif
