#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "alloc.h"

#define READ_AHEAD   65536 /* octets one recv may bring: several records */
#define MOST_NAMES   4     /* of a certificate for other hosts, told to the user */
#define NAMES_OCTETS 240   /* and their length all told */

static const unsigned char alpn[] = "\4pop3"; /* RFC 7301; IANA's name for RFC 1939 */

struct tls {
	SSL_CTX *context;
	BIO_METHOD *socket;
	SSL_SESSION *session; /* the last one, with this host; a resumed session is not verified
				 again, so it must never serve another name */
	char *session_host;
};

/* Whom a connection speaks to; hangs on its SSL. */
struct peer {
	struct tls *tls;
	char *host;
	struct failure why; /* what its certificate lacks; code OK: nothing */
};

/* A socket like OpenSSL's own, whose write cannot raise SIGPIPE. */

static int socket_of(BIO *b)
{
	return (int)(intptr_t)BIO_get_data(b);
}

static bool again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static int socket_write(BIO *b, const char *from, int len)
{
	ssize_t n = send(socket_of(b), from, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);

	BIO_clear_retry_flags(b);
	if (n < 0 && again())
		BIO_set_retry_write(b);
	return (int)n;
}

static int socket_read(BIO *b, char *to, int room)
{
	ssize_t n = recv(socket_of(b), to, (size_t)room, MSG_DONTWAIT);

	BIO_clear_retry_flags(b);
	if (n < 0 && again())
		BIO_set_retry_read(b);
	if (n == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static long socket_control(BIO *b, int command, long number, void *pointer)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

static BIO_METHOD *socket_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "quiet socket");

	if (m) {
		BIO_meth_set_write(m, socket_write);
		BIO_meth_set_read(m, socket_read);
		BIO_meth_set_ctrl(m, socket_control);
	}
	return m;
}

/* What is wrong with a certificate, in words. */

static void say_name(char names[NAMES_OCTETS], size_t *count, const char *text, size_t len)
{
	size_t used = strlen(names);

	if (++*count > MOST_NAMES)
		return;
	if (*count == MOST_NAMES) {
		text = "...";
		len = 3;
	}
	snprintf(names + used, NAMES_OCTETS - used, "%s%.*s", used ? ", " : "", (int)len, text);
}

static void say_names(char names[NAMES_OCTETS], const X509 *certificate)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t count = 0;
	char text[256];

	names[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		int type;
		const ASN1_STRING *s =
		    GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
		int len = type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_length(s) : 0;
		const unsigned char *octets = len > 0 ? ASN1_STRING_get0_data(s) : NULL;

		if (type == GEN_DNS && len > 0)
			say_name(names, &count, (const char *)octets, (size_t)len);
		if (type == GEN_IPADD && (len == 4 || len == 16) &&
		    inet_ntop(len == 4 ? AF_INET : AF_INET6, octets, text, sizeof(text)))
			say_name(names, &count, text, strlen(text));
	}
	GENERAL_NAMES_free(list);
	if (count == 0 && X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
			      NID_commonName, text, sizeof(text)) > 0)
		say_name(names, &count, text, strlen(text));
}

static void say_date(char date[16], const ASN1_TIME *when)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(when, &tm) || strftime(date, 16, "%Y-%m-%d", &tm) == 0)
		snprintf(date, 16, "an odd date");
}

static void say_trouble(struct peer *p, int error, const X509 *certificate)
{
	char names[NAMES_OCTETS], date[16];

	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_names(names, certificate);
		failed(&p->why, E_TLS, "the certificate of %s is for other names (%s), not for %s",
		    p->host, names, p->host);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say_date(date, X509_get0_notAfter(certificate));
		failed(&p->why, E_TLS, "the certificate of %s expired on %s", p->host, date);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_date(date, X509_get0_notBefore(certificate));
		failed(&p->why, E_TLS,
		    "the certificate of %s is not valid before %s (is this machine's clock right?)",
		    p->host, date);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		failed(&p->why, E_TLS,
		    "the certificate of %s is not trusted: %s"
		    " (ca= names a file with the right authority)",
		    p->host, X509_verify_cert_error_string(error));
		break;
	default:
		failed(&p->why, E_TLS, "the certificate of %s is not valid: %s", p->host,
		    X509_verify_cert_error_string(error));
	}
}

