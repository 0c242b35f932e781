#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "invocation.h"

#define MOST_WORDS 8
#define SOURCE     "pop3://me@mail.test"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static char place[] = "/tmp/pop3fs-invocation-XXXXXX";

static int set_up(void **state)
{
	static const char text[] = "[work]\nsource = " SOURCE "\n[wrong]\nsource = me@\n";
	CLEANUP(freep) char *directory = NULL, *file = NULL, *mountpoint = NULL;
	CLEANUP(closep) int fd = -1;

	assert_non_null(mkdtemp(place));
	directory = xasprintf("%s/pop3fs", place);
	file = xasprintf("%s/config", directory);
	mountpoint = xasprintf("%s/mail", place);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(mkdir(mountpoint, 0700), 0);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	setenv("XDG_CONFIG_HOME", place, 1);
	return chdir(place);
}

static int tear_down(void **state)
{
	assert_int_equal(unlink("pop3fs/config"), 0);
	assert_int_equal(rmdir("pop3fs"), 0);
	assert_int_equal(rmdir("mail"), 0);
	return rmdir(place);
}

static enum error read_words(
    struct invocation *i, const char *const words[MOST_WORDS], struct failure *why)
{
	char *argv[MOST_WORDS + 1] = {NULL};
	int argc = 0;

	for (; argc < MOST_WORDS && words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	*i = (struct invocation){0};
	return invocation_read(i, argc, argv, why);
}

static void check_account(const struct invocation *i, const char *source)
{
	CLEANUP(freep) char *mountpoint = realpath("mail", NULL);

	assert_string_equal(i->account.source, source);
	assert_string_equal(i->account.words, "me@mail.test");
	assert_string_equal(i->mountpoint, mountpoint);
}

static void it_says_what_is_to_be_mounted_where(void **state)
{
	static const struct {
		const char *words[MOST_WORDS];
		const char *source;
		bool fake, verbose, ro;
	} cases[] = {
	    {{"pop3fs", SOURCE, "mail"}, SOURCE},
	    {{"pop3fs", "-o", "ro", "work", "mail"}, "work", .ro = true},
	    {{"/sbin/mount.pop3fs", SOURCE, "mail", "-fv", "-o", "ro,_netdev"}, SOURCE,
		.fake = true, .verbose = true, .ro = true},
	};

	for (size_t n = 0; n < COUNT(cases); n++) {
		struct failure why = {0};
		struct invocation i;

		if (read_words(&i, cases[n].words, &why))
			fail_msg("%s", why.words);
		check_account(&i, cases[n].source);
		assert_int_equal(i.helper.fake, cases[n].fake);
		assert_int_equal(i.helper.verbose, cases[n].verbose);
		assert_int_equal(i.options.read_only, cases[n].ro);
		assert_false(invocation_tell(&i, stdout));
		invocation_finish(&i);
	}
}

static void what_cannot_be_is_named(void **state)
{
	static const struct {
		const char *words[MOST_WORDS];
		enum error code;
		const char *said;
	} cases[] = {
	    {{"pop3fs"}, E_USAGE, "it is pop3fs [OPTIONS] SOURCE MOUNTPOINT"},
	    {{"pop3fs", SOURCE}, E_USAGE, "it is pop3fs [OPTIONS] SOURCE MOUNTPOINT"},
	    {{"pop3fs", "--print_config", SOURCE, "mail"}, E_USAGE,
		"it is pop3fs --print_config [OPTIONS] SOURCE"},
	    {{"pop3fs", "-o", "nonsense", SOURCE, "mail"}, E_USAGE, "nonsense"},
	    {{"pop3fs", "wrong", "mail"}, E_CONFIG, "/pop3fs/config:4: "},
	    {{"pop3fs", SOURCE, "nowhere"}, E_CONFIG, "nowhere"},
	    {{"mount.pop3fs", SOURCE, "mail", "-N", "/nowhere"}, E_SYSTEM, "/nowhere"},
	};

	for (size_t n = 0; n < COUNT(cases); n++) {
		struct failure why = {0};
		struct invocation i;

		assert_int_equal(read_words(&i, cases[n].words, &why), cases[n].code);
		if (!strstr(why.words, cases[n].said))
			assert_string_equal(why.words, cases[n].said);
		assert_null(i.mountpoint);
		invocation_finish(&i);
	}
}

static void what_is_asked_for_is_told_and_nothing_else_is_looked_at(void **state)
{
	static const struct {
		const char *words[MOST_WORDS];
		const char *told; /* within it */
	} cases[] = {
	    {{"pop3fs", "-h", "nonsense"}, "SOURCE MOUNTPOINT"},
	    {{"pop3fs", "--version"}, "pop3fs " POP3FS_VERSION "\n"},
	    {{"pop3fs", "--print_config", "work"}, "[work]\n"},
	    {{"pop3fs", "--print_config", SOURCE}, "[mail.test]\n"},
	    {{"pop3fs", "--print_config", "pop3://me@commit"}, "[account]\n"}, /* a verb's name */
	};

	for (size_t n = 0; n < COUNT(cases); n++) {
		CLEANUP(freep) char *told = NULL;
		size_t len;
		FILE *to = open_memstream(&told, &len);
		struct failure why = {0};
		struct invocation i;

		if (read_words(&i, cases[n].words, &why))
			fail_msg("%s", why.words);
		assert_true(invocation_tell(&i, to));
		assert_int_equal(fclose(to), 0);
		if (!strstr(told, cases[n].told))
			assert_string_equal(told, cases[n].told);
		assert_null(i.mountpoint);
		invocation_finish(&i);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_says_what_is_to_be_mounted_where),
	    cmocka_unit_test(what_cannot_be_is_named),
	    cmocka_unit_test(what_is_asked_for_is_told_and_nothing_else_is_looked_at),
	};

	return cmocka_run_group_tests_name("invocation", tests, set_up, tear_down);
}
