#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "alloc.h"
#include "credentials.h"
#include "mechanism.h"
#include "terminal.h"

#define LONGEST_S 60 /* that a child may live; then it hangs, and the test has failed */

static void a_password_is_a_first_line_without_controls(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want; /* NULL: refused */
	} cases[] = {
	    {"hunter2", 7, "hunter2"},
	    {"hunter2\n", 8, "hunter2"},
	    {"hunter2\r\n", 9, "hunter2"},
	    {"hunter2\nmore\x01\n", 14, "hunter2"},
	    {" spaces stay \n", 14, " spaces stay "},
	    {"gr\xc3\xbc\xc3\x9f\n", 7, "gr\xc3\xbc\xc3\x9f"},
	    {"", 0, NULL},
	    {"\n", 1, NULL},
	    {"\r\n", 2, NULL},
	    {"\nhunter2", 8, NULL},
	    {"hunt\rer2\n", 9, NULL},
	    {"hunt\0er2\n", 9, NULL},
	    {"hunt\ter2\n", 9, NULL},
	    {"hunter2\x7f", 8, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = OK};
		struct secret *s = NULL;
		enum error e = secret_from_text(
		    &s, "password_file", "password", slice_make(cases[i].text, cases[i].len), &why);

		assert_int_equal(e, cases[i].want ? OK : E_SECRET);
		if (cases[i].want)
			assert_true(slice_is(secret_octets(s), cases[i].want));
		else
			assert_non_null(strstr(why.words, "password_file"));
		assert_null(strstr(why.words, "hunt"));
		secret_free(s);
	}
}

static void it_is_not_cut_where_it_is_too_long(void **state)
{
	CLEANUP(freep) char *text = xmalloc(LONGEST_SECRET + 1);
	struct secret *s = NULL;
	struct failure why;

	memset(text, 'x', LONGEST_SECRET + 1);
	assert_int_equal(
	    secret_from_text(&s, "a", "token", slice_make(text, LONGEST_SECRET), &why), OK);
	assert_int_equal(secret_octets(s).len, LONGEST_SECRET);
	secret_free(s);
	assert_int_equal(
	    secret_from_text(&s, "a", "token", slice_make(text, LONGEST_SECRET + 1), &why),
	    E_SECRET);
	assert_string_equal(why.words, "a gave a token of more than 8192 octets");
}

/* As main.c does it, but all in this process. */
static enum error get(
    struct secret **out, const struct options *o, const char *words, struct failure *why)
{
	struct account a = {
	    .words = (char *)words, .user = (char *)"me@example.org", .host = (char *)"host"};
	CLEANUP(credentials_finish) struct credentials c;

	credentials_choose(&c, o, &a);
	return credentials_ask(out, &c, -1, why);
}

static void only_a_file_of_one_s_own_is_read(void **state)
{
	static const struct {
		mode_t mode;
		const char *has; /* of the sentence; NULL: it is read */
	} cases[] = {
	    {0600, NULL},
	    {0400, NULL},
	    {0700, NULL},
	    {0640, "chmod 600"},
	    {0604, "chmod 600"},
	    {0620, "chmod 600"},
	    {0602, "chmod 600"},
	};
	char path[] = "/tmp/pop3fs-credentials-XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "hunter2\n", 8), 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o = {.password_file = path};
		struct failure why = {.code = OK};
		struct secret *s = NULL;

		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		assert_int_equal(get(&s, &o, "me@host", &why), cases[i].has ? E_SECRET : OK);
		if (cases[i].has)
			assert_non_null(strstr(why.words, cases[i].has));
		else
			assert_true(slice_is(secret_octets(s), "hunter2"));
		secret_free(s);
	}
	close(fd);
	unlink(path);
}

static void what_is_no_file_is_refused(void **state)
{
	static const char *const paths[] = {"/nowhere/secret", "/dev/zero", "/tmp"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct options o = {.password_file = (char *)paths[i]};
		struct failure why = {.code = OK};
		struct secret *s = NULL;

		assert_int_equal(get(&s, &o, "me@host", &why), E_SECRET);
		assert_non_null(strstr(why.words, paths[i]));
	}
}

/* ---- which source ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void the_first_source_that_is_configured_decides(void **state)
{
	const char *token[] = {"echo", "from-oauth", NULL},
		   *word[] = {"echo", "from-command", NULL};
	char place[] = "/tmp/pop3fs-credentials-XXXXXX";
	CLEANUP(freep) char *credential = NULL, *file = NULL, *netrc = NULL;
	struct options o = {.oauth_command = (char **)token, .password_command = (char **)word};
	static const char *const want[] = {
	    "from-oauth", "from-command", "from-file", "from-credential", "from-netrc"};

	assert_non_null(mkdtemp(place));
	credential = xasprintf("%s/" CREDENTIAL_NAME, place);
	file = xasprintf("%s/file", place);
	netrc = xasprintf("%s/netrc", place);
	write_file(credential, "from-credential\n");
	write_file(file, "from-file\n");
	write_file(netrc, "machine host login me@example.org password from-netrc\n");
	o.password_file = file;
	o.netrc = netrc;
	setenv("CREDENTIALS_DIRECTORY", place, 1);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct secret *s = NULL;
		struct failure why;

		if (get(&s, &o, "me@host", &why))
			fail_msg("%s: %s", want[i], why.words);
		assert_true(slice_is(secret_octets(s), want[i]));
		secret_free(s);
		/* and without it, the next */
		if (i == 0)
			o.oauth_command = NULL;
		else if (i == 1)
			o.password_command = NULL;
		else if (i == 2)
			o.password_file = NULL;
		else
			unsetenv("CREDENTIALS_DIRECTORY");
	}
	unlink(credential);
	unlink(file);
	unlink(netrc);
	rmdir(place);
}

