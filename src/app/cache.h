/* Where an account's database is: the directory is found, made and looked at; the file is named
 * after the account. */
#ifndef POP3FS_CACHE_H
#define POP3FS_CACHE_H

#include "account.h"
#include "error.h"

struct cache {
	char *directory; /* absolute, without links */
	char *database;  /* DIRECTORY/USER@HOST:PORT.db, absolute */
	char *lock;      /* the same with .lock */
};

/* The directory is the first of: `given` (absolute; NULL: not given), $CACHE_DIRECTORY (systemd's),
 * for root /var/cache/pop3fs, $XDG_CACHE_HOME/pop3fs, ~/.cache/pop3fs. What is missing is made,
 * 0700. It must be ours and nobody else's to write in, and
 * those above it ours or root's: E_CONFIG. E_SYSTEM: it cannot be made. */
enum error cache_find(
    struct cache *c, const char *given, const struct account *a, struct failure *why);
void cache_finish(struct cache *c);

/* The database's name, less its ".db": an own escape, so that two accounts never share a file.
 * malloc'd. */
char *cache_name(const struct account *a);

#endif
