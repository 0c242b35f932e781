#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"
#include "run.h"

void hook_init(struct hook *h, const struct hook_plan *plan)
{
	*h = (struct hook){.plan = plan, .end = -1, .leash = -1};
}

/* In the child. */
static void run(const struct hook_plan *plan, uint64_t count, int leash)
{
	struct run_plan run = {"on_new", plan->command, plan->limit_ms, leash};
	struct buf output = {.len = 0};
	struct failure why;
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, count);
	setenv("POP3FS_NEW", text, 1);
	setenv("POP3FS_MOUNTPOINT", plan->mountpoint, 1);
	if (run_command(&run, &output, &why) && why.code != E_INTERRUPT)
		log_warning("%s", why.words);
	buf_finish(&output);
}

static void start(struct hook *h)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		log_warning("on_new cannot be run: %s", strerror(errno));
		return;
	}
	h->child = fork();
	if (h->child == 0) {
		close(ends[1]);
		run(h->plan, h->waiting, ends[0]);
		_exit(0);
	}
	close(ends[0]);
	h->leash = ends[1];
	h->waiting = 0;
	h->end = h->child > 0 ? pidfd_open(h->child, 0) : -1;
	if (h->end < 0) {
		log_warning("on_new cannot be run: %s", strerror(errno));
		hook_ended(h);
	}
}

void hook_run(struct hook *h, uint64_t count)
{
	h->waiting += count;
	if (h->plan->command && !h->child)
		start(h);
}

int hook_fd(const struct hook *h)
{
	return h->end;
}

static void reap(struct hook *h)
{
	closep(&h->leash);
	while (h->child > 0 && waitpid(h->child, NULL, 0) < 0 && errno == EINTR)
		continue;
	closep(&h->end);
	hook_init(h, h->plan);
}

void hook_ended(struct hook *h)
{
	uint64_t waiting = h->waiting;

	reap(h);
	if (waiting)
		hook_run(h, waiting);
}

void hook_finish(struct hook *h)
{
	reap(h);
}
