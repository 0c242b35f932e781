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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "companion.h"
#include "mountpoint.h"

static struct companion *start(const char *const *command)
{
	/* the companion's copy of all this is its own */
	struct options o = {.password_command = (char **)command};
	struct account a = {.words = (char *)"me@host"};
	struct credentials credentials;
	struct companion_plan plan = {.credentials = &credentials,
	    .mountpoint = "/nowhere/at/all",
	    .mount_options = "fsname=x",
	    .mount_ms = CLOCK_NEVER,
	    .host = "localhost",
	    .port = "995"};
	struct companion *c = NULL;

	credentials_choose(&credentials, &o, &a);
	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	return c;
}

static enum error ask(struct companion *c, const char *want, struct failure *why)
{
	struct secret *s = NULL;
	enum error e = inquiry_wait(companion_inquiry(c), &s, why);

	if (!e)
		assert_true(slice_is(secret_octets(s), want));
	secret_free(s);
	return e;
}

static pid_t only_child(void)
{
	CLEANUP(freep) char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void end(struct companion *c)
{
	int status = -1;

	companion_free(c);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
}

static void it_runs_the_command_it_was_started_with(void **state)
{
	static const struct {
		const char *script, *secret, *sentence;
	} cases[] = {
	    {"echo hunter2", "hunter2", ""}, {"printf 'hunter2\\nmore\\n'", "hunter2", ""},
	    {"true", NULL, "password_command gave no password: its first line is empty"},
	    {"echo half; echo locked >&2; exit 4", NULL,
		"password_command ended with status 4: locked"},
	    {"ls -m /proc/$$/fd; true", "0, 1, 2", ""}, /* no descriptor of ours */
	};
	int inherited = dup(STDOUT_FILENO);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *command[] = {"sh", "-c", cases[i].script, NULL};
		struct companion *c = start(command);

		/* asked twice, answered twice */
		for (int again = 0; again < 2; again++) {
			struct failure why = {.code = OK};

			assert_int_equal(
			    ask(c, cases[i].secret, &why), cases[i].secret ? OK : E_SECRET);
			assert_string_equal(why.words, cases[i].sentence);
		}
		end(c);
	}
	close(inherited);
}

static void signals_that_end_a_daemon_leave_it_alone(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	const char *command[] = {"echo", "hunter2", NULL};
	struct companion *c = start(command);
	pid_t pid;

	assert_int_equal(ask(c, "hunter2", NULL), OK); /* now it stands */
	pid = only_child();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(kill(pid, signals[i]), 0);
	assert_int_equal(ask(c, "hunter2", NULL), OK);
	end(c);
}

static void without_its_process_nothing_hangs(void **state)
{
	const char *command[] = {"echo", "hunter2", NULL};
	struct companion *c = start(command);
	struct shelf_place place;
	struct failure why;
	pid_t pid;
	int fd;

	pid = only_child();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	companion_unmount(c);
	companion_background(c);
	assert_int_equal(companion_mount(c, &fd, &why), E_MOUNT);
	assert_string_equal(why.words, "the process that mounts has died");
	assert_int_equal(lookup_begin(&fd, "x", "1", companion_lookup(c), &why), E_SYSTEM);
	place = companion_place(c);
	assert_int_equal(place.open(place.with), -1);
	assert_int_equal(ask(c, "hunter2", &why), E_SECRET);
	companion_free(c);
}

/* As where fusermount3 hangs. */
static void a_mount_that_comes_too_late_does_not_stay(void **state)
{
	char place[] = "/tmp/pop3fs-companion-XXXXXX";
	struct companion_plan plan = {
	    .mountpoint = place, .mount_options = "fsname=x,subtype=pop3fs", .mount_ms = 1};
	struct companion *c = NULL;
	struct failure why;
	pid_t pid;
	int fd;

	assert_non_null(mkdtemp(place));
	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	pid = only_child();
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(companion_mount(c, &fd, &why), E_MOUNT);
	assert_string_equal(why.words, "fusermount3 does not come to an end");
	assert_int_equal(fd, -1);
	assert_int_equal(kill(pid, SIGCONT), 0);
	end(c);
	assert_false(mountpoint_is_pop3fs(place));
	assert_int_equal(rmdir(place), 0);
}

static void what_is_no_mount_of_ours_is_left_alone(void **state)
{
	struct companion_plan plan = {.mountpoint = "/proc"};
	struct companion *c = NULL;

	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	companion_unmount(c);
	end(c);
	assert_int_equal(access("/proc/self/stat", F_OK), 0);
}

