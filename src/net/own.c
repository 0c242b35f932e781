#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

static const char *reason_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return words ? words : "unknown reason";
}

/* Nobody is there to be asked. */
static int no_passphrase(char *to, int room, int writing, void *with)
{
	*(bool *)with = true;
	return -1;
}

static void closefile(FILE **f)
{
	if (*f)
		fclose(*f);
}

static enum error open_key(FILE **out, const char *path, struct failure *why)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return failed(
		    why, E_CONFIG, "cannot read the key in %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failed(why, E_CONFIG, "the key in %s is in no regular file", path);
	if (st.st_mode & 077)
		return failed(why, E_CONFIG, "the key in %s is not its owner's alone: chmod 600 %s",
		    path, path);
	*out = fdopen(fd, "r");
	if (!*out)
		return failed(
		    why, E_SYSTEM, "cannot read the key in %s: %s", path, strerror(errno));
	fd = -1;
	return OK;
}

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static enum error use_key(SSL_CTX *context, const char *path, struct failure *why)
{
	CLEANUP(key_freep) EVP_PKEY *key = NULL;
	CLEANUP(closefile) FILE *f = NULL;
	bool wants_passphrase = false;
	enum error e = open_key(&f, path, why);

	if (e)
		return e;
	key = PEM_read_PrivateKey(f, NULL, no_passphrase, &wants_passphrase);
	if (wants_passphrase)
		return failed(
		    why, E_CONFIG, "the key in %s is encrypted, and nobody can be asked", path);
	if (!key)
		return failed(why, E_CONFIG, "there is no key in %s: %s", path, reason_words());
	if (SSL_CTX_use_PrivateKey(context, key) != 1)
		return failed(why, E_CONFIG, "the key in %s is not that of the certificate: %s",
		    path, reason_words());
	return OK;
}

enum error own_certificate(SSL_CTX *context, const char *cert, const char *key, struct failure *why)
{
	if (access(cert, R_OK) != 0)
		return failed(
		    why, E_CONFIG, "cannot read the certificate in %s: %s", cert, strerror(errno));
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		return failed(
		    why, E_CONFIG, "there is no certificate in %s: %s", cert, reason_words());
	return use_key(context, key ? key : cert, why);
}
