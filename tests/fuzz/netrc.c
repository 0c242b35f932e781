/* netrc.h: the same password however the file is read, and one that stands in it; a failure names
 * no word of the file. */
#include <string.h>

#include "alloc.h"
#include "netrc.h"
#include "fuzz.h"

#define HOST "h"
#define USER "u"

/* What stands in a sentence instead of the number of a line. */
static void without_number(struct buf *to, const char *words)
{
	for (; *words; words++)
		if (*words < '0' || *words > '9')
			buf_add(to, words, 1);
}

static void is_ours(const char *words)
{
	static const char *const sentences[] = {
	    "line  has a word that is none of machine, default, login, password, account and "
	    "macdef",
	    "line  has a word that does not end",
	    "line  has a quote that does not end",
	    "line  ends behind a word that wants another",
	    "there is no password of " USER " on " HOST,
	};
	CLEANUP(buf_finish) struct buf said = {0};
	bool found = false;

	without_number(&said, words);
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		found = found || slice_is(buf_slice(&said), sentences[i]);
	must(found);
}

static enum error look_up(struct slice in, size_t octets, struct buf *password)
{
	struct failure why = {.code = OK};
	struct slice piece;
	struct netrc n;
	enum error e;

	netrc_init(&n, HOST, USER);
	while (fuzz_piece(&in, octets, &piece))
		netrc_feed(&n, piece);
	e = netrc_end(&n, password, &why);
	netrc_finish(&n);
	must(e == why.code && (e == OK || e == E_SECRET));
	must(!e || password->len == 0);
	if (e)
		is_ours(why.words);
	return e;
}

/* The first entry counts, whatever comes behind it. */
static void behind_ours(struct slice in)
{
	CLEANUP(buf_finish) struct buf file = {0}, password = {0};

	buf_add_text(&file, "machine " HOST " login " USER " password p machine x ");
	buf_add_slice(&file, in);
	must(look_up(buf_slice(&file), file.len, &password) == OK);
	must(slice_is(buf_slice(&password), "p"));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(buf_finish) struct buf whole = {0};
	struct slice in = fuzz_slice(octets, len);
	enum error e = look_up(in, len, &whole);

	must(whole.len <= len);
	behind_ours(in);
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(buf_finish) struct buf password = {0};

		must(look_up(in, fuzz_pieces[i], &password) == e);
		must(slice_equal(buf_slice(&password), buf_slice(&whole)));
	}
	return 0;
}