static void in_the_background_it_works_in_the_root_directory(void **state)
{
	const char *command[] = {"pwd", NULL};
	CLEANUP(freep) char *here = getcwd(NULL, 0);
	struct companion *c = start(command);

	assert_int_equal(ask(c, here, NULL), OK);
	companion_background(c);
	companion_record(c); /* root's is answered behind that */
	if (geteuid() == 0)
		assert_int_equal(ask(c, "/", NULL), OK);
	end(c);
}

/* A command that waits for what never comes is no reason to leave a mount. */
static void nothing_waits_behind_a_slow_command(void **state)
{
	char note[] = "/tmp/pop3fs-companion-XXXXXX";
	CLEANUP(freep) char *script = NULL;
	const char *command[] = {"sh", "-c", NULL, NULL};
	struct session_asker asker;
	struct secret *s = NULL;
	struct companion *c;
	struct failure why;
	struct stat st = {.st_size = 0};
	int pid, fd = mkstemp(note);
	FILE *file;

	script = xasprintf("echo $$ >%s; exec sleep 1000", note);
	command[2] = script;
	c = start(command);
	asker = inquiry_asker(companion_inquiry(c));
	asker.ask(asker.with);
	asker.ask(asker.with); /* joins the first */
	while (st.st_size == 0)
		assert_int_equal(fstat(fd, &st), 0);
	assert_false(asker.answer(asker.with, &s, &why));
	file = fdopen(fd, "r");
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	companion_record(c); /* answered, for root, while the other runs */
	assert_int_equal(kill(pid, 0), 0);
	companion_dismiss(c);
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(kill(pid, 0), -1); /* and its end is the command's */
	unlink(note);
}

#define UTAB "/run/mount/utab"

static bool is_in_table(const char *path)
{
	char line[1024];
	FILE *file = fopen(UTAB, "r");
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, path) && strstr(line, "_netdev");
	if (file)
		fclose(file);
	return found;
}

static void a_mount_is_in_umounts_table_as_long_as_it_lasts(void **state)
{
	char place[] = "/tmp/pop3fs-companion-XXXXXX";
	struct companion_plan plan = {.mountpoint = place, .source = "me@example.org"};
	struct companion *c = NULL;
	bool recorded;

	assert_non_null(mkdtemp(place));
	assert_int_equal(companion_start(&c, &plan, NULL), OK);
	recorded = companion_record(c); /* who is the first makes the table */
	assert_int_equal(recorded, geteuid() != 0 || access(UTAB, W_OK) == 0);
	assert_int_equal(is_in_table(place), geteuid() == 0 && access(UTAB, F_OK) == 0);
	end(c);
	assert_false(is_in_table(place));
	rmdir(place);
}

static void what_the_daemon_may_not_do_it_is_asked_for(void **state)
{
	const char *command[] = {"true", NULL};
	struct companion *c = start(command);
	struct shelf_place place = companion_place(c);
	struct addresses found = {.count = 0};
	struct failure why;
	int fd = -1, lookup;

	assert_int_equal(companion_mount(c, &fd, &why), E_MOUNT);
	assert_non_null(strstr(why.words, "cannot mount on /nowhere/at/all"));
	assert_int_equal(lookup_begin(&lookup, "another", "1", companion_lookup(c), NULL), OK);
	while (!lookup_take(lookup, &found))
		poll(&(struct pollfd){lookup, POLLIN, 0}, 1, -1);
	close(lookup);
	assert_true(found.count > 0);
	fd = place.open(place.with);
	assert_true(fd >= 0);
	close(fd);
	end(c);
}

static void one_that_is_dismissed_ends(void **state)
{
	const char *command[] = {"true", NULL};
	struct companion *c = start(command);
	int status = -1;

	companion_unmount(c);
	companion_dismiss(c);
	companion_dismiss(NULL);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_runs_the_command_it_was_started_with),
	    cmocka_unit_test(signals_that_end_a_daemon_leave_it_alone),
	    cmocka_unit_test(without_its_process_nothing_hangs),
	    cmocka_unit_test(a_mount_that_comes_too_late_does_not_stay),
	    cmocka_unit_test(what_is_no_mount_of_ours_is_left_alone),
	    cmocka_unit_test(in_the_background_it_works_in_the_root_directory),
	    cmocka_unit_test(nothing_waits_behind_a_slow_command),
	    cmocka_unit_test(a_mount_is_in_umounts_table_as_long_as_it_lasts),
	    cmocka_unit_test(what_the_daemon_may_not_do_it_is_asked_for),
	    cmocka_unit_test(one_that_is_dismissed_ends),
	};

	return cmocka_run_group_tests_name("companion", tests, NULL, NULL);
}
