#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "certificates.h"
#include "link.h"
#include "peer.h"
#include "pin.h"
#include "tls.h"

#define A_DAY 86400L

enum shown {
	GOOD,
	SELF_SIGNED,
	STRANGE,
	EXPIRED,
	EARLY,
	EXPIRED_ABOVE,
	MANY,
	NO_NAMES,
	PARTLY_WILD,
	OLD_SELF_SIGNED,
	CLIENT,
	SHOWN
};

static struct certificate authority, stranger, old_authority, shown[SHOWN];
static char directory[] = "/tmp/pop3fs-tls-XXXXXX";
/* Files: the authority, SELF_SIGNED itself, no certificate; CLIENT, with its key, and that alone.
 */
static char *ca, *own, *broken, *client, *both, *key;

static char *in_directory(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static int set_up(void **state)
{
	static const struct certificate_plan plans[SHOWN] = {
	    [GOOD] = {"good", "DNS:mail.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1", &authority},
	    [SELF_SIGNED] = {"self", "DNS:mail.test"},
	    [STRANGE] = {"strange", "DNS:mail.test", &stranger},
	    [EXPIRED] = {"expired", "DNS:mail.test", &authority, false, -9 * A_DAY, -2 * A_DAY},
	    [EARLY] = {"early", "DNS:mail.test", &authority, false, 2 * A_DAY, 9 * A_DAY},
	    [EXPIRED_ABOVE] = {"above", "DNS:mail.test", &old_authority},
	    [MANY] = {"many", "DNS:a.test,DNS:b.test,DNS:c.test,DNS:d.test,DNS:e.test", &authority},
	    [NO_NAMES] = {"imap.test", NULL, &authority},
	    [OLD_SELF_SIGNED] = {"old", "DNS:mail.test", NULL, false, -9 * A_DAY, -2 * A_DAY},
	    [PARTLY_WILD] = {"wild", "DNS:a*.part.test,DNS:*", &authority},
	    [CLIENT] = {"me", NULL, &authority},
	};
	FILE *f;

	authority = certificate_make(&(struct certificate_plan){"authority", .authority = true});
	stranger = certificate_make(&(struct certificate_plan){"stranger", .authority = true});
	old_authority = certificate_make(
	    &(struct certificate_plan){"old authority", NULL, NULL, true, -9 * A_DAY, -2 * A_DAY});
	for (size_t i = 0; i < SHOWN; i++)
		shown[i] = certificate_make(&plans[i]);
	assert_non_null(mkdtemp(directory));
	ca = in_directory("ca.pem");
	own = in_directory("own.pem");
	broken = in_directory("broken.pem");
	certificate_write(&authority, ca);
	certificate_write(&shown[SELF_SIGNED], own);
	client = in_directory("client.pem");
	both = in_directory("both.pem");
	key = in_directory("key.pem");
	certificate_write(&shown[CLIENT], client);
	certificate_write_key(&shown[CLIENT], key);
	certificate_write(&shown[CLIENT], both);
	certificate_write_key(&shown[CLIENT], both);
	f = fopen(broken, "w");
	assert_non_null(f);
	fputs("nothing of the kind\n", f);
	fclose(f);
	return 0;
}

static int tear_down(void **state)
{
	char *const files[] = {ca, own, broken, client, both, key};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		unlink(files[i]);
		free(files[i]);
	}
	rmdir(directory);
	for (size_t i = 0; i < SHOWN; i++)
		certificate_finish(&shown[i]);
	certificate_finish(&authority);
	certificate_finish(&stranger);
	certificate_finish(&old_authority);
	return 0;
}

/* What the server does, and what it saw. */
struct server {
	SSL_CTX *context; /* NULL: greets in the clear */
	bool resumed;
	bool knows_client; /* and who it is */
	char named[64], protocol[16];
};

