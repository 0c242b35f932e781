/* pop3fs VERB MOUNTPOINT [NAME...]: the verbs, as commands. */
#ifndef POP3FS_COMMANDS_H
#define POP3FS_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "slice.h"

struct mounted;
struct verb_status;

/* Whether this word, where it comes first on the command line, is a verb. */
bool command_is(const char *word);

/* Does it; argv[0] is the verb, argv[argc] NULL. Returns the exit status: 0 done, 1 not, with one
 * line on standard error. A signal ends the wait, while what was asked for goes on. "--help" as its
 * first word shows what it does. */
int command_run(int argc, char **argv);

/* A line for each verb, "pop3fs VERB ...", indented by as much; completion reads them. */
void commands_usage(FILE *to, int indent);

/* ---- for those that take their words themselves ---- */

/* Says, on standard error, how the verb is written. */
void command_misused(const char *verb);

/* Takes --json; `others` words must be beside it, the first being argv[optind]. false: said that it
 * is something else. */
bool command_words(int argc, char **argv, int others, bool *json);

/* What a mount's .pop3fs/status says now, within `ms` milliseconds; the text points into *answer.
 * Errors of asking_ioctl. */
enum error command_ask_status(
    const struct mounted *m, struct verb_status *answer, int64_t ms, struct failure *why);
struct slice command_status_text(const struct verb_status *answer);

#endif
