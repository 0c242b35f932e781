#include "pin.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "slice.h"

#define PREFIX     "sha256:"
#define BASE64_LEN 44 /* of PIN_OCTETS, the last a "=": without it, it might be cut hexadecimal */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct pin *p, const char *text)
{
	size_t digits = 0;

	for (; *text; text++) {
		int digit = hex(*text);

		if (*text == ':')
			continue;
		if (digit < 0 || digits == 2 * (size_t)PIN_OCTETS)
			return false;
		p->digest[digits / 2] = (unsigned char)(p->digest[digits / 2] << 4 | digit);
		digits++;
	}
	return digits == 2 * (size_t)PIN_OCTETS;
}

static bool from_base64(struct pin *p, const char *text)
{
	unsigned char octets[PIN_OCTETS + 1]; /* the decoder counts the padding as an octet */

	if (strlen(text) != BASE64_LEN || text[BASE64_LEN - 1] != '=' ||
	    text[BASE64_LEN - 2] == '=' ||
	    EVP_DecodeBlock(octets, (const unsigned char *)text, BASE64_LEN) < 0)
		return false;
	memcpy(p->digest, octets, PIN_OCTETS);
	return true;
}

enum error pin_parse(struct pin **out, const char *text, struct failure *why)
{
	CLEANUP(freep) struct pin *p = xnew(struct pin);
	size_t prefix = strlen(PREFIX);

	if (!slice_starts_word(slice_of(text), PREFIX) ||
	    (!from_hex(p, text + prefix) && !from_base64(p, text + prefix)))
		return failed(why, E_USAGE,
		    "pin is " PREFIX
		    " and a SHA-256 behind it, in 64 hexadecimal digits or in base64");
	*out = take(&p);
	return OK;
}

static bool digest_key(unsigned char digest[PIN_OCTETS], const X509 *certificate)
{
	unsigned char *octets = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
	bool good = len > 0 && EVP_Digest(octets, (size_t)len, digest, NULL, EVP_sha256(), NULL);

	OPENSSL_free(octets);
	return good;
}

bool pin_fits(const struct pin *p, const X509 *certificate)
{
	unsigned char digest[PIN_OCTETS];

	if (X509_digest(certificate, EVP_sha256(), digest, NULL) &&
	    memcmp(digest, p->digest, PIN_OCTETS) == 0)
		return true;
	return digest_key(digest, certificate) && memcmp(digest, p->digest, PIN_OCTETS) == 0;
}

void pin_write(char text[PIN_TEXT], const X509 *certificate)
{
	unsigned char digest[PIN_OCTETS];
	size_t len = strlen(PREFIX);

	text[0] = '\0';
	if (!digest_key(digest, certificate))
		return;
	memcpy(text, PREFIX, len);
	for (size_t i = 0; i < PIN_OCTETS; i++)
		snprintf(text + len + 2 * i, 3, "%02x", digest[i]);
}
