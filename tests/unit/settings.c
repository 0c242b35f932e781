#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "config.h"
#include "settings.h"

/* A configuration of the user's, and what comes of it. */
struct bench {
	char place[32];
	char *path;
	struct options options;
	struct settings settings;
	struct failure why;
};

static void begin(struct bench *b, const char *text)
{
	CLEANUP(freep) char *directory = NULL;
	CLEANUP(closep) int fd = -1;

	*b = (struct bench){.place = "/tmp/pop3fs-settings-XXXXXX"};
	assert_non_null(mkdtemp(b->place));
	directory = xasprintf("%s/pop3fs", b->place);
	assert_int_equal(mkdir(directory, 0700), 0);
	b->path = xasprintf("%s/config", directory);
	fd = open(b->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	setenv("XDG_CONFIG_HOME", b->place, 1);
	setenv("HOME", "/home/somebody", 1);
	options_init(&b->options);
}

static void finish(struct bench *b)
{
	CLEANUP(freep) char *directory = xasprintf("%s/pop3fs", b->place);

	unlink(b->path);
	rmdir(directory);
	rmdir(b->place);
	options_finish(&b->options);
	settings_finish(&b->settings);
	free(b->path);
}

/* On the command line. */
static void give(struct bench *b, const char *name, const char *value)
{
	assert_int_equal(option_set(&b->options, option_find(slice_of(name)), value, NULL), OK);
}

static enum error read_it(struct bench *b, const char *word)
{
	return settings_read(&b->settings, &b->options, word, &b->why);
}

static void check_where(const struct bench *b, const char *where, unsigned line)
{
	CLEANUP(freep) char *want = xasprintf("%s:%u", b->path, line);

	assert_string_equal(where, want);
}

static void a_stronger_place_wins(void **state)
{
	static const char text[] = "timeout = 10s\nretry = 10s\nidle = 10s\nro\n"
				   "[work]\nsource = me@host\ntimeout = 20s\nretry = 20s\nrw\n"
				   "[other]\nsource = you@host\ntimeout = 50s\n";
	struct bench b;

	begin(&b, text);
	give(&b, "timeout", "30s");
	if (read_it(&b, "work"))
		fail_msg("%s", b.why.words);
	assert_int_equal(b.options.timeout, 30);
	assert_int_equal(b.options.retry, 20);
	assert_int_equal(b.options.idle, 10);
	assert_int_equal(b.options.refresh, 60); /* the default */
	assert_false(b.options.read_only);
	assert_string_equal(b.settings.source, "me@host");
	check_where(&b, b.settings.where, 6);
	check_where(&b, option_origin(&b.options, option_find(slice_of("retry")))->where, 8);
	assert_null(option_origin(&b.options, option_find(slice_of("timeout")))->where);
	finish(&b);
}

static void what_stands_for_all_is_for_any_source(void **state)
{
	static const char *const words[] = {"me@host", "pop3s://me@host", "pop3s://"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct bench b;

		begin(&b, "ro\n[work]\nsource = me@host\nidle = 1\n[*]\nidle = 5\n");
		assert_int_equal(read_it(&b, words[i]), OK);
		assert_string_equal(b.settings.source, words[i]);
		assert_null(b.settings.where);
		assert_true(b.options.read_only);
		assert_int_equal(b.options.idle, 5);
		finish(&b);
	}
}

/* Where the account has its own, what stands for all is no other source of its password. */
static void a_source_of_a_password_settles_all(void **state)
{
	struct bench b;

	begin(&b, "password_command = pass mail\n[work]\nsource = me@host\nnetrc\n");
	assert_int_equal(read_it(&b, "work"), OK);
	assert_null(b.options.password_command);
	assert_string_equal(b.options.netrc, "/home/somebody/.netrc");
	finish(&b);
	begin(&b, "password_command = pass mail\n[work]\nsource = me@host\nnetrc\n");
	give(&b, "password_stdin", NULL);
	assert_int_equal(read_it(&b, "work"), OK);
	assert_null(b.options.password_command);
	assert_null(b.options.netrc);
	finish(&b);
}

static void quotes_belong_to_the_value_of_a_command(void **state)
{
	struct bench b;

	begin(&b, "[work]\nsource = \"me@host\"\ncache_dir = \"~/a b\"\n"
		  "password_command = \"a b\" 'c d'\n");
	assert_int_equal(read_it(&b, "work"), OK);
	assert_string_equal(b.settings.source, "me@host");
	assert_string_equal(b.options.cache_dir, "/home/somebody/a b");
	assert_string_equal(b.options.password_command[0], "a b");
	assert_string_equal(b.options.password_command[1], "c d");
	finish(&b);
}

static void what_is_wrong_is_named_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *sentence; /* behind the file's name */
	} cases[] = {
	    {"\n[work]\nsource = me@host\ntimeout = soon\n", ":4: timeout="},
	    {"timeout = 0\n[work]\nsource = me@host\n", ":1: timeout="},
	    {"[work]\nsource = me@host\nro\nro\n", ":4: ro is given twice"},
	    {"[work]\nsource = me@host\nro\nrw\n", ":4: ro and rw contradict each other"},
	    {"[work]\nsource = me@host\nro = yes\n", ":3: ro takes no value"},
	    {"[work]\nsource = me@host\nidle\n", ":3: idle needs a value"},
	    {"[work]\nsource = me@host\nidle =\n", ":3: idle needs a value"},
	    {"[work]\nsource = me@host\nnonsense = 1\n", ":3: unknown option nonsense"},
	    {"[work]\nsource = me@host\npassword = x\n", ":3: a password does not belong"},
	    {"[work]\nsource = me@host\ndebug\n", ":3: debug is for the command line only"},
	    {"[work]\nsource = me@host\nconfig = /a\n", ":3: config is for the command line"},
	    {"[work]\nsource = me@host\nprint_config\n", ":3: print_config is for the command"},
	    {"[work]\nsource = me@host\nca = ca.pem\n", ":3: ca needs a path from / or ~/ on"},
	    {"[work]\nsource = me@host\nca = \"/a\n", ":3: the quote of ca does not end"},
	    {"[work]\nsource = me@host\npassword_command = a | b\n", ":3: password_command is run"},
	    {"[work]\nsource = me@host\nsource = me@host\n", ":3: source is given twice"},
	    {"[work]\nsource\n", ":2: source needs a value"},
	    {"[work]\nsource = \"\n", ":2: source needs a value"},
	    {"source = me@host\n[work]\nsource = me@host\n",
		":1: source belongs into an account's section"},
	    {"\n\n[work]\nro\n", ":3: [work] has no source = user@host"},
	    {"[work]\nsource = me@host\n[status]\n", ":3: status is a verb of pop3fs"},
	    {"[work]\nsource = me@host\n[umount]\n", ":3: umount is a verb of pop3fs"},
	    {"[work]\nsource = me@host\n[work]\n", ":3: a section of this name has been before"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		begin(&b, cases[i].text);
		assert_int_equal(read_it(&b, "work"), E_CONFIG);
		assert_memory_equal(b.why.words, b.path, strlen(b.path));
		if (strncmp(b.why.words + strlen(b.path), cases[i].sentence,
			strlen(cases[i].sentence)) != 0)
			fail_msg("%s", b.why.words);
		finish(&b);
	}
}

