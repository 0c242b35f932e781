#include "tls.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "alloc.h"
#include "buf.h"

#define CURVE       "P-256"
#define SECONDS_DAY 86400L
#define CA_DAYS     3650
#define BACKDATED   SECONDS_DAY /* clocks differ */

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

static void identity_finish(struct identity *who)
{
	EVP_PKEY_free(who->key);
	X509_free(who->cert);
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = extension && X509_add_ext(cert, extension, -1);

	X509_EXTENSION_free(extension);
	return good;
}

/* A certificate that still lacks extensions and signature, good until `days` from now. */
static bool begin(struct identity *who, const struct identity *issuer, const char *name,
    long serial, int64_t days)
{
	X509_NAME *subject;

	who->key = EVP_EC_gen(CURVE);
	who->cert = X509_new();
	if (who->key == NULL || who->cert == NULL)
		return false;
	subject = X509_get_subject_name(who->cert);
	return X509_set_version(who->cert, X509_VERSION_3) &&
	       ASN1_INTEGER_set(X509_get_serialNumber(who->cert), serial) &&
	       X509_gmtime_adj(X509_getm_notBefore(who->cert),
		   (days < 0 ? days * SECONDS_DAY : 0) - BACKDATED) &&
	       X509_gmtime_adj(X509_getm_notAfter(who->cert), days * SECONDS_DAY) &&
	       X509_NAME_add_entry_by_txt(
		   subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
	       X509_set_issuer_name(who->cert, X509_get_subject_name(issuer->cert)) &&
	       X509_set_pubkey(who->cert, who->key);
}

static bool make_ca(struct identity *ca)
{
	return begin(ca, ca, "pop3-server test CA", 1, CA_DAYS) &&
	       add_extension(ca->cert, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_extension(ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       X509_sign(ca->cert, ca->key, EVP_sha256());
}

static bool is_address(const char *name)
{
	struct in6_addr room;

	return inet_pton(AF_INET, name, &room) == 1 || inet_pton(AF_INET6, name, &room) == 1;
}

static bool make_leaf(
    struct identity *leaf, const struct identity *ca, const struct settings *settings)
{
	const struct texts *names = &settings->cert_names;
	struct buf alternatives = {0};
	bool good;

	for (size_t i = 0; i < names->count; i++)
		buf_printf(&alternatives, "%s%s:%s", i ? "," : "",
		    is_address(names->at[i]) ? "IP" : "DNS", names->at[i]);
	good = begin(leaf, ca, names->at[0], 2, settings->cert_days) &&
	       add_extension(leaf->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(leaf->cert, NID_ext_key_usage, "serverAuth") &&
	       add_extension(leaf->cert, NID_subject_alt_name, buf_text(&alternatives)) &&
	       X509_sign(leaf->cert, ca->key, EVP_sha256());
	buf_finish(&alternatives);
	return good;
}

static bool write_ca(const char *path, X509 *cert)
{
	FILE *file = fopen(path, "w");
	bool good = file && PEM_write_X509(file, cert);

	return file && fclose(file) == 0 && good;
}

enum error cert_make(SSL_CTX *tls, const struct settings *settings, struct failure *why)
{
	CLEANUP(identity_finish) struct identity ca = {0}, leaf = {0};

	if (!make_ca(&ca) || !make_leaf(&leaf, &ca, settings) ||
	    SSL_CTX_use_certificate(tls, leaf.cert) != 1 ||
	    SSL_CTX_use_PrivateKey(tls, leaf.key) != 1)
		return failed(why, E_TLS, "cannot make a certificate");
	if (settings->write_ca && !write_ca(settings->write_ca, ca.cert))
		return failed(why, E_SYSTEM, "cannot write %s", settings->write_ca);
	return OK;
}
