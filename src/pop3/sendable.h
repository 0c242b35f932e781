/* Can user and secret be sent at all? Asked before anything is: no mechanism could carry what
 * is empty, too long, or holds a control character (RFC 1939, 3). */
#ifndef POP3FS_SENDABLE_H
#define POP3FS_SENDABLE_H

#include "login.h"

/* E_CONFIG: no. EXTERNAL, where it is asked for, needs no secret. */
enum error sendable_check(const struct login_plan *plan, struct failure *why);

/* The secret is a bearer token: it was said to be one, or auth= takes nothing else. */
bool sendable_is_token(const struct login_plan *plan);

#endif
