#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "socks.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}
#define NAME_50   "a123456789b123456789c123456789d123456789e123456789"
#define NAME_255  NAME_50 NAME_50 NAME_50 NAME_50 NAME_50 "12345"
#define GREETING  "\5\1\0"
#define OFFER     "\5\2\0\2"
#define TO_NAME   "\5\1\0\3\11mail.test\3\343" /* port 995 */
#define TO_IPV4   "\5\1\0\1\300\0\2\7\0\156"   /* 192.0.2.7, port 110 */
#define TO_IPV6   "\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7\0\156"
#define LOGIN     "\1\2me\6secret"
#define CONNECTED "\5\0\0\1\0\0\0\0\0\0"

/* One talk with a proxy: what it says at each turn, what it must have been told by then. */
struct turn {
	struct slice told, says;
};

struct script {
	const char *host, *port, *user;
	struct turn turns[3];
	enum socks_result result;
	enum error code;
	const char *words;
};

static const struct script scripts[] = {
    {"mail.test", "995", NULL, {{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT(CONNECTED)}}},
    {"192.0.2.7", "110", NULL, {{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_IPV4), TEXT(CONNECTED)}}},
    {"2001:db8::7", "110", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_IPV6), TEXT(CONNECTED)}}},
    /* the proxy's own address may be of any kind */
    {"mail.test", "995", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT("\5\0\0\4"
							      "0123456789abcdef"
							      "\1\2")}}},
    {"mail.test", "995", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT("\5\0\0\3\5proxy\1\2")}}},
    {"mail.test", "995", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT("\5\0\0\3\0\1\2")}}},
    {"mail.test", "995", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT("\5\0\0\3\377" NAME_255 "\1\2")}}},
    /* a login is made where the proxy chooses it, and only there */
    {"mail.test", "995", "me", {{TEXT(OFFER), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT(CONNECTED)}}},
    {"mail.test", "995", "me",
	{{TEXT(OFFER), TEXT("\5\2")}, {TEXT(LOGIN), TEXT("\1\0")},
	    {TEXT(TO_NAME), TEXT(CONNECTED)}}},
    {"mail.test", "995", "me",
	{{TEXT(OFFER), TEXT("\5\2")}, {TEXT(LOGIN), TEXT("\5\0")},
	    {TEXT(TO_NAME), TEXT(CONNECTED)}}},
    {"mail.test", "995", "me", {{TEXT(OFFER), TEXT("\5\2")}, {TEXT(LOGIN), TEXT("\1\1")}},
	SOCKS_FAILED, E_CONFIG, "the proxy refused its user or password"},
    {"mail.test", "995", "me", {{TEXT(OFFER), TEXT("\5\377")}}, SOCKS_FAILED, E_CONFIG,
	"the proxy accepts no login by user and password"},
    {"mail.test", "995", NULL, {{TEXT(GREETING), TEXT("\5\377")}}, SOCKS_FAILED, E_CONFIG,
	"the proxy wants a login: proxy=socks5h://USER:PASSWORD@..."},
    {"mail.test", "995", NULL, {{TEXT(GREETING), TEXT("\5\2")}}, SOCKS_FAILED, E_CONFIG,
	"the proxy wants a login: proxy=socks5h://USER:PASSWORD@..."},
    {"mail.test", "995", "me", {{TEXT(OFFER), TEXT("\5\1")}}, SOCKS_FAILED, E_PROTOCOL,
	"the proxy chose a login that nobody offered (1)"},
    /* what is no SOCKS5 at all: SOCKS4, a web proxy, a POP3 server */
    {"mail.test", "995", NULL, {{TEXT(GREETING), TEXT("\0\133")}}, SOCKS_FAILED, E_PROTOCOL,
	"what answers as proxy does not speak SOCKS5"},
    {"mail.test", "995", NULL, {{TEXT(GREETING), TEXT("HT")}}, SOCKS_FAILED, E_PROTOCOL,
	"what answers as proxy does not speak SOCKS5"},
    {"mail.test", "995", NULL, {{TEXT(GREETING), TEXT("+O")}}, SOCKS_FAILED, E_PROTOCOL,
	"what answers as proxy does not speak SOCKS5"},
    {"mail.test", "995", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT("\4\0\0\1\0")}}, SOCKS_FAILED,
	E_PROTOCOL, "what answers as proxy does not speak SOCKS5"},
    {"mail.test", "995", NULL,
	{{TEXT(GREETING), TEXT("\5\0")}, {TEXT(TO_NAME), TEXT("\5\0\0\2\0")}}, SOCKS_FAILED,
	E_PROTOCOL, "the proxy's answer makes no sense (address of kind 2)"},
    /* a name that no octet can count */
    {"x" NAME_255, "995", NULL, {{TEXT(GREETING), TEXT("\5\0")}}, SOCKS_FAILED, E_NONAME,
	"the server's name is not one that a proxy could be told: x" NAME_255},
    {"", "995", NULL, {{TEXT(GREETING), TEXT("\5\0")}}, SOCKS_FAILED, E_NONAME,
	"the server's name is not one that a proxy could be told: "},
};

