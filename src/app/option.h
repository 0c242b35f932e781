/* A row of the table of options, as options.c has it. For the files that see it whole: options.c
 * (the table), given.c (what was given), help.c; all others ask by the functions of options.h. */
#ifndef POP3FS_OPTION_H
#define POP3FS_OPTION_H

#include "options.h"
#include "values.h"

typedef enum error option_parser(
    const struct option *row, const char *value, void *field, struct failure *why);

struct option {
	const char *name;
	option_parser *parse;
	size_t field; /* where the value goes, in struct options */
	const char
	    *fallback;     /* the default, as a user would write it; NULL: zero, or options_init */
	const char *help;  /* NULL: shown in one line with its neighbours */
	const char *value; /* what --help calls the value; NULL: a flag */
	struct range range;
	const char *const *choices;
	bool off;      /* a flag that sets false */
	bool optional; /* the value may be missing */
	char letter;   /* -f */
	enum { ANYWHERE, NOT_IN_FILES, COMMAND_LINE } place;
	enum { ALONE, SECRET, GUEST } group; /* whose rows are alternatives */
};

/* Puts the value into its field, whatever was given before. E_USAGE: it makes no sense. */
enum error option_parse(
    struct options *o, const struct option *row, const char *value, struct failure *why);

size_t option_index(const struct option *row);
bool option_is_flag(const struct option *row);   /* of ours, not the kernel's */
bool option_is_secret(const struct option *row); /* its value may hold one */

#endif
