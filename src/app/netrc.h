/* ~/.netrc, as ftp(1) and curl(1) read it: the password of one user on one host. No I/O: octets go
 * in as they come. Words are separated by white space; "machine NAME" or "default" begins an entry
 * of "login", "password" and "account"; "macdef" goes on to an empty line; "#" where one of these
 * words could stand begins a comment. A word in double quotes may hold blanks, and \ takes the next
 * octet as it stands. */
#ifndef POP3FS_NETRC_H
#define POP3FS_NETRC_H

#include <stdbool.h>

#include "buf.h"
#include "error.h"

struct netrc {
	const char *host, *user; /* whose password is wanted */
	struct buf word;         /* as far as it has come */
	bool in_word, quoted, escaped, in_comment;
	unsigned
	    macro_ends;   /* 0: not in a macdef; 1: in a line of it; 2: at the beginning of one */
	int value_of;     /* the keyword that the next word belongs to */
	bool applies;     /* the entry is for this host ... */
	bool other_login; /* ... and another user */
	bool has_password;
	bool found; /* nothing that follows counts */
	unsigned line;
	struct failure failure; /* the first one */
	struct buf password;    /* of the entry that is being read */
};

/* Host and user live as long as the netrc. The first entry counts whose machine is this host (or
 * that is the default) and whose login is this user, or that names none. */
void netrc_init(struct netrc *n, const char *host, const char *user);
void netrc_feed(struct netrc *n, struct slice octets);

/* All has been fed. The password is added to *password, which the caller wipes.
 * E_SECRET: *why names the line, and no word of it; or there is no entry. */
enum error netrc_end(struct netrc *n, struct buf *password, struct failure *why);

void netrc_finish(struct netrc *n); /* wipes what it holds */

#endif