static void another_account_s_lines_are_not_looked_at(void **state)
{
	struct bench b;

	begin(&b, "[work]\nsource = me@host\n[other]\nnonsense = 5\nsource = you@host\n");
	assert_int_equal(read_it(&b, "work"), OK);
	finish(&b);
}

static void what_is_no_account_is_wrong_usage(void **state)
{
	struct bench b;

	begin(&b, "[work]\nsource = me@host\n");
	assert_int_equal(read_it(&b, "wrok"), E_USAGE);
	assert_non_null(strstr(b.why.words, "wrok"));
	assert_non_null(strstr(b.why.words, b.path));
	assert_non_null(strstr(b.why.words, "user@host"));
	finish(&b);
	begin(&b, "");
	unlink(b.path);
	assert_int_equal(read_it(&b, "work"), E_USAGE);
	assert_int_equal(read_it(&b, "me@host"), OK);
	finish(&b);
}

static void only_a_file_that_nobody_else_can_write_is_read(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *has; /* of the sentence; NULL: it is read */
	} cases[] = {
	    {"ro\n", 0600, NULL},
	    {"ro\n", 0644, NULL},
	    {"ro\n", 0664, "others may write"},
	    {"ro\n", 0602, "others may write"},
	    {"proxy = socks5h://host\n", 0644, NULL},
	    {"proxy = socks5h://me:hunter2@host\n", 0600, NULL},
	    {"proxy = socks5h://me:hunter2@host\n", 0640, "others may read"},
	    {"proxy = socks5h://me:hunter2@host\n", 0604, "others may read"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		begin(&b, cases[i].text);
		assert_int_equal(chmod(b.path, cases[i].mode), 0);
		assert_int_equal(read_it(&b, "me@host"), cases[i].has ? E_CONFIG : OK);
		if (cases[i].has)
			assert_non_null(strstr(b.why.words, cases[i].has));
		assert_null(strstr(b.why.words, "hunter2"));
		finish(&b);
	}
}

