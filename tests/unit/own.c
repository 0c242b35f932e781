#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "certificates.h"
#include "own.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum file { CERT, KEY, BOTH, OTHER, OPEN, LOCKED, NONSENSE, FILES };

static char directory[] = "/tmp/pop3fs-own-XXXXXX";
static char *files[FILES];

static int set_up(void **state)
{
	struct certificate c = certificate_make(&(struct certificate_plan){"me"});
	struct certificate other = certificate_make(&(struct certificate_plan){"you"});
	FILE *f;

	assert_non_null(mkdtemp(directory));
	for (enum file i = 0; i < FILES; i++)
		files[i] = xasprintf("%s/%d.pem", directory, (int)i);
	certificate_write(&c, files[CERT]);
	certificate_write_key(&c, files[KEY]);
	certificate_write(&c, files[BOTH]);
	certificate_write_key(&c, files[BOTH]);
	certificate_write(&other, files[OTHER]);
	certificate_write_key(&c, files[OPEN]);
	assert_int_equal(chmod(files[OPEN], 0640), 0);
	certificate_write_locked_key(&c, files[LOCKED]);
	assert_int_equal(chmod(files[CERT], 0600), 0);
	f = fopen(files[NONSENSE], "w");
	assert_non_null(f);
	fputs("nothing of the kind\n", f);
	fclose(f);
	certificate_finish(&c);
	certificate_finish(&other);
	return 0;
}

static int tear_down(void **state)
{
	for (enum file i = 0; i < FILES; i++) {
		unlink(files[i]);
		free(files[i]);
	}
	rmdir(directory);
	return 0;
}

static void a_certificate_and_its_key_are_read(void **state)
{
	const char *const good[][2] = {{files[CERT], files[KEY]}, {files[BOTH], NULL}};

	for (size_t i = 0; i < COUNT(good); i++) {
		SSL_CTX *context = SSL_CTX_new(TLS_client_method());

		assert_int_equal(own_certificate(context, good[i][0], good[i][1], NULL), OK);
		assert_int_equal(SSL_CTX_check_private_key(context), 1);
		SSL_CTX_free(context);
	}
}

static void what_cannot_be_used_is_named(void **state)
{
	const struct {
		const char *cert, *key, *words, *more;
	} cases[] = {
	    {"/nowhere/c.pem", files[KEY], "cannot read the certificate in ", "/nowhere/c.pem: No"},
	    {files[NONSENSE], files[KEY], "there is no certificate in ", files[NONSENSE]},
	    {files[CERT], "/nowhere/k.pem", "cannot read the key in ", "/nowhere/k.pem: No such"},
	    {files[CERT], directory, "the key in ", " is in no regular file"},
	    {files[CERT], NULL, "there is no key in ", files[CERT]},
	    {files[CERT], files[NONSENSE], "the key in ", "is not its owner's alone: chmod 600 "},
	    {files[CERT], files[OPEN], "the key in ", "is not its owner's alone: chmod 600 "},
	    {files[CERT], files[LOCKED], "the key in ", "is encrypted, and nobody can be asked"},
	    {files[OTHER], files[KEY], "the key in ", "is not that of the certificate"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		SSL_CTX *context = SSL_CTX_new(TLS_client_method());
		struct failure why = {0};

		assert_int_equal(
		    own_certificate(context, cases[i].cert, cases[i].key, &why), E_CONFIG);
		assert_memory_equal(why.words, cases[i].words, strlen(cases[i].words));
		assert_non_null(strstr(why.words, cases[i].more));
		SSL_CTX_free(context);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_certificate_and_its_key_are_read),
	    cmocka_unit_test(what_cannot_be_used_is_named),
	};

	return cmocka_run_group_tests_name("own", tests, set_up, tear_down);
}