static void a_certificate_needs_no_secret(void **state)
{
	const char *word[] = {"false", NULL};
	struct options o = {.auth = MECHANISM_EXTERNAL, .password_command = (char **)word};
	struct secret *s = NULL;
	struct failure why = {.code = OK};

	assert_int_equal(get(&s, &o, "me@host", &why), OK);
	assert_null(s);
}

static void its_failure_is_final(void **state)
{
	const char *command[] = {"false", NULL};
	struct options o = {
	    .password_command = (char **)command, .password_file = (char *)"/dev/null"};
	struct secret *s = NULL;
	struct failure why;

	assert_int_equal(get(&s, &o, "me@host", &why), E_SECRET);
	assert_string_equal(why.words, "password_command ended with status 1");
	o.oauth_command = o.password_command;
	assert_int_equal(get(&s, &o, "me@host", &why), E_SECRET);
	assert_string_equal(why.words, "oauth_command ended with status 1");
}

static void a_netrc_has_the_password_of_this_account(void **state)
{
	static const struct {
		const char *text, *want, *sentence; /* behind its path */
	} cases[] = {
	    {"machine host login me@example.org password hunter2\n", "hunter2", NULL},
	    {"machine host login you password hunter2\n", NULL,
		": there is no password of me@example.org on host"},
	    {"machine host\nhunter2\n", NULL,
		": line 2 has a word that is none of machine, default, login, password, account "
		"and "
		"macdef"},
	    {"machine host password \"hunt\\\ner2\"\n", NULL, " has a control character"},
	};
	char path[] = "/tmp/pop3fs-credentials-XXXXXX";
	struct options o = {.netrc = path};
	int fd = mkstemp(path);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret *s = NULL;
		struct failure why = {.code = OK};

		write_file(path, cases[i].text);
		assert_int_equal(get(&s, &o, "me@host", &why), cases[i].want ? OK : E_SECRET);
		if (cases[i].want) {
			assert_true(slice_is(secret_octets(s), cases[i].want));
		} else {
			assert_non_null(strstr(why.words, path));
			assert_string_equal(
			    strstr(why.words, path) + strlen(path), cases[i].sentence);
		}
		secret_free(s);
	}
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(get(&(struct secret *){NULL}, &o, "me@host", NULL), E_SECRET);
	close(fd);
	unlink(path);
}

/* systemd lets the unit's user in by an access list, which the mode shows as a group's. */
static void a_credential_of_systemd_s_is_there_or_not(void **state)
{
	char place[] = "/tmp/pop3fs-credentials-XXXXXX";
	CLEANUP(freep) char *path = NULL;
	struct account a = {.words = (char *)"me@host"};
	CLEANUP(credentials_finish) struct credentials c;
	struct options o = {.help = false};
	struct secret *s = NULL;

	assert_non_null(mkdtemp(place));
	path = xasprintf("%s/" CREDENTIAL_NAME, place);
	setenv("CREDENTIALS_DIRECTORY", place, 1);
	credentials_choose(&c, &o, &a);
	assert_false(credentials_can_ask_again(&c)); /* the terminal */
	write_file(path, "hunter2\n");
	assert_int_equal(chmod(path, 0440), 0);
	credentials_choose(&c, &o, &a);
	assert_true(credentials_can_ask_again(&c));
	assert_int_equal(credentials_ask(&s, &c, -1, NULL), OK);
	assert_true(slice_is(secret_octets(s), "hunter2"));
	secret_free(s);
	unsetenv("CREDENTIALS_DIRECTORY");
	unlink(path);
	rmdir(place);
}

static void one_line_of_standard_input_is_taken(void **state)
{
	struct options o = {.password_stdin = true};
	struct secret *s = NULL;
	int before = dup(STDIN_FILENO), ends[2];
	char rest[8] = "";

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "hunter2\nrest", 12), 12);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(get(&s, &o, "me@host", NULL), OK);
	assert_true(slice_is(secret_octets(s), "hunter2"));
	assert_int_equal(read(STDIN_FILENO, rest, sizeof(rest)), 4);
	assert_int_equal(get(&s, &o, "me@host", NULL), E_SECRET); /* it has come to its end */
	secret_free(s);
	assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
	close(before);
	close(ends[0]);
}

