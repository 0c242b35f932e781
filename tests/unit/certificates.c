#include "certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define AN_HOUR 3600

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "certificates: cannot %s\n", what);
	abort();
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(e && X509_add_ext(x, e, -1), "add an extension");
	X509_EXTENSION_free(e);
}

struct certificate certificate_make(const struct certificate_plan *plan)
{
	static long serial = 1;
	struct certificate c = {.x509 = X509_new(), .key = EVP_EC_gen("P-256")};
	X509 *issuer = plan->issuer ? plan->issuer->x509 : c.x509;
	EVP_PKEY *signer = plan->issuer ? plan->issuer->key : c.key;
	bool any = plan->from == 0 && plan->until == 0;
	X509_NAME *subject = X509_get_subject_name(c.x509);

	must(c.key != NULL, "make a key");
	X509_set_version(c.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), any ? -AN_HOUR : plan->from);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), any ? AN_HOUR : plan->until);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)plan->common_name, -1, -1, 0);
	X509_set_issuer_name(c.x509, X509_get_subject_name(issuer));
	X509_set_pubkey(c.x509, c.key);
	add_extension(c.x509, issuer, NID_basic_constraints,
	    plan->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (plan->names)
		add_extension(c.x509, issuer, NID_subject_alt_name, plan->names);
	must(X509_sign(c.x509, signer, EVP_sha256()) > 0, "sign");
	return c;
}

void certificate_finish(struct certificate *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
}

void certificate_write(const struct certificate *c, const char *path)
{
	FILE *f = fopen(path, "a");

	must(f && PEM_write_X509(f, c->x509) && fclose(f) == 0, "write a file");
}

static void write_key(const struct certificate *c, const char *path, const EVP_CIPHER *cipher)
{
	FILE *f = fopen(path, "a");

	must(f && fchmod(fileno(f), 0600) == 0 &&
		 PEM_write_PKCS8PrivateKey(f, c->key, cipher, "open sesame", 11, NULL, NULL) &&
		 fclose(f) == 0,
	    "write a key");
}

void certificate_write_key(const struct certificate *c, const char *path)
{
	write_key(c, path, NULL);
}

void certificate_write_locked_key(const struct certificate *c, const char *path)
{
	write_key(c, path, EVP_aes_128_cbc());
}

SSL_CTX *certificate_server(const struct certificate *c, int newest)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	must(context && SSL_CTX_use_certificate(context, c->x509) &&
		 SSL_CTX_use_PrivateKey(context, c->key),
	    "make a server");
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(context, newest);
	if (newest && newest < TLS1_2_VERSION)
		SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
	return context;
}
