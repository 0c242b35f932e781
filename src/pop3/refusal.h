/* What "-ERR" to the greeting or to a login means, by its response code. RFC 2449, 8; 3206. */
#ifndef POP3FS_REFUSAL_H
#define POP3FS_REFUSAL_H

#include "error.h"
#include "reply.h"

/* Fills *why: E_LOCKED, E_LATER or E_REFUSED where the code says that, else `otherwise`. The
 * sentence is `words`, or E_LOCKED's and E_LATER's own, with the server's behind them. */
void refusal_tell(const struct reply_status *status, enum error otherwise, const char *words,
    struct failure *why);

#endif