static void a_file_that_is_named_must_be_there_and_is_the_only_one(void **state)
{
	struct bench b;

	begin(&b, "ro\n[work]\nsource = me@host\n");
	give(&b, "config", "/nowhere/config");
	assert_int_equal(read_it(&b, "me@host"), E_CONFIG);
	assert_non_null(strstr(b.why.words, "/nowhere/config"));
	finish(&b);
	begin(&b, "ro\n[work]\nsource = me@host\n");
	give(&b, "config", "/dev/null");
	assert_int_equal(read_it(&b, "me@host"), E_CONFIG); /* no regular file */
	finish(&b);
	begin(&b, "ro\n[work]\nsource = me@host\n");
	setenv("XDG_CONFIG_HOME", "/nowhere", 1);
	give(&b, "config", b.path);
	assert_int_equal(read_it(&b, "work"), OK);
	assert_true(b.options.read_only);
	finish(&b);
}

/* What is shown. malloc'd. */
static char *shown(const struct bench *b)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	settings_print(&b->settings, &b->options, "work", to);
	fclose(to);
	return text;
}

static void what_is_shown_means_the_same_when_it_is_read(void **state)
{
	static const char text[] = "ro\ncache_dir = \" /a\"\ncache_dir = /b\n";
	static const char good[] =
	    "timeout = 1m\nca = \"/a b \"\n[work]\nsource = \" me@host\"\nro\nnetrc\n"
	    "password_command = \"a b\" 'c'\nallow_other\nproxy = socks5h://a%40b:hunter2@[::1]\n"
	    "noexec\n";
	CLEANUP(freep) char *first = NULL, *second = NULL;
	struct bench b, again;

	begin(&b, text); /* a relative path, by its blank */
	assert_int_equal(read_it(&b, "me@host"), E_CONFIG);
	finish(&b);
	begin(&b, good);
	if (read_it(&b, "work"))
		fail_msg("%s", b.why.words);
	first = shown(&b);
	assert_non_null(strstr(first, "[work]\n"));
	assert_non_null(strstr(first, "\nsource = \" me@host\"\n"));
	assert_non_null(strstr(first, ":5\nro\n"));
	assert_non_null(strstr(first, "\nca = \"/a b \"\n"));
	assert_non_null(strstr(first, "\npassword_command = \"a b\" 'c'\n"));
	assert_non_null(strstr(first, "\nnetrc = /home/somebody/.netrc\n"));
	assert_non_null(strstr(first, "\nproxy = socks5h://a%40b:****@[::1]:1080\n"));
	assert_non_null(strstr(first, "\n# defaults\n"));
	begin(&again, first);
	if (read_it(&again, "work"))
		fail_msg("%s", again.why.words);
	second = shown(&again);
	assert_string_equal(again.settings.source, b.settings.source);
	for (size_t i = 0; option_at(i); i++) {
		const struct option *row = option_at(i);
		const char *text_of = option_origin(&b.options, row)->text;

		if (option_given(&b.options, row) && text_of)
			assert_string_equal(option_origin(&again.options, row)->text, text_of);
		if (option_given(&b.options, row))
			assert_true(option_given(&again.options, row));
	}
	finish(&b);
	finish(&again);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stronger_place_wins),
	    cmocka_unit_test(what_stands_for_all_is_for_any_source),
	    cmocka_unit_test(a_source_of_a_password_settles_all),
	    cmocka_unit_test(quotes_belong_to_the_value_of_a_command),
	    cmocka_unit_test(what_is_wrong_is_named_with_file_and_line),
	    cmocka_unit_test(another_account_s_lines_are_not_looked_at),
	    cmocka_unit_test(what_is_no_account_is_wrong_usage),
	    cmocka_unit_test(only_a_file_that_nobody_else_can_write_is_read),
	    cmocka_unit_test(a_file_that_is_named_must_be_there_and_is_the_only_one),
	    cmocka_unit_test(what_is_shown_means_the_same_when_it_is_read),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
