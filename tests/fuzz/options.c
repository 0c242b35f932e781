/* options.h, arguments.h: lines are words of a command line, and all of it is what stands behind
 * one -o. A failure says why; what was given is known, and can be given again. */
#include <string.h>

#include "alloc.h"
#include "arguments.h"
#include "fuzz.h"

#define MOST_WORDS 100

/* All that was given, as one more list: it must be taken. */
static void given_again(const struct options *o)
{
	struct options again;
	const struct option *row;

	options_init(&again);
	for (size_t i = 0; (row = option_at(i)); i++) {
		const struct option_origin *origin;

		if (!option_given(o, row))
			continue;
		origin = option_origin(o, row);
		must(origin != NULL && !origin->where);
		if (option_takes_value(row) && origin->text)
			must(option_set(&again, row, origin->text, NULL) == OK);
	}
	options_finish(&again);
}

static void judge(struct options *o, enum error e, const struct failure *why)
{
	must(e == why->code && (!e || (e == E_USAGE && why->words[0])));
	if (!e)
		given_again(o);
	if (!e)
		options_check(o, NULL);
	options_finish(o);
}

static void list(const char *text)
{
	struct options o;
	struct failure why = {.code = OK};

	options_init(&o);
	judge(&o, arguments_list(&o, text, NULL, &why), &why);
}

static void line(char **argv, int argc)
{
	struct arguments a;
	struct options o;
	struct failure why = {.code = OK};
	enum error e;

	options_init(&o);
	e = arguments_parse(&a, &o, argc, argv, &why);
	must(e || a.count <= ARGUMENTS_MOST_WORDS);
	for (size_t i = 0; i < a.count; i++)
		must(a.words[i] != NULL);
	judge(&o, e, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(freep) char *text = xstrndup((const char *)octets, len);
	char *argv[MOST_WORDS + 1] = {(char[]){"pop3fs"}}, *rest = text, *word;
	int argc = 1;

	list(text);
	while (argc < MOST_WORDS && (word = strsep(&rest, "\n")))
		argv[argc++] = word;
	line(argv, argc);
	return 0;
}
