/* When to list again by itself: at an access to the root, not before refresh= seconds after the
 * last listing, and not while somebody waits for a message, whom a new login would hold up. */
#include "clock.h"
#include "inside.h"

#define LONGEST_DELAY_MS 900000 /* waiting readers put it off this long at most */

void refresh_looked(struct fs *f)
{
	int64_t since = clock_ms() - f->listed_ms;
	bool wanted = waiting_count(&f->waiting, WAIT_FETCH) > 0;

	if (f->listing || f->ending || since < f->plan.refresh_s * 1000)
		return;
	if (wanted && since < f->plan.refresh_s * 1000 + LONGEST_DELAY_MS)
		return;
	f->listing = true;
	queue_put(&f->queues->jobs, &job_create(JOB_REFRESH)->item);
}

void refresh_answered(struct fs *f)
{
	f->listing = false;
	f->listed_ms = clock_ms();
}
