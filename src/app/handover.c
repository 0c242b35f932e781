#include "handover.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"
#include "lock.h"
#include "mountpoint.h"

#define STEP_MS      50   /* flock has no time-out */
#define UNNOTICED_MS 5000 /* by then a daemon has noticed that its mount is gone, and says so */

/* Waits for the next look. Returns false if a signal came. */
static bool pause_one_step(void)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return sigtimedwait(&set, NULL, &step) < 0;
}

/* Who holds the lock and has no mount that is to be seen may be just about to say that it ends. */
static bool has_mount(const struct lock_holder *holder)
{
	return holder->stage == LOCK_BEGINNING || mountpoint_is_pop3fs(holder->mountpoint);
}

static enum error out_of_sight(const struct lock_holder *holder, struct failure *why)
{
	if (holder->pid == 0)
		return E_HELD;
	return failed(why, E_HELD,
	    "pid %d has this account mounted on %s, out of sight: that was taken away lazily and "
	    "is in use, or it is in another namespace",
	    holder->pid, holder->mountpoint);
}

static void say(const struct handover *h, const struct lock_holder *holder)
{
	CLEANUP(freep)
	char *words = xasprintf("waiting for pid %d, which commits the deletions of %s",
	    holder->pid, holder->mountpoint);

	h->notice(h->with, words);
}

enum error handover_take(int *fd, const struct handover *h, struct failure *why)
{
	int64_t deadline = clock_in(h->wait_ms), unnoticed = clock_in(UNNOTICED_MS);
	struct lock_holder holder;
	bool said = false;
	enum error e;

	while ((e = lock_take(fd, h->lock, h->mountpoint, &holder, why)) == E_HELD) {
		bool ends = holder.stage == LOCK_ENDING;

		if (ends && !said)
			say(h, &holder);
		said = said || ends;
		if (!ends && has_mount(&holder))
			return e;
		if (!ends && clock_ms() >= unnoticed)
			return out_of_sight(&holder, why);
		if (ends && clock_ms() >= deadline)
			return failed(why, E_HELD,
			    "pid %d, which commits the deletions of %s, has not ended within "
			    "%" PRId64 " s",
			    holder.pid, holder.mountpoint, h->wait_ms / 1000);
		if (!pause_one_step())
			return failed(why, E_INTERRUPT, "interrupted before the first listing");
	}
	return e;
}
