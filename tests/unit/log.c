#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "log.h"

static void hostile_octets_are_escaped(void **state)
{
	static const struct {
		struct slice from;
		size_t room;
		const char *want;
	} cases[] = {
	    {{"plain ~", 7}, 64, "plain ~"},
	    {{"a\r\nb\x1b[2J", 8}, 64, "a\\x0d\\x0ab\\x1b[2J"},
	    {{"\0\x7f\xff", 3}, 64, "\\x00\\x7f\\xff"},
	    {{"", 0}, 64, ""},
	    {{"abc", 3}, 4, "abc"},
	    {{"abcd", 4}, 4, "abc"},
	    {{"abcd", 4}, 1, ""},
	    {{"\xff", 1}, 5, "\\xff"},
	    {{"\xff", 1}, 4, ""},
	    {{"a\xff", 2}, 5, "a"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[64];

		memset(to, '#', sizeof(to));
		assert_ptr_equal(log_escape(to, cases[i].room, cases[i].from), to);
		assert_string_equal(to, cases[i].want);
	}
}

/* What `say` writes to stderr. */
static void written(char *to, size_t room, void (*say)(void))
{
	int fd = memfd_create("stderr", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
	ssize_t len;

	assert_true(fd >= 0 && saved >= 0);
	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	say();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	len = pread(fd, to, room - 1, 0);
	to[len < 0 ? 0 : len] = '\0';
	close(saved);
	close(fd);
}

static void say_hostile(void)
{
	log_error("the server said %s", "\x1b]0;x\r\nfake: line");
}

static void say_debug(void)
{
	log_debug("quiet");
	log_debug_on(true);
	assert_true(log_debug_is_on());
	log_debug("loud");
	log_debug_on(false);
	log_debug("quiet again");
}

static void say_much(void)
{
	char text[5000];

	memset(text, '\x01', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
}

static void one_sentence_is_one_line(void **state)
{
	char got[8192];

	written(got, sizeof(got), say_hostile);
	assert_string_equal(got, "pop3fs: the server said \\x1b]0;x\\x0d\\x0afake: line\n");
	written(got, sizeof(got), say_much);
	assert_true(strlen(got) < 2100);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}

static void the_transcript_is_said_only_when_asked_for(void **state)
{
	char got[256];

	written(got, sizeof(got), say_debug);
	assert_string_equal(got, "pop3fs: loud\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hostile_octets_are_escaped),
	    cmocka_unit_test(one_sentence_is_one_line),
	    cmocka_unit_test(the_transcript_is_said_only_when_asked_for),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
