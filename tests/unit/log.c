#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static void say_to_the_journal(void)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_error("gone");
	log_deed("deleted");
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_error("not there");
	setenv("JOURNAL_STREAM", "", 1);
	log_error("nowhere");
	unsetenv("JOURNAL_STREAM");
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

static void the_journal_is_told_the_level(void **state)
{
	char got[512];

	written(got, sizeof(got), say_to_the_journal);
	assert_string_equal(got, "<3>gone\n<6>deleted\npop3fs: not there\npop3fs: nowhere\n");
}

static void the_transcript_is_said_only_when_asked_for(void **state)
{
	char got[256];

	written(got, sizeof(got), say_debug);
	assert_string_equal(got, "pop3fs: loud\n");
}

/* Sayings, and what stands on stderr after each; "|" is log_told. */
struct saying {
	void (*say)(void);
	const char *want;
};

static void say_lost(void)
{
	log_warning("the line was lost");
}

static void say_lost_thrice(void)
{
	say_lost();
	say_lost();
	say_lost();
}

static void say_deed(void)
{
	log_news("nothing more is removed");
	log_news("nothing more is removed");
	log_deed("deleted 1 message on the server");
	log_deed("deleted 1 message on the server");
}

static void say_others(void)
{
	for (int i = 0; i < 16; i++)
		log_info("other %d", i);
}

static void say_long(void)
{
	char text[1024];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	log_info("%s", text);
}

#define OTHERS                                                                                     \
	"pop3fs: other 0\npop3fs: other 1\npop3fs: other 2\npop3fs: other 3\npop3fs: other 4\n"    \
	"pop3fs: other 5\npop3fs: other 6\npop3fs: other 7\npop3fs: other 8\npop3fs: other 9\n"    \
	"pop3fs: other 10\npop3fs: other 11\npop3fs: other 12\npop3fs: other 13\n"                 \
	"pop3fs: other 14\n"

static void the_same_sentence_is_said_once_in_a_while(void **state)
{
	static const struct saying cases[] = {
	    {say_lost_thrice, "pop3fs: the line was lost\n"},
	    {say_lost, ""},
	    {log_told, "pop3fs: the line was lost (3 times more since this was last said)\n"},
	    {log_told, ""},
	    {say_lost, "pop3fs: the line was lost\n"},
	    {say_deed, "pop3fs: nothing more is removed\npop3fs: nothing more is removed\n"
		       "pop3fs: deleted 1 message on the server\n"
		       "pop3fs: deleted 1 message on the server\n"},
	    {say_lost, ""},
	    /* the last of the others takes its place */
	    {say_others, OTHERS "pop3fs: the line was lost (1 time more since this was last said)\n"
				"pop3fs: other 15\n"},
	    {say_lost, "pop3fs: the line was lost\n"},
	};
	char got[4096];

	log_sparingly(INT64_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		written(got, sizeof(got), cases[i].say);
		assert_string_equal(got, cases[i].want);
	}
	written(got, sizeof(got), say_long);
	assert_int_equal(strlen(got), 2 * (sizeof("pop3fs: \n") - 1 + 1023));
	log_sparingly(0);
	written(got, sizeof(got), say_lost_thrice);
	assert_int_equal(strlen(got), 3 * strlen("pop3fs: the line was lost\n"));
}

static void say_until_it_is_said_again(void)
{
	char now[4096] = "";

	do {
		say_lost();
		fflush(stderr);
	} while (pread(STDERR_FILENO, now, sizeof(now) - 1, 0) > 0 && !strstr(now, "since"));
}

static void it_is_said_again_later_with_the_count(void **state)
{
	char got[4096];

	log_sparingly(20);
	written(got, sizeof(got), say_until_it_is_said_again);
	assert_non_null(strstr(got, "pop3fs: the line was lost\n"));
	assert_non_null(strstr(got, " more since this was last said)\n"));
	log_sparingly(0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hostile_octets_are_escaped),
	    cmocka_unit_test(one_sentence_is_one_line),
	    cmocka_unit_test(the_journal_is_told_the_level),
	    cmocka_unit_test(the_transcript_is_said_only_when_asked_for),
	    cmocka_unit_test(the_same_sentence_is_said_once_in_a_while),
	    cmocka_unit_test(it_is_said_again_later_with_the_count),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
