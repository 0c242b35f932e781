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

/* What follows one -o: "a=b,c". A comma within a value is written "\,", a backslash "\\"; empty
 * items are nothing. What `skip` says yes to is passed over, whatever its value; NULL: nothing is.
 * E_USAGE: *why. */
enum error arguments_list(
    struct options *o, const char *list, bool (*skip)(struct slice name), struct failure *why);

/* One more of the words. E_USAGE: there is no room. */
enum error arguments_word(struct arguments *a, const char *word, struct failure *why);

#endif
