#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "status.h"

static struct session_state said = {
    .phase = PHASE_READY,
    .queue = 7,
    .listed = 1700000000,
    .bad_lines = 1,
    .trouble = {E_CLOSED, "the server said \"bye\r\nstate: ready\""},
    .server = "Nice\x1b[2JServer\n",
    .cipher = "TLSv1.3 TLS_AES_256_GCM_SHA384",
    .login = "SCRAM-SHA-256-PLUS",
    .eats_read = true,
};

static void facts_are_lines_and_a_server_cannot_add_one(void **state)
{
	static const char *const lines[] = {
	    "state: ready\n",
	    "server: Nice\\x1b[2JServer\\x0a\n",
	    "sessions end: without QUIT, where the server would delete what was read\n",
	    "tls: TLSv1.3 TLS_AES_256_GCM_SHA384\n",
	    "login: SCRAM-SHA-256-PLUS\n",
	    "user: me@example.org\n",
	    "messages: 3\n",
	    "bytes: 1234567890123\n",
	    "cached: 2\n",
	    "mirror: 2 of 3\n",
	    "pending deletions: 4\n",
	    "last listing: 2023-11-14T22:13:20Z\n",
	    "skipped lines: 1\n",
	    "queue: 7\n",
	    "last error: the server said \"bye\\x0d\\x0astate: ready\"\n",
	    "sandbox: landlock, seccomp\n",
	    "version: " POP3FS_VERSION "\n",
	};
	struct status s = {.account = "me@example.org",
	    .state = &said,
	    .messages = 3,
	    .octets = 1234567890123,
	    .cached = 2,
	    .mirror = "2 of 3",
	    .pending = 4,
	    .sandbox = "landlock, seccomp"};
	struct buf text = {0};
	const char *at;

	status_render(&text, &s);
	at = buf_text(&text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_memory_equal(at, lines[i], strlen(lines[i]));
		at += strlen(lines[i]);
	}
	assert_memory_equal(at, "pid: ", 5);
	assert_ptr_equal(strchr(at, '\n'), buf_text(&text) + text.len - 1);
	buf_finish(&text);
}

static void without_a_word_from_the_session_it_is_closed(void **state)
{
	struct status s = {.account = "x"};
	struct buf text = {0};

	status_render(&text, &s);
	assert_non_null(strstr(buf_text(&text), "state: closed\n"));
	assert_non_null(strstr(buf_text(&text), "sessions end: with QUIT\n"));
	assert_non_null(strstr(buf_text(&text), "last listing: never\n"));
	assert_non_null(strstr(buf_text(&text), "last error: none\n"));
	buf_finish(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts_are_lines_and_a_server_cannot_add_one),
	    cmocka_unit_test(without_a_word_from_the_session_it_is_closed),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
