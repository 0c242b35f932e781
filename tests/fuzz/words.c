/* words.h: the words of a command, written again in quotes, are the same words. */
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "words.h"
#include "fuzz.h"

static void add_quoted(struct buf *b, const char *word)
{
	buf_add_text(b, "'");
	for (; *word; word++) {
		if (*word == '\'')
			buf_add_text(b, "'\\''");
		else
			buf_add(b, word, 1);
	}
	buf_add_text(b, "' ");
}

static void written_again(char **words)
{
	CLEANUP(buf_finish) struct buf b = {0};
	size_t count = 0;
	char **again;

	for (; words[count]; count++)
		add_quoted(&b, words[count]);
	must(count > 0);
	again = words_split("NAME", buf_text(&b), NULL);
	must(again != NULL);
	for (size_t i = 0; i < count; i++)
		must(again[i] && strcmp(again[i], words[i]) == 0);
	must(!again[count]);
	words_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(freep) char *command = xstrndup((const char *)octets, len);
	struct failure why = {.code = OK};
	char **words = words_split("NAME", command, &why);

	must(words || (why.code == E_USAGE && strncmp(why.words, "NAME ", 5) == 0));
	if (words)
		written_again(words);
	words_free(words);
	return 0;
}
