/* pop3fs VERB MOUNTPOINT [NAME...]: the verbs, as commands. */
#ifndef POP3FS_COMMANDS_H
#define POP3FS_COMMANDS_H

#include <stdbool.h>

/* Whether this word, where it comes first on the command line, is a verb. */
bool command_is(const char *word);

/* Does it; argv[0] is the verb, argv[argc] NULL. Returns the exit status: 0 done, 1 not, with one
 * line on standard error. A signal ends the wait, while what was asked for goes on. */
int command_run(int argc, char **argv);

#endif