static void check_told(struct socks *s, struct slice want)
{
	struct slice out;

	/* octet by octet: the line takes what it likes */
	for (size_t i = 0; i < want.len; i++) {
		out = socks_output(s);
		assert_true(out.len == want.len - i);
		assert_int_equal(out.at[0], want.at[i]);
		socks_sent(s, 1);
	}
	assert_int_equal(socks_output(s).len, 0);
}

/* Brings the octets, never more than wanted, and the first time no more than `cut`. */
static enum socks_result bring(
    struct socks *s, struct slice octets, size_t cut, struct failure *why)
{
	enum socks_result result = SOCKS_MORE;

	while (result == SOCKS_MORE && octets.len > 0) {
		size_t len = socks_wants(s);

		assert_true(len > 0);
		len = len > octets.len ? octets.len : len;
		len = cut > 0 && len > cut ? cut : len;
		cut = len < cut ? cut - len : 0;
		result = socks_received(s, slice_make(octets.at, len), why);
		octets = slice_make(octets.at + len, octets.len - len);
	}
	if (result != SOCKS_FAILED)
		assert_int_equal(octets.len, 0);
	return result;
}

static void play(const struct script *c, size_t cut)
{
	struct socks *s =
	    socks_create(c->host, c->port, slice_of(c->user), slice_of(c->user ? "secret" : NULL));
	enum socks_result result = SOCKS_MORE;
	struct failure why = {0};

	for (size_t i = 0; i < 3 && c->turns[i].told.len > 0; i++) {
		assert_int_equal(result, SOCKS_MORE);
		check_told(s, c->turns[i].told);
		result = bring(s, c->turns[i].says, cut, &why);
	}
	assert_int_equal(why.code, c->code);
	assert_string_equal(why.words, c->words ? c->words : "");
	assert_int_equal(result, c->result == SOCKS_FAILED ? SOCKS_FAILED : SOCKS_DONE);
	if (result == SOCKS_DONE)
		assert_int_equal(socks_wants(s), 0); /* what follows is the server's */
	socks_free(s);
}

static void the_proxy_is_told_what_the_rfc_says_at_every_cut(void **state)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		const struct script *c = &scripts[i];
		size_t longest = 0;

		for (size_t t = 0; t < 3; t++)
			if (c->turns[t].says.len > longest)
				longest = c->turns[t].says.len;
		for (size_t cut = 0; cut <= longest; cut++)
			play(c, cut);
	}
}

static void every_refusal_has_its_own_sentence(void **state)
{
	static const struct {
		unsigned char reply;
		enum error code;
		const char *words;
	} cases[] = {
	    {1, E_CONNECT, "the proxy says of mail.test port 995: it cannot be connected"},
	    {2, E_CONNECT, "the proxy says of mail.test port 995: the proxy's rules forbid it"},
	    {3, E_NOROUTE, "the proxy says of mail.test port 995: network unreachable"},
	    {4, E_NOROUTE,
		"the proxy says of mail.test port 995: host unreachable, or its name not found"},
	    {5, E_CONNECT, "the proxy says of mail.test port 995: connection refused"},
	    {6, E_TIMEOUT, "the proxy says of mail.test port 995: no answer (TTL expired)"},
	    {7, E_CONNECT, "the proxy says of mail.test port 995: the proxy makes no connections"},
	    {8, E_NOROUTE,
		"the proxy says of mail.test port 995: the proxy cannot use such an address"},
	    {9, E_CONNECT, "the proxy says of mail.test port 995: refused (9)"},
	    {255, E_CONNECT, "the proxy says of mail.test port 995: refused (255)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t cut = 0; cut <= 10; cut++) {
			char reply[] = {5, (char)cases[i].reply, 0, 1, 0, 0, 0, 0, 0, 0};
			struct script c = {"mail.test", "995", NULL,
			    {{TEXT(GREETING), TEXT("\5\0")},
				{TEXT(TO_NAME), {reply, sizeof(reply)}}},
			    SOCKS_FAILED, cases[i].code, cases[i].words};

			play(&c, cut);
		}
}

static void a_refusal_need_not_be_whole(void **state)
{
	struct socks *s = socks_create("mail.test", "995", slice_of(NULL), slice_of(NULL));
	struct failure why = {0};

	assert_int_equal(socks_received(s, slice_make("\5\0", 2), &why), SOCKS_MORE);
	assert_int_equal(socks_received(s, slice_make("\5\5", 2), &why), SOCKS_FAILED);
	assert_int_equal(why.code, E_CONNECT);
	socks_free(s);
	socks_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_proxy_is_told_what_the_rfc_says_at_every_cut),
	    cmocka_unit_test(every_refusal_has_its_own_sentence),
	    cmocka_unit_test(a_refusal_need_not_be_whole),
	};

	return cmocka_run_group_tests_name("socks", tests, NULL, NULL);
}
