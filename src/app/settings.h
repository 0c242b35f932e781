/* What the configuration files say about an account: found, checked, and put behind what the
 * command line says. Of the same name in the user's file and in /etc the user's counts. From the
 * strongest to the weakest: the command line, the account's section, what the user's file says for
 * all, what /etc's does. */
#ifndef POP3FS_SETTINGS_H
#define POP3FS_SETTINGS_H

#include "options.h"

#define SETTINGS_SYSTEM "/etc/pop3fs.conf"
#define SETTINGS_USER   "pop3fs/config" /* in $XDG_CONFIG_HOME, or ~/.config */
#define SETTINGS_SOURCE "source"        /* the key that is no option */

struct settings {
	char *source; /* as account_parse takes it */
	char *where;  /* it is written: "FILE:LINE"; NULL: on the command line */
};

/* `word` is SOURCE of the command line: the name of a section, or a source by itself. Sets what
 * *o does not have yet. E_CONFIG: *why begins with file and line where it can; E_USAGE: there is no
 * such account. settings_finish frees. */
enum error settings_read(
    struct settings *s, struct options *o, const char *word, struct failure *why);
void settings_finish(struct settings *s);

/* Writes what is in force as a section of a configuration file, each line with where it comes from
 * as a comment before it; a proxy's password is blotted. `name` is the section's. */
void settings_print(const struct settings *s, const struct options *o, const char *name, FILE *to);

#endif
