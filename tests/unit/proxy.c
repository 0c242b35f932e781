#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "proxy.h"

static void a_proxy_is_read_from_one_line(void **state)
{
	static const struct {
		const char *text, *host, *port, *user, *password;
	} cases[] = {
	    {"socks5h://proxy.test:9050", "proxy.test", "9050"},
	    {"socks5h://proxy.test", "proxy.test", "1080"},
	    {"SOCKS5H://proxy.test/", "proxy.test", "1080"},
	    {"socks5h://127.0.0.1:0080", "127.0.0.1", "80"},
	    {"socks5h://[::1]:9050", "::1", "9050"},
	    {"socks5h://[::1]", "::1", "1080"},
	    {"socks5h://me:secret@proxy.test:9050", "proxy.test", "9050", "me", "secret"},
	    {"socks5h://me@work:se:cr@et@[::1]:9050", "::1", "9050", "me@work", "se:cr@et"},
	    {"socks5h://m%3ae:%00%fF%25@proxy.test", "proxy.test", "1080", "m:e", "\0\377%"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy *p = NULL;
		struct failure why = {0};

		assert_int_equal(proxy_parse(&p, cases[i].text, &why), OK);
		assert_string_equal(p->host, cases[i].host);
		assert_string_equal(p->port, cases[i].port);
		if (cases[i].user) {
			struct slice secret = secret_octets(p->password);

			assert_string_equal(p->user, cases[i].user);
			assert_memory_equal(secret.at, cases[i].password, secret.len);
			assert_int_equal(secret.len, i == 8 ? 3 : strlen(cases[i].password));
		} else {
			assert_null(p->user);
			assert_null(p->password);
		}
		proxy_free(p);
	}
	proxy_free(NULL);
}

static char *login_of(size_t user, size_t password)
{
	char *u = xzalloc(user + 1), *p = xzalloc(password + 1), *text;

	memset(u, 'u', user);
	memset(p, 'p', password);
	text = xasprintf("socks5h://%s:%s@proxy.test", u, p);
	free(u);
	free(p);
	return text;
}

static void user_and_password_have_1_to_255_octets(void **state)
{
	static const size_t lengths[] = {0, 1, 255, 256};

	for (size_t u = 0; u < 4; u++)
		for (size_t w = 0; w < 4; w++) {
			char *text = login_of(lengths[u], lengths[w]);
			bool good = u % 3 != 0 && w % 3 != 0;
			struct proxy *p = NULL;

			assert_int_equal(proxy_parse(&p, text, NULL), good ? OK : E_USAGE);
			assert_int_equal(p != NULL, good);
			proxy_free(p);
			free(text);
		}
}

static void what_is_no_proxy_is_refused_without_being_quoted(void **state)
{
	static const char *const cases[] = {
	    "",
	    "proxy.test:9050",
	    "http://proxy.test:9050",
	    "socks5://me:secret@proxy.test",
	    "socks5h://",
	    "socks5h://:9050",
	    "socks5h:///",
	    "socks5h://proxy.test:",
	    "socks5h://proxy.test:0",
	    "socks5h://proxy.test:65536",
	    "socks5h://proxy.test:pop3",
	    "socks5h://me:secret@proxy.test:1x",
	    "socks5h://::1:9050",
	    "socks5h://[::1",
	    "socks5h://[::1]9050",
	    "socks5h://[]",
	    "socks5h://proxy.test/path",
	    "socks5h://proxy\n.test",
	    "socks5h://me:secret@",
	    "socks5h://secret@proxy.test",
	    "socks5h://:secret@proxy.test",
	    "socks5h://me%:secret@proxy.test",
	    "socks5h://me%4:secret@proxy.test",
	    "socks5h://me:secret%4g@proxy.test",
	    "socks5h://me:secret%\020\020@proxy.test",
	    "socks5h://m%00e:secret@proxy.test",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy *p = NULL;
		struct failure why = {0};

		assert_int_equal(proxy_parse(&p, cases[i], &why), E_USAGE);
		assert_null(p);
		assert_memory_equal(why.words, "proxy: ", 7);
		assert_null(strstr(why.words, "secret"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_proxy_is_read_from_one_line),
	    cmocka_unit_test(user_and_password_have_1_to_255_octets),
	    cmocka_unit_test(what_is_no_proxy_is_refused_without_being_quoted),
	};

	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
