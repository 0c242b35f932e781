#include "untrusted.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MOST_NAMES   4   /* of a certificate for other hosts, told to the user */
#define NAMES_OCTETS 240 /* and their length all told */

/* What does not fit is left out. */
static size_t add(char names[NAMES_OCTETS], size_t used, const char *text, size_t len)
{
	if (used + len >= NAMES_OCTETS)
		return used;
	memcpy(names + used, text, len);
	names[used + len] = '\0';
	return used + len;
}

/* A NUL is shown: it was put there to hide what follows. */
static void say_name(char names[NAMES_OCTETS], size_t *count, const char *text, size_t len)
{
	size_t used = strlen(names);

	if (++*count > MOST_NAMES)
		return;
	if (*count == MOST_NAMES) {
		text = "...";
		len = 3;
	}
	if (used)
		used = add(names, used, ", ", 2);
	for (size_t i = 0; i < len; i++)
		used = text[i] ? add(names, used, text + i, 1) : add(names, used, "\\x00", 4);
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
}

static void say_date(char date[16], const ASN1_TIME *when)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(when, &tm) || strftime(date, 16, "%Y-%m-%d", &tm) == 0)
		snprintf(date, 16, "an odd date");
}

enum error untrusted(struct failure *why, const char *host, int error, const X509 *certificate)
{
	char names[NAMES_OCTETS], date[16];

	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_names(names, certificate);
		if (!names[0])
			return failed(why, E_TLS,
			    "the certificate of %s names no host (subjectAltName); a common name "
			    "does not count",
			    host);
		return failed(why, E_TLS,
		    "the certificate of %s is for other names (%s), not for %s", host, names, host);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say_date(date, X509_get0_notAfter(certificate));
		return failed(why, E_TLS, "the certificate of %s expired on %s", host, date);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_date(date, X509_get0_notBefore(certificate));
		return failed(why, E_TLS,
		    "the certificate of %s is not valid before %s (is this machine's clock right?)",
		    host, date);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return failed(why, E_TLS,
		    "the certificate of %s is not trusted: it is signed by itself"
		    " (pin= with its digest trusts it, or ca= with a copy of it)",
		    host);
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return failed(why, E_TLS,
		    "the certificate of %s is not trusted: %s"
		    " (ca= names a file with the right authority)",
		    host, X509_verify_cert_error_string(error));
	default:
		return failed(why, E_TLS, "the certificate of %s is not valid: %s", host,
		    X509_verify_cert_error_string(error));
	}
}
