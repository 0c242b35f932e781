/* The password, from the first source that is configured, whose failure is final: password_command,
 * password_file, else the terminal. Called before the fork, while there is a terminal. */
#ifndef POP3FS_CREDENTIALS_H
#define POP3FS_CREDENTIALS_H

#include "account.h"
#include "companion.h"
#include "options.h"
#include "secret.h"

/* *out is the caller's, for secret_free; every other copy is wiped. May wait for a person.
 * E_SECRET: *why says what to do. */
enum error credentials_get(struct secret **out, const struct options *o, const struct account *a,
    struct companion *c, struct failure *why);

/* The first line of what a file, command or person gave, as a secret. `name` is what sentences call
 * the source. E_SECRET: empty, or with control characters, which POP3 cannot carry. */
enum error secret_from_text(
    struct secret **out, const char *name, struct slice text, struct failure *why);

#endif
