/* A command as a shell would cut it into words, and no more of a shell than that: quotes and
 * backslashes, no variables, no globs, no pipes. */
#ifndef POP3FS_WORDS_H
#define POP3FS_WORDS_H

#include "error.h"

/* A row of words for execvp, ended by NULL; malloc'd, for words_free. NULL: *why (E_USAGE) begins
 * with `name`. What only a shell could do (|, $x, ~, ...) is refused, not passed on as it stands.
 */
char **words_split(const char *name, const char *command, struct failure *why);
void words_free(char **words); /* NULL is fine */

#endif
