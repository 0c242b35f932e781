/* The secret that logs in, from the first source that is configured, whose failure is final:
 * oauth_command (a bearer token), password_command, password_file, password_stdin, a credential of
 * systemd's (systemd.exec(5), LoadCredential=), netrc, else the terminal. */
#ifndef POP3FS_CREDENTIALS_H
#define POP3FS_CREDENTIALS_H

#include "account.h"
#include "options.h"
#include "secret.h"

#define LONGEST_SECRET 8192 /* octets; tokens have hundreds, some thousands */

/* The credential's name in $CREDENTIALS_DIRECTORY. */
#define CREDENTIAL_NAME "pop3fs-password"

struct credentials_source;

struct credentials {
	const struct credentials_source *source; /* a row of the table in credentials.c */
	char *const *command;
	char *path; /* its own: of a file */
	const char *host, *user, *words;
};

/* Which source it is; nothing is read yet. What *c points to is the options' and the account's,
 * but for what credentials_finish frees. */
void credentials_choose(struct credentials *c, const struct options *o, const struct account *a);
void credentials_finish(struct credentials *c);

/* Whether it is a token, which is asked for anew before each login and never kept; and whether the
 * source can be asked again later, without a terminal or standard input. */
bool credentials_is_token(const struct credentials *c);
bool credentials_can_ask_again(const struct credentials *c);

/* *out is the caller's, for secret_free, and NULL where none is needed (auth=EXTERNAL); every other
 * copy is wiped. May wait for a person, and runs
 * commands, which end when `leash` hangs up (run.h; -1: none). E_SECRET: *why says what to do. */
enum error credentials_ask(
    struct secret **out, const struct credentials *c, int leash, struct failure *why);

/* The first line of what a file, command or person gave, as a secret. `name` is what sentences call
 * the source, `what` what it should have given. E_SECRET: empty, too long, or with control
 * characters, which POP3 cannot carry. */
enum error secret_from_text(struct secret **out, const char *name, const char *what,
    struct slice text, struct failure *why);

#endif