/* ---- the terminal: a child on a pseudo-terminal of its own ---- */

static int open_terminal(char *name, size_t room)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, room), 0);
	return master;
}

static bool interrupted; /* in the child: by a signal after echo is off, and before it waits */

int tcsetattr(int fd, int actions, const struct termios *to)
{
	int (*real)(int, int, const struct termios *) = NULL;
	int result;

	*(void **)&real = dlsym(RTLD_NEXT, "tcsetattr");
	result = real(fd, actions, to);
	if (interrupted && !(to->c_lflag & ECHO))
		raise(SIGTERM);
	return result;
}

/* Exits 0 if it got "hunter2" and echo is as before, 1 on refusal, 2 otherwise. */
static pid_t ask_on(const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct options o = {.foreground = false};
		struct secret *s = NULL;
		struct termios now;
		int tty;

		alarm(LONGEST_S);
		setsid();
		tty = open(name, O_RDWR);
		ioctl(tty, TIOCSCTTY, 0);
		if (get(&s, &o, "me\x1b@host", NULL))
			_exit(1);
		tcgetattr(tty, &now);
		_exit(slice_is(secret_octets(s), "hunter2") && now.c_lflag & ECHO ? 0 : 2);
	}
	return pid;
}

/* Everything that the terminal shows until `end` is among it. */
static void read_until(int master, struct buf *shown, const char *end)
{
	while (!strstr(buf_text(shown), end)) {
		struct pollfd polled = {master, POLLIN, 0};
		ssize_t got;

		assert_int_equal(poll(&polled, 1, 60000), 1);
		got = read(master, buf_room(shown, 256), 256);
		assert_true(got > 0);
		buf_added(shown, (size_t)got);
	}
}

static void the_terminal_asks_without_showing(void **state)
{
	CLEANUP(buf_finish) struct buf shown = {.len = 0};
	char name[64];
	int status, master = open_terminal(name, sizeof(name));
	int slave = open(name, O_RDWR | O_NOCTTY);
	pid_t pid = ask_on(name);
	struct termios now;

	read_until(master, &shown, "Password of me\\x1b@host: ");
	do
		assert_int_equal(tcgetattr(slave, &now), 0);
	while (now.c_lflag & ECHO); /* typed before that, it would be shown, and then flushed */
	assert_int_equal(write(master, "hunter2\n", 8), 8);
	read_until(master, &shown, "\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_null(strstr(buf_text(&shown), "hunter2"));
	close(slave);
	close(master);
}

static void a_signal_gives_the_terminal_its_echo_back(void **state)
{
	CLEANUP(buf_finish) struct buf shown = {.len = 0};
	char name[64];
	int status, master = open_terminal(name, sizeof(name));
	int slave = open(name, O_RDWR | O_NOCTTY);
	pid_t pid = ask_on(name);
	struct termios now;

	read_until(master, &shown, "host: ");
	do
		assert_int_equal(tcgetattr(slave, &now), 0);
	while (now.c_lflag & ECHO);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(tcgetattr(slave, &now), 0);
	assert_true(now.c_lflag & ECHO);
	close(slave);
	close(master);
}

static void a_signal_that_comes_before_it_waits_is_heard(void **state)
{
	char name[64];
	int status, master = open_terminal(name, sizeof(name));
	int slave = open(name, O_RDWR | O_NOCTTY);
	struct termios now;
	pid_t pid;

	interrupted = true;
	pid = ask_on(name);
	interrupted = false;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(tcgetattr(slave, &now), 0);
	assert_true(now.c_lflag & ECHO);
	close(slave);
	close(master);
}

static void without_a_terminal_it_says_what_to_configure(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct buf line = {.len = 0};
		struct failure why = {.code = OK};

		setsid(); /* no terminal any more */
		terminal_ask(&line, "Password: ", &why);
		_exit(why.code == E_SECRET && strstr(why.words, "password_file=") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_password_is_a_first_line_without_controls),
	    cmocka_unit_test(it_is_not_cut_where_it_is_too_long),
	    cmocka_unit_test(only_a_file_of_one_s_own_is_read),
	    cmocka_unit_test(what_is_no_file_is_refused),
	    cmocka_unit_test(the_first_source_that_is_configured_decides),
	    cmocka_unit_test(a_certificate_needs_no_secret),
	    cmocka_unit_test(its_failure_is_final),
	    cmocka_unit_test(a_netrc_has_the_password_of_this_account),
	    cmocka_unit_test(a_credential_of_systemd_s_is_there_or_not),
	    cmocka_unit_test(one_line_of_standard_input_is_taken),
	    cmocka_unit_test(the_terminal_asks_without_showing),
	    cmocka_unit_test(a_signal_gives_the_terminal_its_echo_back),
	    cmocka_unit_test(a_signal_that_comes_before_it_waits_is_heard),
	    cmocka_unit_test(without_a_terminal_it_says_what_to_configure),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
