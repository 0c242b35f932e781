/* socks.h: the octets are the proxy's. The same end however they are cut; never more is taken than
 * belongs to the proxy's answers; a failure says why. */
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "socks.h"
#include "fuzz.h"

#define LONGEST_TALK 1024 /* octets sent in all: a greeting, a login, a connect */

struct end {
	enum socks_result result;
	enum error code;
	size_t taken; /* of the proxy's octets */
	struct buf sent;
};

static void end_finish(struct end *e)
{
	buf_finish(&e->sent);
}

static void send_all(struct socks *s, struct buf *sent)
{
	buf_add_slice(sent, socks_output(s));
	socks_sent(s, socks_output(s).len);
	must(socks_output(s).len == 0);
}

static void talk(struct end *e, bool login, struct slice in, size_t octets)
{
	struct slice user = login ? slice_of("me") : (struct slice){0};
	struct slice password = login ? slice_of("sesame") : (struct slice){0};
	struct socks *s = socks_create("pop.example.org", "995", user, password);
	struct failure why = {.code = OK};
	struct slice piece;

	send_all(s, &e->sent);
	while (e->result == SOCKS_MORE) {
		size_t wants = socks_wants(s);

		must(wants > 0);
		if (!fuzz_piece(&in, wants < octets ? wants : octets, &piece))
			break;
		e->result = socks_received(s, piece, &why);
		e->taken += piece.len;
		send_all(s, &e->sent);
	}
	must((e->result == SOCKS_FAILED) == (why.code != OK));
	must(e->result != SOCKS_FAILED || why.words[0]);
	must(e->sent.len <= LONGEST_TALK);
	e->code = why.code;
	socks_free(s);
}

/* Octets of a proxy's answers that say yes: a method, a login's, an address (RFC 1928, 6). */
static size_t answers(struct slice in)
{
	size_t before = in.at[1] == 0 ? 2 : 4;

	must(in.len > before + 4);
	switch (in.at[before + 3]) {
	case 1:
		return before + 4 + 4 + 2;
	case 3:
		return before + 4 + 1 + (unsigned char)in.at[before + 4] + 2;
	default:
		return before + 4 + 16 + 2;
	}
}

static void cut(bool login, struct slice in)
{
	CLEANUP(end_finish) struct end whole = {.result = SOCKS_MORE};

	talk(&whole, login, in, in.len);
	must(whole.result != SOCKS_DONE || whole.taken == answers(in));
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		CLEANUP(end_finish) struct end e = {.result = SOCKS_MORE};

		talk(&e, login, in, fuzz_pieces[i]);
		must(e.result == whole.result && e.code == whole.code);
		must(e.result != SOCKS_DONE || e.taken == whole.taken);
		must(slice_equal(buf_slice(&e.sent), buf_slice(&whole.sent)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	cut(false, fuzz_slice(octets, len));
	cut(true, fuzz_slice(octets, len));
	return 0;
}
