/* What the answer to a commit (ioctls.h) means to people. */
#ifndef POP3FS_VERDICT_H
#define POP3FS_VERDICT_H

#include "error.h"
#include "ioctls.h"

/* OK: every deletion that waited has taken effect, as far as the server says. Else *why says how
 * many have not, and the reason. */
enum error verdict(const struct verb_commit *answer, struct failure *why);

#endif
