#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
	int number;
	const char *name, *words;
} errors[] = {[OK] = {0, "OK", "no error"},
#define ROW(code, number, words) [code] = {number, #code, words},
    ERRORS(ROW)
#undef ROW
};

enum error failed(struct failure *why, enum error code, const char *format, ...)
{
	if (why) {
		char words[sizeof(why->words)];
		va_list args;

		/* by way of a copy, because an argument may be the old sentence */
		va_start(args, format);
		vsnprintf(words, sizeof(words), format, args);
		va_end(args);
		why->code = code;
		snprintf(why->words, sizeof(why->words), "%s", words);
	}
	return code;
}

int error_errno(enum error code)
{
	return errors[code].number;
}

const char *error_words(enum error code)
{
	return errors[code].words;
}

const char *error_name(enum error code)
{
	return errors[code].name;
}
