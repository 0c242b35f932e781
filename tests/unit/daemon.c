#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "buf.h"
#include "daemon.h"

#define LONGEST_S 60 /* that a process may live; then it hangs, and the test has failed */

/* What the child does once it is forked; it never returns. */
typedef void life(struct daemon *d);

static int told[2]; /* the child's other way to tell the test something */

/* A whole command in a process of its own: forks, waits, exits. Its stderr is *err. */
static pid_t command(life *child, int *err)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		struct daemon d;

		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		alarm(LONGEST_S);
		setsid(); /* without a terminal, also where the test has one */
		daemon_prepare();
		if (daemon_fork(&d, false, NULL))
			_exit(99);
		if (daemon_is_parent(&d)) {
			close(told[1]);
			_exit(daemon_wait(&d, "listing"));
		}
		alarm(LONGEST_S);
		child(&d);
		_exit(98);
	}
	close(ends[1]);
	close(told[1]);
	*err = ends[0];
	return pid;
}

/* Reads to the end: all that wrote to it have closed it. */
static char *all_of(int fd)
{
	struct buf text = {.len = 0};
	char *copy;
	ssize_t got;

	while ((got = read(fd, buf_room(&text, 256), 256)) > 0)
		buf_added(&text, (size_t)got);
	copy = xstrdup(buf_text(&text));
	buf_finish(&text);
	close(fd);
	return copy;
}

static void tell(const char *text)
{
	(void)!write(told[1], text, strlen(text));
}

static void wait_for_sigterm(void)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &number);
}

static void is_ready(struct daemon *d)
{
	daemon_ready(d);
	if (isatty(STDERR_FILENO) || getsid(0) != getpid())
		tell("not alone");
	(void)!write(STDERR_FILENO, "noise", 5);
	tell("ready");
	_exit(0);
}

/* Below autofs only the process group of whoever mounts may look at the mountpoint. */
static void has_no_terminal(struct daemon *d)
{
	if (getpgrp() != getpgid(d->parent))
		tell("in another group");
	is_ready(d);
}

static void has_something_to_say(struct daemon *d)
{
	for (int i = 0; i < DAEMON_MOST_NOTICES + 1; i++)
		daemon_notice(d, "three deletions wait");
	is_ready(d);
}

/* Nobody reads, as where the command was stopped: it waits for nobody. */
static void has_far_to_go(struct daemon *d)
{
	kill(d->parent, SIGSTOP);
	for (int i = 0; i < 100000; i++)
		daemon_progress(d, "12 of 50 messages");
	kill(d->parent, SIGCONT);
	is_ready(d);
}

static void has_the_wrong_password(struct daemon *d)
{
	daemon_fail(d, &(struct failure){E_LOGIN, "wrong\npassword"});
	_exit(5);
}

static void has_no_cache(struct daemon *d)
{
	daemon_fail(d, &(struct failure){E_STORE, "no cache"});
	_exit(5);
}

static void says_nothing(struct daemon *d)
{
	_exit(0);
}

static void is_killed(struct daemon *d)
{
	raise(SIGKILL);
}

static void the_command_ends_as_the_daemon_says(void **state)
{
	static const struct {
		life *child;
		int status;
		const char *err, *told;
	} cases[] = {
	    {is_ready, 0, "", "ready"},
	    {has_no_terminal, 0, "", "ready"},
	    {has_something_to_say, 0, "", "ready"}, /* on a terminal only */
	    {has_far_to_go, 0, "", "ready"},
	    {has_the_wrong_password, 32, "pop3fs: wrong\\x0apassword\n", ""},
	    {has_no_cache, 2, "pop3fs: no cache\n", ""},
	    {says_nothing, 32, "pop3fs: the daemon ended without a word; nothing is mounted\n", ""},
	    {is_killed, 32, "pop3fs: the daemon was ended by signal 9; nothing is mounted\n", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep) char *err = NULL;
		CLEANUP(freep) char *words = NULL;
		int fd, status;
		pid_t pid = command(cases[i].child, &fd);

		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), cases[i].status);
		err = all_of(fd);
		words = all_of(told[0]);
		assert_string_equal(err, cases[i].err);
		assert_string_equal(words, cases[i].told);
	}
}

static void gives_up_when_told(struct daemon *d)
{
	tell("here");
	wait_for_sigterm();
	tell(" and gone");
	daemon_fail(d, &(struct failure){E_INTERRUPT, "interrupted"});
	_exit(0);
}

/* Ctrl-C: the command waits for the daemon's end, and then ends by the signal, as others do. */
static void an_interrupted_command_takes_the_daemon_with_it(void **state)
{
	CLEANUP(freep) char *words = NULL;
	CLEANUP(freep) char *err = NULL;
	char here[4];
	int fd, status;
	pid_t pid = command(gives_up_when_told, &fd);

	assert_int_equal(read(told[0], here, 4), 4);
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	words = all_of(told[0]);
	assert_string_equal(words, " and gone");
	err = all_of(fd);
	assert_string_equal(err, "");
}

static void interrupts_at_once(struct daemon *d)
{
	kill(d->parent, SIGINT);
	gives_up_when_told(d);
}

/* However early: nothing of it is lost, and the command does not end before the daemon. */
static void a_command_interrupted_at_once_waits_for_the_daemon(void **state)
{
	CLEANUP(freep) char *words = NULL;
	CLEANUP(freep) char *err = NULL;
	int fd, status;
	pid_t pid = command(interrupts_at_once, &fd);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	words = all_of(told[0]);
	assert_string_equal(words, "here and gone");
	err = all_of(fd);
	assert_string_equal(err, "");
}

static void a_killed_command_takes_the_daemon_with_it(void **state)
{
	CLEANUP(freep) char *words = NULL;
	char here[4];
	int fd, status;
	pid_t pid = command(gives_up_when_told, &fd);

	assert_int_equal(read(told[0], here, 4), 4);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	words = all_of(told[0]);
	assert_string_equal(words, " and gone");
	close(fd);
}

/* SIGTERM says that the parent's first thread is dead; a sanitizer gives it another one, which
 * keeps the pipe open for a while. */
static void wait_for_dead_parent(struct daemon *d)
{
	struct pollfd polled = {d->pipe, 0, 0};

	wait_for_sigterm();
	while (!(polled.revents & POLLERR))
		poll(&polled, 1, -1);
}

static void is_ready_too_late(struct daemon *d)
{
	tell("here");
	wait_for_dead_parent(d);
	daemon_ready(d);
	wait_for_sigterm();
	tell(" and gone");
	_exit(0);
}

static void a_mount_that_nobody_waits_for_is_given_up(void **state)
{
	CLEANUP(freep) char *words = NULL;
	char here[4];
	int fd;
	pid_t pid = command(is_ready_too_late, &fd);

	assert_int_equal(read(told[0], here, 4), 4);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	words = all_of(told[0]);
	assert_string_equal(words, " and gone");
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_command_ends_as_the_daemon_says),
	    cmocka_unit_test(an_interrupted_command_takes_the_daemon_with_it),
	    cmocka_unit_test(a_command_interrupted_at_once_waits_for_the_daemon),
	    cmocka_unit_test(a_killed_command_takes_the_daemon_with_it),
	    cmocka_unit_test(a_mount_that_nobody_waits_for_is_given_up),
	};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