static void greet_in_the_clear(int fd)
{
	char octets[512];

	(void)!write(fd, "+OK ready\r\n", 11);
	while (read(fd, octets, sizeof(octets)) > 0)
		;
}

static void greet(SSL *ssl, struct server *s)
{
	const char *named = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const unsigned char *protocol;
	unsigned len;
	char octet;

	s->resumed = SSL_session_reused(ssl);
	s->knows_client = SSL_get0_peer_certificate(ssl) != NULL;
	snprintf(s->named, sizeof(s->named), "%s", named ? named : "");
	SSL_get0_alpn_selected(ssl, &protocol, &len);
	snprintf(s->protocol, sizeof(s->protocol), "%.*s", (int)len, (const char *)protocol);
	SSL_write(ssl, "+OK ready\r\n", 11);
	while (SSL_read(ssl, &octet, 1) > 0)
		;
	SSL_shutdown(ssl);
}

static void serve(int fd, void *data)
{
	struct server *s = data;

	if (s->context) {
		SSL *ssl = SSL_new(s->context);

		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			greet(ssl, s);
		SSL_free(ssl);
	} else {
		greet_in_the_clear(fd);
	}
	close(fd);
}

static int choose_pop3(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *data)
{
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, outlen, (const unsigned char *)"\4pop3", 5, in, inlen) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void wait_for(const struct link *l)
{
	struct pollfd p = {.fd = link_fd(l), .events = link_events(l, true, false)};

	assert_int_equal(poll(&p, 1, -1), 1);
}

/* Handshake, greeting, goodbye. */
static enum link_result talk(struct link *l, struct failure *why)
{
	enum link_result result;
	char greeting[64];
	size_t octets;

	while ((result = link_handshake(l, why)) == LINK_WAIT)
		wait_for(l);
	if (result != LINK_DONE)
		return result;
	while ((result = link_read(l, greeting, sizeof(greeting), &octets, why)) == LINK_WAIT)
		wait_for(l);
	if (result == LINK_BROKEN) /* by an alert that comes behind the handshake */
		return result;
	assert_int_equal(result, LINK_DONE);
	assert_memory_equal(greeting, "+OK ready\r\n", octets);
	link_say_goodbye(l);
	return result;
}

static enum error visit(struct tls *t, struct server *s, const char *host, struct failure *why)
{
	struct peer p;
	struct link *l = link_create(peer_start(&p, serve, s));
	enum link_result result;

	assert_int_equal(link_start_tls(l, t, host, why), OK);
	result = talk(l, why);
	link_free(l);
	peer_finish(&p);
	return result == LINK_DONE ? OK : why->code;
}

static struct tls *trusting(const char *file)
{
	struct tls *t = NULL;
	struct failure why = {0};

	assert_int_equal(tls_create(&t, &(struct tls_plan){.ca = file}, &why), OK);
	return t;
}

