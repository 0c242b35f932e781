/* sasl.h, oauth.h, apop.h, base64.h: the first octet chooses the mechanism, each line behind it is
 * a challenge. Responses are base64 without line ends; base64 is undone to what it was made of; a
 * timestamp is within the greeting and can carry nothing else. */
#include <string.h>

#include "alloc.h"
#include "apop.h"
#include "base64.h"
#include "oauth.h"
#include "sasl.h"
#include "fuzz.h"

static const enum mechanism ways[] = {
    MECHANISM_PLAIN,
    MECHANISM_OAUTHBEARER,
    MECHANISM_XOAUTH2,
#ifdef POP3FS_GSASL
    MECHANISM_LOGIN,
    MECHANISM_CRAM_MD5,
    MECHANISM_SCRAM_SHA_1,
    MECHANISM_SCRAM_SHA_256,
    MECHANISM_SCRAM_SHA_256_PLUS,
    MECHANISM_EXTERNAL,
#endif
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void exchange(const struct sasl_plan *plan, struct slice server)
{
	struct sasl *s = NULL;
	struct slice challenge = {"", 0};
	enum error e;

	must(sasl_create(&s, plan, NULL) == OK);
	do {
		CLEANUP(buf_finish) struct buf response = {0}, octets = {0};
		struct failure why = {.code = OK};

		e = sasl_step(s, challenge, &response, &why);
		must(e == why.code);
		must(e == OK || response.len == 0);
		must(base64_undo(&octets, buf_slice(&response)));
	} while (!e && fuzz_line(&server, &challenge));
	sasl_free(s);
}

static void base64(struct slice text)
{
	CLEANUP(buf_finish) struct buf there = {0}, back = {0}, octets = {0}, again = {0};

	base64_add(&there, text);
	must(base64_undo(&back, buf_slice(&there)));
	must(slice_equal(buf_slice(&back), text));
	if (!base64_undo(&octets, text)) {
		must(octets.len == 0);
		return;
	}
	base64_add(&again, buf_slice(&octets));
	must(slice_equal(buf_slice(&again), text));
}

static void timestamp(struct slice greeting)
{
	struct slice s = apop_timestamp(greeting);

	must(fuzz_is_within(s, greeting));
	if (s.len == 0)
		return;
	must(s.len >= 5 && s.at[0] == '<' && s.at[s.len - 1] == '>');
	must(memchr(s.at, '@', s.len) != NULL);
	for (size_t i = 0; i < s.len; i++)
		must(s.at[i] > ' ' && s.at[i] < 0x7F);
}

static void refusal(struct slice json)
{
	CLEANUP(buf_finish) struct buf words = {0};

	oauth_add_refusal(&words, json);
	must(words.len <= 2 * json.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct sasl_plan plan = {
	    .user = "me",
	    .secret = slice_of("sesame"),
	    .host = "pop.example.org",
	    .port = "995",
	    .binding = slice_of("0123456789abcdef0123456789abcdef"),
	};
	struct slice text;

	if (len == 0)
		return 0;
	plan.mechanism = ways[octets[0] % WAYS];
	text = fuzz_slice(octets + 1, len - 1);
	exchange(&plan, text);
	base64(text);
	timestamp(text);
	refusal(text);
	return 0;
}
