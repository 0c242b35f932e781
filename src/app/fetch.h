/* pop3fs fetch MOUNTPOINT [NAME...]: brings messages into the cache. */
#ifndef POP3FS_FETCH_H
#define POP3FS_FETCH_H

#include "mounted.h"

/* All messages where no name is given; a path to a message will do for its name. Waits for the end,
 * which no interrupt of this command hastens: what was asked for goes on. On a terminal it shows
 * how far it has come. The exit status: 0, all is in the cache; 1, not all, and it is said what. */
int fetch_command(const struct mounted *m, char *const *names);

#endif
