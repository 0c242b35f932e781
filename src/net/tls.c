#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "own.h"
#include "pin.h"
#include "quiet.h"
#include "untrusted.h"

/* Octets that one recv may bring: several records. 256 KiB are no quicker
 * (tests/bench/RESULTS.md). */
#define READ_AHEAD 65536

static const unsigned char alpn[] = "\4pop3"; /* RFC 7301; IANA's name for RFC 1939 */

struct tls {
	SSL_CTX *context;
	const struct pin *pin; /* NULL: none */
	bool certificate;      /* a client's is there */
	BIO_METHOD *socket;
	SSL_SESSION *session; /* the last one, with this host; a resumed session is not verified
				 again, so it must never serve another name */
	char *session_host;
	bool no_resumption; /* a handshake with one has failed: some servers that ask for client
			       certificates cannot do it */
};

/* Whom a connection speaks to; hangs on its SSL. */
struct peer {
	struct tls *tls;
	char *host;
	bool offered;       /* a session was, to be resumed */
	bool asked;         /* it wants a certificate of ours */
	struct failure why; /* what its certificate lacks; code OK: nothing */
};

static enum error not_pinned(struct failure *why, const char *host, const X509 *certificate)
{
	char key[PIN_TEXT];

	pin_write(key, certificate);
	return failed(
	    why, E_TLS, "the certificate of %s is not the one of pin=: its key is %s", host, key);
}

/* Who signs himself has no chain, and the pin knows him better than a name could. */
static bool stands_for_itself(int error, const X509 *leaf)
{
	return (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
		   error == X509_V_ERR_HOSTNAME_MISMATCH ||
		   error == X509_V_ERR_IP_ADDRESS_MISMATCH) &&
	       X509_self_signed((X509 *)leaf, 1) == 1;
}

/* OpenSSL forgets the certificate when it refuses it: the words are made here. */
static int judge(int good, X509_STORE_CTX *chain)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	const X509 *leaf = X509_STORE_CTX_get0_cert(chain);
	struct peer *p = SSL_get_app_data(ssl);
	const struct pin *pin = p->tls->pin;
	int error = X509_STORE_CTX_get_error(chain);

	if (good)
		return 1;
	if (pin && !pin_fits(pin, leaf)) {
		not_pinned(&p->why, p->host, leaf);
	} else if (pin && stands_for_itself(error, leaf)) {
		X509_STORE_CTX_set_error(chain, X509_V_OK);
		return 1;
	} else {
		untrusted(&p->why, p->host, error, X509_STORE_CTX_get_current_cert(chain));
	}
	return 0;
}

static int asked(SSL *ssl, void *with)
{
	struct peer *p = SSL_get_app_data(ssl);

	p->asked = true;
	return 1;
}

static int remember(SSL *ssl, SSL_SESSION *session)
{
	struct peer *p = SSL_get_app_data(ssl);
	struct tls *t = p->tls;

	SSL_SESSION_free(t->session);
	free(t->session_host);
	t->session = session;
	t->session_host = xstrdup(p->host);
	return 1;
}

static void demand(SSL_CTX *context, enum tls_version oldest)
{
	int least = oldest == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, judge);
	SSL_CTX_set_cert_cb(context, asked, NULL);
	/* openssl.cnf may ask for more than 1.2, not for less; and without the second of these an
	 * attacker's FIN could not be told from the server's end */
	if (SSL_CTX_get_min_proto_version(context) < least)
		SSL_CTX_set_min_proto_version(context, least);
	SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(
	    context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, remember);
}

static const char *reason_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return words ? words : "unknown reason";
}

static enum error trust(SSL_CTX *context, const char *ca, struct failure *why)
{
	struct stat st;
	int good;

	if (!ca) {
		if (SSL_CTX_set_default_verify_paths(context) != 1)
			return failed(
			    why, E_TLS, "cannot use the system's certificates: %s", reason_words());
		return OK;
	}
	if (stat(ca, &st) < 0)
		return failed(
		    why, E_CONFIG, "cannot read the certificates in %s: %s", ca, strerror(errno));
	good = S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(context, ca)
				   : SSL_CTX_load_verify_file(context, ca);
	if (good != 1)
		return failed(
		    why, E_CONFIG, "cannot read the certificates in %s: %s", ca, reason_words());
	/* who names a file may name the server's own certificate, or one in the middle */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	return OK;
}

static void tls_freep(struct tls **t)
{
	tls_free(*t);
}

enum error tls_create(struct tls **out, const struct tls_plan *plan, struct failure *why)
{
	CLEANUP(tls_freep) struct tls *t = xnew(struct tls);
	enum error code;

	ERR_clear_error();
	t->context = SSL_CTX_new(TLS_client_method());
	t->socket = quiet_method();
	t->pin = plan->pin;
	if (!t->context || !t->socket ||
	    SSL_CTX_set_alpn_protos(t->context, alpn, sizeof(alpn) - 1) != 0)
		return failed(why, E_TLS, "cannot set up TLS: %s", reason_words());
	demand(t->context, plan->oldest);
	code = trust(t->context, plan->ca, why);
	if (code == OK && plan->cert) {
		code = own_certificate(t->context, plan->cert, plan->key, why);
		t->certificate = true;
	}
	if (code != OK)
		return code;
	*out = take(&t);
	return OK;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_SESSION_free(t->session);
	free(t->session_host);
	BIO_meth_free(t->socket);
	SSL_CTX_free(t->context);
	free(t);
}