/* OpenSSL forgets the certificate when it refuses it: the words are made here. */
static int judge(int good, X509_STORE_CTX *chain)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());

	if (!good)
		say_trouble(SSL_get_app_data(ssl), X509_STORE_CTX_get_error(chain),
		    X509_STORE_CTX_get_current_cert(chain));
	return good;
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

static void demand(SSL_CTX *context)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, judge);
	/* openssl.cnf may ask for more than 1.2, not for less; and without the second of these an
	 * attacker's FIN could not be told from the server's end */
	if (SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION)
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
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
		    why, E_TLS, "cannot read the certificates in %s: %s", ca, strerror(errno));
	good = S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(context, ca)
				   : SSL_CTX_load_verify_file(context, ca);
	if (good != 1)
		return failed(
		    why, E_TLS, "cannot read the certificates in %s: %s", ca, reason_words());
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
	t->socket = socket_method();
	if (!t->context || !t->socket ||
	    SSL_CTX_set_alpn_protos(t->context, alpn, sizeof(alpn) - 1) != 0)
		return failed(why, E_TLS, "cannot set up TLS: %s", reason_words());
	demand(t->context);
	code = trust(t->context, plan->ca, why);
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

static bool is_address(const char *host)
{
	unsigned char octets[16];

	return inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1;
}

static bool set_up(SSL *ssl, struct peer *p, int fd)
{
	BIO *line = BIO_new(p->tls->socket);

	if (!line)
		return false;
	BIO_set_data(line, (void *)(intptr_t)fd);
	BIO_set_init(line, 1);
	SSL_set_bio(ssl, line, line);
	SSL_set_connect_state(ssl);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(ssl, p->host) != 1)
		return false;
	if (!is_address(p->host) && SSL_set_tlsext_host_name(ssl, p->host) != 1)
		return false;
	if (p->tls->session && strcmp(p->tls->session_host, p->host) == 0 &&
	    SSL_SESSION_is_resumable(p->tls->session))
		return SSL_set_session(ssl, p->tls->session) == 1;
	return true;
}

enum error tls_open(
    struct ssl_st **out, struct tls *t, int fd, const char *host, struct failure *why)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(t->context);
	if (!ssl)
		return failed(why, E_TLS, "cannot begin TLS with %s: %s", host, reason_words());
	SSL_set_app_data(ssl, peer_create(t, host));
	if (!set_up(ssl, SSL_get_app_data(ssl), fd)) {
		tls_close(ssl);
		return failed(why, E_TLS, "cannot begin TLS with %s: %s", host, reason_words());
	}
	*out = ssl;
	return OK;
}

void tls_close(struct ssl_st *ssl)
{
	struct peer *p = SSL_get_app_data(ssl);

	SSL_free(ssl);
	free(p->host);
	free(p);
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
		return failed(why, E_TLS, "%s speaks no TLS 1.2 or newer", p->host);
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return failed(why, E_TLS,
		    "%s does not speak TLS on this port"
		    " (pop3:// begins in the clear and then demands STLS)",
		    p->host);
	default:
		return failed(why, E_TLS, "TLS with %s failed: %s", p->host, reason_words());
	}
}

enum error tls_verified(struct ssl_st *ssl, struct failure *why)
{
	const struct peer *p = SSL_get_app_data(ssl);
	long result = SSL_get_verify_result(ssl);

	if (!SSL_get0_peer_certificate(ssl))
		return failed(why, E_TLS, "%s showed no certificate", p->host);
	if (result != X509_V_OK)
		return failed(why, E_TLS, "the certificate of %s is not valid: %s", p->host,
		    X509_verify_cert_error_string(result));
	return OK;
}
