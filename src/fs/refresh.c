/* When to list again by itself: at an access to the root, not before refresh= seconds after the
 * last listing. The session puts it off while messages are fetched, and until the server may be
 * asked for a login (session.c). */
#include "clock.h"
#include "inside.h"

void refresh_looked(struct fs *f)
{
	if (f->listing || f->ending || clock_ms() - f->listed_ms < f->plan.refresh_s * 1000)
		return;
	f->listing = true;
	queue_put(&f->queues->jobs, &job_create(JOB_REFRESH)->item);
}

void refresh_answered(struct fs *f)
{
	f->listing = false;
	f->listed_ms = clock_ms();
}