static struct peer *peer_create(struct tls *t, const char *host)
{
	struct peer *p = xnew(struct peer);
	size_t len = strlen(host);

	/* "mail.example.org." is the same host, but neither SNI nor certificates have the dot */
	if (len > 1 && host[len - 1] == '.')
		len--;
	p->tls = t;
	p->host = xstrndup(host, len);
	return p;
}

static void peer_free(struct peer *p)
{
	free(p->host);
	free(p);
}

static bool is_address(const char *host)
{
	unsigned char octets[16];

	return inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1;
}

static bool set_up(SSL *ssl, struct peer *p, int fd)
{
	BIO *line = quiet_create(p->tls->socket, fd);

	if (!line)
		return false;
	SSL_set_bio(ssl, line, line);
	SSL_set_connect_state(ssl);
	/* RFC 9525, 6.3: wildcards are whole labels, and common names are no names */
	SSL_set_hostflags(
	    ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (SSL_set1_host(ssl, p->host) != 1)
		return false;
	if (!is_address(p->host) && SSL_set_tlsext_host_name(ssl, p->host) != 1)
		return false;
	if (p->tls->session && !p->tls->no_resumption &&
	    strcmp(p->tls->session_host, p->host) == 0 && SSL_SESSION_is_resumable(p->tls->session))
		p->offered = SSL_set_session(ssl, p->tls->session) == 1;
	return true;
}

enum error tls_open(
    struct ssl_st **out, struct tls *t, int fd, const char *host, struct failure *why)
{
	struct peer *p;
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(t->context);
	if (!ssl)
		return failed(why, E_TLS, "cannot begin TLS with %s: %s", host, reason_words());
	p = peer_create(t, host);
	if (SSL_set_app_data(ssl, p) != 1) {
		SSL_free(ssl);
		peer_free(p);
		return failed(why, E_TLS, "cannot begin TLS with %s: %s", host, reason_words());
	}
	if (!set_up(ssl, p, fd)) {
		tls_close(ssl);
		return failed(why, E_TLS, "cannot begin TLS with %s: %s", host, reason_words());
	}
	*out = ssl;
	return OK;
}

void tls_close(struct ssl_st *ssl)
{
	struct peer *p = SSL_get_app_data(ssl);

	if (tls_resumption_failed(ssl))
		p->tls->no_resumption = true;
	SSL_free(ssl);
	peer_free(p);
}

static enum error too_old(const struct peer *p, struct failure *why)
{
	bool newest = SSL_CTX_get_min_proto_version(p->tls->context) == TLS1_3_VERSION;

	return failed(why, E_TLS, "%s speaks no TLS 1.%c%s", p->host, newest ? '3' : '2',
	    newest ? "" : " or newer");
}

static enum error wants_certificate(const struct peer *p, struct failure *why)
{
	return failed(
	    why, E_TLS, "%s demands a client certificate (cert= and key= name one)", p->host);
}

bool tls_resumption_failed(const struct ssl_st *ssl)
{
	const struct peer *p = SSL_get_app_data(ssl);

	return p->offered && !SSL_is_init_finished(ssl);
}

enum error tls_failed(struct ssl_st *ssl, struct failure *why)
{
	const struct peer *p = SSL_get_app_data(ssl);
	unsigned long error = ERR_peek_error();

	if (p->why.code != OK)
		return failed(why, p->why.code, "%s", p->why.words);
	switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return too_old(p, why);
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return failed(why, E_TLS,
		    "%s does not speak TLS on this port"
		    " (pop3:// begins in the clear and then demands STLS)",
		    p->host);
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return wants_certificate(p, why);
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: /* TLS 1.2 has no alert of its own for it */
		if (p->asked && !p->tls->certificate)
			return wants_certificate(p, why);
		break;
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return failed(why, E_TLS, "%s does not accept our certificate (cert=): %s", p->host,
		    reason_words());
	default:
		break;
	}
	return failed(why, E_TLS, "TLS with %s failed: %s", p->host, reason_words());
}

enum error tls_verified(struct ssl_st *ssl, struct failure *why)
{
	const struct peer *p = SSL_get_app_data(ssl);
	const X509 *certificate = SSL_get0_peer_certificate(ssl);
	long result = SSL_get_verify_result(ssl);

	if (!certificate)
		return failed(why, E_TLS, "%s showed no certificate", p->host);
	if (p->tls->pin && !pin_fits(p->tls->pin, certificate))
		return not_pinned(why, p->host, certificate);
	if (result != X509_V_OK)
		return failed(why, E_TLS, "the certificate of %s is not valid: %s", p->host,
		    X509_verify_cert_error_string(result));
	return OK;
}
