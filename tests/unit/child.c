#include "child.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define LONGEST_DEED_S 60 /* then it hangs, and the test has failed */

static int to_test = -1; /* in a child */

struct child child_start(
    struct world *w, int (*deed)(struct world *, const void *), const void *with)
{
	struct child c;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	c.said = ends[0];
	fflush(NULL);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) { /* without the fs's descriptors: they would keep the mount alive */
		to_test = dup2(ends[1], 3);
		close_range(4, ~0u, 0);
		alarm(LONGEST_DEED_S);
		_exit(deed(w, with));
	}
	close(ends[1]);
	return c;
}

void child_say(void)
{
	(void)!write(to_test, "z", 1);
}

void child_heard(struct child *c)
{
	char got = 0;

	assert_int_equal(read(c->said, &got, 1), 1);
	assert_int_equal(got, 'z');
}

static int result_of(struct child *c, int status)
{
	close(c->said);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long call_of(pid_t pid)
{
	char path[64];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1; /* "running" */
	if (file)
		fclose(file);
	return number;
}

void child_await(const struct child *c, long call)
{
	while (call_of(c->pid) != call)
		usleep(1000);
}

int child_end(struct child *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	return result_of(c, status);
}

int child_do(struct world *w, int (*deed)(struct world *, const void *), const void *with)
{
	struct child c = child_start(w, deed, with);

	return child_end(&c);
}