static void only_a_verified_server_is_spoken_to(void **state)
{
	static const struct {
		const char *host;
		enum shown shown;
		int newest;
		enum error want;
		const char *words;
	} cases[] = {
	    {"mail.test", GOOD, 0, OK, ""},
	    {"mail.test", GOOD, TLS1_2_VERSION, OK, ""},
	    {"MAIL.test", GOOD, 0, OK, ""},
	    {"mail.test.", GOOD, 0, OK, ""},
	    {"a.wild.test", GOOD, 0, OK, ""},
	    {"127.0.0.1", GOOD, 0, OK, ""},
	    {"::1", GOOD, 0, OK, ""},
	    {"a.b.wild.test", GOOD, 0, E_TLS,
		"the certificate of a.b.wild.test is for other names (mail.test, *.wild.test,"
		" 127.0.0.1, ...), not for a.b.wild.test"},
	    {"127.0.0.2", GOOD, 0, E_TLS, "is for other names (mail.test"},
	    {"mail.test", MANY, 0, E_TLS, "is for other names (a.test, b.test, c.test, ...), not"},
	    {"imap.test", NO_NAMES, 0, E_TLS, "imap.test names no host (subjectAltName)"},
	    {"imap.test", NO_NAMES, TLS1_2_VERSION, E_TLS, "imap.test names no host"},
	    {"a.part.test", PARTLY_WILD, 0, E_TLS, "is for other names (a*.part.test, *), not for"},
	    {"test", PARTLY_WILD, 0, E_TLS, "is for other names"},
	    {"mail.test", SELF_SIGNED, 0, E_TLS,
		"the certificate of mail.test is not trusted: it is signed by itself"
		" (pin= with its digest trusts it, or ca= with a copy of it)"},
	    {"mail.test", STRANGE, 0, E_TLS, "is not trusted: unable to"},
	    {"mail.test", EXPIRED_ABOVE, 0, E_TLS, "is not trusted: unable to"},
	    {"mail.test", EXPIRED, 0, E_TLS, "the certificate of mail.test expired on 20"},
	    {"mail.test", EARLY, 0, E_TLS, "the certificate of mail.test is not valid before 20"},
	    {"mail.test", GOOD, TLS1_1_VERSION, E_TLS, "mail.test speaks no TLS 1.2 or newer"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls *t = trusting(ca);
		struct server s = {
		    .context = certificate_server(&shown[cases[i].shown], cases[i].newest)};
		struct failure why = {0};

		assert_int_equal(visit(t, &s, cases[i].host, &why), cases[i].want);
		if (!strstr(why.words, cases[i].words))
			assert_string_equal(why.words, cases[i].words);
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

static void a_server_without_tls_is_named_so(void **state)
{
	struct tls *t = trusting(ca);
	struct server s = {.context = NULL};
	struct failure why = {0};

	assert_int_equal(visit(t, &s, "mail.test", &why), E_TLS);
	assert_non_null(strstr(why.words, "mail.test does not speak TLS on this port"));
	tls_free(t);
}

static void the_server_is_told_the_name_and_the_protocol(void **state)
{
	static const struct {
		const char *host, *named;
	} cases[] = {{"mail.test", "mail.test"}, {"mail.test.", "mail.test"}, {"127.0.0.1", ""},
	    {"::1", ""}};
	struct tls *t = trusting(ca);
	struct server s = {.context = certificate_server(&shown[GOOD], 0)};

	SSL_CTX_set_alpn_select_cb(s.context, choose_pop3, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(visit(t, &s, cases[i].host, NULL), OK);
		assert_string_equal(s.named, cases[i].named);
		assert_string_equal(s.protocol, "pop3");
	}
	SSL_CTX_free(s.context);
	tls_free(t);
}

static void a_session_is_resumed_with_the_same_host_only(void **state)
{
	static const struct {
		const char *host;
		bool resumed;
	} visits[] = {{"mail.test", false}, {"mail.test", true}, {"a.wild.test", false},
	    {"a.wild.test", true}, {"mail.test", false}, {"mail.test", true}};
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t v = 0; v < 2; v++) {
		struct tls *t = trusting(ca);
		struct server s = {.context = certificate_server(&shown[GOOD], versions[v])};

		for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++) {
			assert_int_equal(visit(t, &s, visits[i].host, NULL), OK);
			assert_int_equal(s.resumed, visits[i].resumed);
		}
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

/* As a server fails that asks for certificates and has set no session id context. */
static void where_a_session_cannot_be_resumed_the_next_handshake_is_a_long_one(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t v = 0; v < 2; v++) {
		struct tls *t = trusting(ca);
		struct server s = {.context = certificate_server(&shown[GOOD], versions[v])};

		SSL_CTX_set_verify(s.context, SSL_VERIFY_PEER, NULL);
		assert_int_equal(visit(t, &s, "mail.test", NULL), OK);
		assert_int_not_equal(visit(t, &s, "mail.test", &(struct failure){0}), OK);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(visit(t, &s, "mail.test", NULL), OK);
			assert_false(s.resumed);
		}
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

static void what_the_user_trusts_is_read_or_named(void **state)
{
	struct {
		const char *path;
		enum error want;
		enum shown shown;
	} cases[] = {{ca, OK, GOOD}, {own, OK, SELF_SIGNED}, {broken, E_CONFIG, GOOD},
	    {"/nowhere/ca.pem", E_CONFIG, GOOD}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls *t = NULL;
		struct failure why = {0};
		struct server s;

		assert_int_equal(
		    tls_create(&t, &(struct tls_plan){.ca = cases[i].path}, &why), cases[i].want);
		if (!t) {
			assert_non_null(strstr(why.words, cases[i].path));
			continue;
		}
		s = (struct server){.context = certificate_server(&shown[cases[i].shown], 0)};
		assert_int_equal(visit(t, &s, "mail.test", &why), OK);
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

static void a_directory_of_certificates_is_trusted(void **state)
{
	char name[32];
	char *path;
	struct server s = {.context = certificate_server(&shown[GOOD], 0)};
	struct tls *t = trusting(directory);
	struct failure why = {0};

	assert_int_equal(visit(t, &s, "mail.test", &why), E_TLS);
	snprintf(name, sizeof(name), "%08lx.0",
	    X509_NAME_hash_ex(X509_get_subject_name(authority.x509), NULL, NULL, NULL));
	path = in_directory(name);
	certificate_write(&authority, path);
	assert_int_equal(visit(t, &s, "mail.test", &why), OK);
	unlink(path);
	free(path);
	tls_free(t);
	SSL_CTX_free(s.context);
}

static void the_system_does_not_know_our_authority(void **state)
{
	struct tls *t = trusting(NULL);
	struct server s = {.context = certificate_server(&shown[GOOD], 0)};
	struct failure why = {0};

	assert_int_equal(visit(t, &s, "mail.test", &why), E_TLS);
	assert_non_null(strstr(why.words, "is not trusted"));
	SSL_CTX_free(s.context);
	tls_free(t);
	tls_free(NULL);
}

/* ---- pins ---- */

static struct pin pin_of(enum shown which, bool of_key)
{
	CLEANUP(freep) struct pin *of_the_key = NULL;
	char text[PIN_TEXT];
	struct pin p;

	pin_write(text, shown[which].x509);
	assert_int_equal(pin_parse(&of_the_key, text, NULL), OK);
	X509_digest(shown[which].x509, EVP_sha256(), p.digest, NULL);
	return of_key ? *of_the_key : p;
}

static void a_pin_is_demanded_on_top_of_all_else(void **state)
{
	static const struct {
		enum shown shown, pinned;
		const char *host;
		enum error want;
		const char *words;
	} cases[] = {
	    {GOOD, GOOD, "mail.test", OK, ""},
	    {GOOD, MANY, "mail.test", E_TLS,
		"the certificate of mail.test is not the one of pin=: its key is sha256:"},
	    {GOOD, GOOD, "other.test", E_TLS, "is for other names"},
	    {EXPIRED, EXPIRED, "mail.test", E_TLS, "expired on"},
	    {STRANGE, STRANGE, "mail.test", E_TLS, "is not trusted"},
	    {STRANGE, GOOD, "mail.test", E_TLS, "is not the one of pin=: its key is sha256:"},
	    {SELF_SIGNED, SELF_SIGNED, "mail.test", OK, ""},
	    {SELF_SIGNED, SELF_SIGNED, "other.test", OK, ""},
	    {SELF_SIGNED, SELF_SIGNED, "127.0.0.1", OK, ""},
	    {SELF_SIGNED, GOOD, "mail.test", E_TLS, "is not the one of pin=: its key is sha256:"},
	    {OLD_SELF_SIGNED, OLD_SELF_SIGNED, "mail.test", E_TLS, "expired on"},
	};

	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct pin p = pin_of(cases[i / 4].pinned, i % 2);
		struct server s = {.context = certificate_server(
				       &shown[cases[i / 4].shown], i % 4 / 2 ? TLS1_2_VERSION : 0)};
		struct failure why = {0};
		struct tls *t = NULL;

		assert_int_equal(tls_create(&t, &(struct tls_plan){.ca = ca, .pin = &p}, &why), OK);
		for (int visits = 0; visits < 2; visits++) {
			assert_int_equal(visit(t, &s, cases[i / 4].host, &why), cases[i / 4].want);
			assert_non_null(strstr(why.words, cases[i / 4].words));
			if (cases[i / 4].want == OK)
				assert_int_equal(s.resumed, visits);
		}
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

static void one_three_may_be_demanded(void **state)
{
	static const struct {
		int newest;
		enum error want;
		const char *words;
	} cases[] = {{0, OK, ""}, {TLS1_2_VERSION, E_TLS, "mail.test speaks no TLS 1.3"}};

	for (size_t i = 0; i < 2; i++) {
		struct server s = {.context = certificate_server(&shown[GOOD], cases[i].newest)};
		struct failure why = {0};
		struct tls *t = NULL;

		assert_int_equal(
		    tls_create(&t, &(struct tls_plan){.ca = ca, .oldest = TLS_1_3}, &why), OK);
		assert_int_equal(visit(t, &s, "mail.test", &why), cases[i].want);
		assert_string_equal(why.words, cases[i].words);
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

/* ---- the client's certificate ---- */

static SSL_CTX *demanding_server(int newest, const struct certificate *issuer)
{
	SSL_CTX *context = certificate_server(&shown[GOOD], newest);

	X509_STORE_add_cert(SSL_CTX_get_cert_store(context), issuer->x509);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
	return context;
}

static void a_client_certificate_is_shown_to_who_asks(void **state)
{
	const struct {
		const char *cert, *key;
		bool right;
		enum error want;
		const char *words;
	} cases[] = {
	    {client, key, true, OK, ""},
	    {both, NULL, true, OK, ""},
	    {NULL, NULL, true, E_TLS,
		"mail.test demands a client certificate (cert= and key= name one)"},
	    {both, NULL, false, E_TLS, "mail.test does not accept our certificate (cert=): "},
	};
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const struct certificate *issuer = cases[i / 2].right ? &authority : &stranger;
		struct server s = {.context = demanding_server(versions[i % 2], issuer)};
		const struct tls_plan plan = {
		    .ca = ca, .cert = cases[i / 2].cert, .key = cases[i / 2].key};
		struct failure why = {0};
		struct tls *t = NULL;

		assert_int_equal(tls_create(&t, &plan, &why), OK);
		assert_int_equal(visit(t, &s, "mail.test", &why), cases[i / 2].want);
		assert_memory_equal(why.words, cases[i / 2].words, strlen(cases[i / 2].words));
		assert_int_equal(s.knows_client, cases[i / 2].want == OK);
		SSL_CTX_free(s.context);
		tls_free(t);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_a_verified_server_is_spoken_to),
	    cmocka_unit_test(a_server_without_tls_is_named_so),
	    cmocka_unit_test(the_server_is_told_the_name_and_the_protocol),
	    cmocka_unit_test(a_session_is_resumed_with_the_same_host_only),
	    cmocka_unit_test(where_a_session_cannot_be_resumed_the_next_handshake_is_a_long_one),
	    cmocka_unit_test(what_the_user_trusts_is_read_or_named),
	    cmocka_unit_test(a_directory_of_certificates_is_trusted),
	    cmocka_unit_test(the_system_does_not_know_our_authority),
	    cmocka_unit_test(a_pin_is_demanded_on_top_of_all_else),
	    cmocka_unit_test(one_three_may_be_demanded),
	    cmocka_unit_test(a_client_certificate_is_shown_to_who_asks),
	};

	return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
