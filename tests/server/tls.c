#include "tls.h"

#include <string.h>
#include <openssl/err.h>

#include "alloc.h"

static void freectx(SSL_CTX **tls)
{
	SSL_CTX_free(*tls);
}

/* OpenSSL's number for a version. -1: it is none we know. */
static int version(const char *word)
{
	if (word == NULL)
		return 0; /* OpenSSL's own limit */
	if (strcmp(word, "1.1") == 0)
		return TLS1_1_VERSION;
	if (strcmp(word, "1.2") == 0)
		return TLS1_2_VERSION;
	return strcmp(word, "1.3") == 0 ? TLS1_3_VERSION : -1;
}

static enum error set_versions(SSL_CTX *tls, const struct settings *settings, struct failure *why)
{
	int oldest = version(settings->tls_min), newest = version(settings->tls_max);

	if (oldest < 0 || newest < 0)
		return failed(why, E_USAGE, "a TLS version is 1.1, 1.2 or 1.3");
	SSL_CTX_set_min_proto_version(tls, oldest);
	SSL_CTX_set_max_proto_version(tls, newest);
	if (newest == TLS1_1_VERSION) /* its signatures are too weak for anything stricter */
		SSL_CTX_set_security_level(tls, 0);
	return OK;
}

static enum error load(SSL_CTX *tls, const struct settings *settings, struct failure *why)
{
	if (SSL_CTX_use_certificate_chain_file(tls, settings->cert) != 1)
		return failed(why, E_TLS, "cannot use %s", settings->cert);
	if (SSL_CTX_use_PrivateKey_file(tls, settings->key, SSL_FILETYPE_PEM) != 1)
		return failed(why, E_TLS, "cannot use %s", settings->key);
	return OK;
}

static enum error ask_clients(SSL_CTX *tls, const char *ca, int must, struct failure *why)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);

	if (names == NULL || SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return failed(why, E_TLS, "cannot use %s", ca);
	}
	SSL_CTX_set_client_CA_list(tls, names);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | must, NULL);
	return OK;
}

enum error tls_create(SSL_CTX **out, const struct settings *settings, struct failure *why)
{
	CLEANUP(freectx) SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	static const unsigned char context[] = "pop3-server";
	enum error error;

	if (tls == NULL)
		return failed(why, E_TLS, "no TLS context");
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_id_context(tls, context, sizeof(context) - 1);
	error = set_versions(tls, settings, why);
	if (!error)
		error = settings->cert ? load(tls, settings, why) : cert_make(tls, settings, why);
	if (!error && settings->client_ca)
		error = ask_clients(tls, settings->client_ca,
		    settings->client_must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0, why);
	ERR_clear_error();
	if (!error)
		*out = take(&tls);
	return error;
}
