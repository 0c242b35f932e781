/* cost FILE COMMAND [ARGUMENT...]: runs the command and writes to FILE what it cost: seconds of the
 * clock, seconds of the processor, KiB of memory at most. Ends as the command did.
 *
 * Python could ask for the same, but the kernel counts in a process's peak what it was before exec:
 * all that Python holds. This one is small. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void write_figures(const char *path, double clock, const struct rusage *use)
{
	FILE *to = fopen(path, "we");

	if (!to ||
	    fprintf(to, "%.6f %.6f %ld\n", clock, seconds(use->ru_utime) + seconds(use->ru_stime),
		use->ru_maxrss) < 0 ||
	    fclose(to) != 0) {
		log_error("cannot write %s: %s", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	struct rusage use;
	double begun;
	int status;
	pid_t child;

	if (argc < 3) {
		log_error("usage: cost FILE COMMAND [ARGUMENT...]");
		return EXIT_FAILURE;
	}
	begun = now();
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		log_error("cannot run %s: %s", argv[2], strerror(errno));
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &use) != child) {
		log_error("cannot wait for %s: %s", argv[2], strerror(errno));
		return EXIT_FAILURE;
	}
	write_figures(argv[1], now() - begun, &use);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
