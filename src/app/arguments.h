/* The command line: letters, --long, -o lists, and the words that are left. */
#ifndef POP3FS_ARGUMENTS_H
#define POP3FS_ARGUMENTS_H

#include "options.h"

#define ARGUMENTS_MOST_WORDS 64

struct arguments {
	size_t count;
	const char *words[ARGUMENTS_MOST_WORDS]; /* SOURCE and MOUNTPOINT; they point into argv */
};

/* Options may stand before, between and behind the words; "--" ends them. After -h or -V nothing
 * more is looked at. E_USAGE: *why. */
enum error arguments_parse(
    struct arguments *a, struct options *o, int argc, char *const *argv, struct failure *why);

#endif
