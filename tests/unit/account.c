#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "account.h"
#include "alloc.h"
#include "mechanism.h"

static void a_source_says_who_where_and_how(void **state)
{
	static const struct {
		const char *source;
		enum option_tls option;
		const char *user, *host, *port;
		enum session_tls tls;
	} cases[] = {
	    {"me@host", 0, "me", "host", "995", SESSION_TLS_IMPLICIT},
	    {"me@example.org@pop.example.org", 0, "me@example.org", "pop.example.org", "995",
		SESSION_TLS_IMPLICIT},
	    {"pop3s://me@host", 0, "me", "host", "995", SESSION_TLS_IMPLICIT},
	    {"pops://me@host", 0, "me", "host", "995", SESSION_TLS_IMPLICIT},
	    {"pop://me@host", 0, "me", "host", "110", SESSION_TLS_STARTTLS},
	    {"pop://me@host:1110", OPTION_TLS_OFF, "me", "host", "1110", SESSION_TLS_OFF},
	    {"pop3s://me@host/", 0, "me", "host", "995", SESSION_TLS_IMPLICIT},
	    {"pop3s://me/you@host:995/", 0, "me/you", "host", "995", SESSION_TLS_IMPLICIT},
	    {"pop://me@[::1]/", 0, "me", "::1", "110", SESSION_TLS_STARTTLS},
	    {"pop://me;AUTH=PLAIN@host", 0, "me", "host", "110", SESSION_TLS_STARTTLS},
	    {"pop3s://me;x@host", 0, "me;x", "host", "995", SESSION_TLS_IMPLICIT},
	    {"me;AUTH=PLAIN@host", 0, "me;AUTH=PLAIN", "host", "995", SESSION_TLS_IMPLICIT},
	    {"pop3s://me%3BAUTH=PLAIN@host", 0, "me;AUTH=PLAIN", "host", "995",
		SESSION_TLS_IMPLICIT},
	    {"POP3S://me@HOST.Example.ORG", 0, "me", "host.example.org", "995",
		SESSION_TLS_IMPLICIT},
	    {"pop3://me@host", 0, "me", "host", "110", SESSION_TLS_STARTTLS},
	    {"pop3://me@host", OPTION_TLS_OFF, "me", "host", "110", SESSION_TLS_OFF},
	    {"pop3://me@host:2110", OPTION_TLS_STARTTLS, "me", "host", "2110",
		SESSION_TLS_STARTTLS},
	    {"pop3s://me@host:9995", OPTION_TLS_IMPLICIT, "me", "host", "9995",
		SESSION_TLS_IMPLICIT},
	    {"me@host", OPTION_TLS_STARTTLS, "me", "host", "110", SESSION_TLS_STARTTLS},
	    {"me@host", OPTION_TLS_OFF, "me", "host", "110", SESSION_TLS_OFF},
	    {"me@host:1", 0, "me", "host", "1", SESSION_TLS_IMPLICIT},
	    {"me@host:65535", 0, "me", "host", "65535", SESSION_TLS_IMPLICIT},
	    {"me@host:0995", 0, "me", "host", "995", SESSION_TLS_IMPLICIT},
	    {"me@127.0.0.1:995", 0, "me", "127.0.0.1", "995", SESSION_TLS_IMPLICIT},
	    {"me@[::1]", 0, "me", "::1", "995", SESSION_TLS_IMPLICIT},
	    {"pop3://me@[2001:DB8::1]:110", 0, "me", "2001:db8::1", "110", SESSION_TLS_STARTTLS},
	    {"me%40example.org@host", 0, "me@example.org", "host", "995", SESSION_TLS_IMPLICIT},
	    {"a%3Ab%2f%25%20@host", 0, "a:b/% ", "host", "995", SESSION_TLS_IMPLICIT},
	    {"m\xc3\xbcller@host", 0, "m\xc3\xbcller", "host", "995", SESSION_TLS_IMPLICIT},
	    {"m%C3%BCller@host", 0, "m\xc3\xbcller", "host", "995", SESSION_TLS_IMPLICIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account a;
		struct failure why = {.code = OK};

		assert_int_equal(account_parse(&a, cases[i].source, cases[i].option, &why), OK);
		assert_string_equal(a.source, cases[i].source);
		assert_string_equal(a.user, cases[i].user);
		assert_string_equal(a.host, cases[i].host);
		assert_string_equal(a.port, cases[i].port);
		assert_int_equal(a.tls, cases[i].tls);
		account_finish(&a);
	}
}

static void a_bad_source_is_refused_in_a_sentence(void **state)
{
	static const struct {
		const char *source;
		enum option_tls option;
		const char *has; /* of the sentence */
	} cases[] = {
	    {"", 0, "names no user"},
	    {"host", 0, "names no user"},
	    {"status", 0, "names no user"},
	    {"@host", 0, "names no user"},
	    {"pop3s://host", 0, "names no user"},
	    {"pop3s://@host", 0, "names no user"},
	    {"imap://me@host", 0, "begins with pop3s://"},
	    {"pop3s://;AUTH=PLAIN@host", 0, "names no user"},
	    {"pop3s://me;AUTH=@host", 0, "names no mechanism"},
	    {"pop3s://me;AUTH=+@host", 0, "names no mechanism"},
	    {"pop3s://me;AUTH=A B@host", 0, "names no mechanism"},
	    {"pop3s://me;AUTH=PL\x01IN@host", 0, "names no mechanism"},
	    {"pop3s://me;AUTH=ABCDEFGHIJKLMNOPQRSTU@host", 0, "names no mechanism"},
	    {"pop3s://me@host//", 0, "no path"},
	    {"pop3s://me@host/INBOX", 0, "no path"},
	    {"pop3s://me@host:995/x", 0, "no path"},
	    {"pop3s://me@/", 0, "names no host"},
	    {"me@[fe80::1%25eth0]", 0, "no IPv6 address"},
	    {"me@[fe80::1%eth0]", 0, "no IPv6 address"},
	    {"me@h%6Fst", 0, "no host name"},
	    {"://me@host", 0, "begins with pop3s://"},
	    {"me@", 0, "names no host"},
	    {"me@:995", 0, "names no host"},
	    {"me@host:", 0, "no port behind it"},
	    {"me@host:0", 0, "port"},
	    {"me@host:65536", 0, "port"},
	    {"me@host:99999999999999999999", 0, "port"},
	    {"me@host:-1", 0, "port"},
	    {"me@host:pop3", 0, "port"},
	    {"me@host:995/", 0, "port"},
	    {"me@::1", 0, "IPv6"},
	    {"me@fe80::1:995", 0, "IPv6"},
	    {"me@[::1", 0, "without its ]"},
	    {"me@[]", 0, "names no host"},
	    {"me@[host]", 0, "no IPv6 address"},
	    {"me@[127.0.0.1]", 0, "no IPv6 address"},
	    {"me@[::1]995", 0, "behind the ]"},
	    {"me@host/", 0, "no host name"},
	    {"me@ho st", 0, "no host name"},
	    {"me@-host", 0, "no host name"},
	    {"me@h\xc3\xb6st", 0, "no host name"},
	    {"me@host\n", 0, "no host name"},
	    {"me%@host", 0, "write it %25"},
	    {"me%4@host", 0, "%25"},
	    {"me%zz@host", 0, "%25"},
	    {"me%0d%0aDELE 1@host", 0, "control character"},
	    {"me%00@host", 0, "control character"},
	    {"me\r@host", 0, "control character"},
	    {"me%7F@host", 0, "control character"},
	    {"pop3s://me@host", OPTION_TLS_OFF, "contrary"},
	    {"pop3s://me@host", OPTION_TLS_STARTTLS, "contrary"},
	    {"pop3://me@host", OPTION_TLS_IMPLICIT, "contrary"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account a = {.source = NULL};
		struct failure why = {.code = OK};

		assert_int_equal(
		    account_parse(&a, cases[i].source, cases[i].option, &why), E_USAGE);
		assert_non_null(strstr(why.words, cases[i].has));
		assert_null(a.source);
	}
}

static void a_password_in_a_source_is_refused_and_not_repeated(void **state)
{
	static const char *const cases[] = {
	    "me:hunter2@host",
	    "pop3s://me:hunter2@host",
	    "pop3s://me:hunter2@host:0",
	    "pop3s://me:hunter2@[x",
	    "pop3s://me@example.org:hunter2@host",
	    "pop3s://me:hunter2",
	    "imap://me:hunter2@host",
	    "pop3s://me:hunt%0der2@host",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account a;
		struct failure why = {.code = OK};

		assert_int_equal(account_parse(&a, cases[i], 0, &why), E_USAGE);
		assert_null(strstr(why.words, "hunt"));
	}
}

static void a_source_may_name_its_mechanism(void **state)
{
	static const struct {
		const char *source, *auth;
	} cases[] = {
	    {"pop3s://me@host", NULL},
	    {"me;AUTH=PLAIN@host", NULL},
	    {"pop://me;AUTH=SCRAM-SHA-256@host", "SCRAM-SHA-256"},
	    {"pop3s://me;auth=xoauth2@host:995", "XOAUTH2"},
	    {"pops://me@example.org;AUTH=*@host", "*"},
	    {"pop://me;AUTH=+APOP@host", "+APOP"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account a;

		assert_int_equal(account_parse(&a, cases[i].source, 0, NULL), OK);
		assert_int_equal(a.auth != NULL, cases[i].auth != NULL);
		if (a.auth)
			assert_string_equal(a.auth, cases[i].auth);
		account_finish(&a);
	}
}

static void the_mechanism_is_the_option_s_too(void **state)
{
	static const struct {
		const char *source;
		unsigned option, want;
		const char *has; /* of the sentence */
	} cases[] = {
	    {"pop://me@host", MECHANISM_AUTO, MECHANISM_AUTO, NULL},
	    {"pop://me@host", MECHANISM_PLAIN, MECHANISM_PLAIN, NULL},
	    {"pop://me;AUTH=plain@host", MECHANISM_AUTO, MECHANISM_PLAIN, NULL},
	    {"pop://me;AUTH=PLAIN@host", MECHANISM_PLAIN, MECHANISM_PLAIN, NULL},
	    {"pop://me;AUTH=*@host", MECHANISM_PLAIN, MECHANISM_PLAIN, NULL},
	    {"pop://me;AUTH=+APOP@host", MECHANISM_AUTO, MECHANISM_APOP, NULL},
	    {"pop://me;AUTH=PLAIN@host", MECHANISM_APOP, MECHANISM_APOP, "the contrary"},
	    {"pop://me;AUTH=NTLM@host", MECHANISM_AUTO, MECHANISM_AUTO, "no mechanism"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o = {.auth = cases[i].option};
		struct account a;
		struct failure why = {.code = OK};

		assert_int_equal(account_parse(&a, cases[i].source, 0, NULL), OK);
		assert_int_equal(account_auth(&a, &o, &why), cases[i].has ? E_USAGE : OK);
		assert_int_equal(o.auth, cases[i].want);
		if (cases[i].has)
			assert_non_null(strstr(why.words, cases[i].has));
		account_finish(&a);
	}
}

static void a_user_fits_into_a_command(void **state)
{
	CLEANUP(freep) char *source = xmalloc(300);
	struct account a;

	memset(source, 'u', 300);
	strcpy(source + 248, "@host");
	assert_int_equal(account_parse(&a, source, 0, NULL), OK);
	account_finish(&a);
	memset(source, 'u', 300);
	strcpy(source + 249, "@host");
	assert_int_equal(account_parse(&a, source, 0, NULL), E_USAGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_source_says_who_where_and_how),
	    cmocka_unit_test(a_bad_source_is_refused_in_a_sentence),
	    cmocka_unit_test(a_password_in_a_source_is_refused_and_not_repeated),
	    cmocka_unit_test(a_source_may_name_its_mechanism),
	    cmocka_unit_test(the_mechanism_is_the_option_s_too),
	    cmocka_unit_test(a_user_fits_into_a_command),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
