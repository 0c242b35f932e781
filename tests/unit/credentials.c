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
		    &s, "password_file", slice_make(cases[i].text, cases[i].len), &why);

		assert_int_equal(e, cases[i].want ? OK : E_SECRET);
		if (cases[i].want)
			assert_true(slice_is(secret_octets(s), cases[i].want));
		else
			assert_non_null(strstr(why.words, "password_file"));
		assert_null(strstr(why.words, "hunt"));
		secret_free(s);
	}
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
		struct account a = {.words = (char *)"me@host"};
		struct failure why = {.code = OK};
		struct secret *s = NULL;

		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		assert_int_equal(
		    credentials_get(&s, &o, &a, NULL, &why), cases[i].has ? E_SECRET : OK);
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
		struct account a = {.words = (char *)"me@host"};
		struct failure why = {.code = OK};
		struct secret *s = NULL;

		assert_int_equal(credentials_get(&s, &o, &a, NULL, &why), E_SECRET);
		assert_non_null(strstr(why.words, paths[i]));
	}
}

static void the_first_source_decides_even_when_it_fails(void **state)
{
	const char *command[] = {"false", NULL};
	struct companion_plan plan = {(char *const *)command, 60000, "/nowhere"};
	struct options o = {
	    .password_command = (char **)command, .password_file = (char *)"/dev/null"};
	struct account a = {.words = (char *)"me@host"};
	struct companion *c = NULL;
	struct secret *s = NULL;
	struct failure why;

	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	assert_int_equal(credentials_get(&s, &o, &a, c, &why), E_SECRET);
	assert_string_equal(why.words, "password_command ended with status 1");
	companion_free(c);
	assert_true(waitpid(-1, NULL, 0) > 0);
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
		struct account a = {.words = (char *)"me\x1b@host"};
		struct secret *s = NULL;
		struct termios now;
		int tty;

		alarm(LONGEST_S);
		setsid();
		tty = open(name, O_RDWR);
		ioctl(tty, TIOCSCTTY, 0);
		if (credentials_get(&s, &o, &a, NULL, NULL))
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
	    cmocka_unit_test(only_a_file_of_one_s_own_is_read),
	    cmocka_unit_test(what_is_no_file_is_refused),
	    cmocka_unit_test(the_first_source_decides_even_when_it_fails),
	    cmocka_unit_test(the_terminal_asks_without_showing),
	    cmocka_unit_test(a_signal_gives_the_terminal_its_echo_back),
	    cmocka_unit_test(a_signal_that_comes_before_it_waits_is_heard),
	    cmocka_unit_test(without_a_terminal_it_says_what_to_configure),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
