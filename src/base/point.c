#include "point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 64 /* octets of a point's name */

static atomic_ulong passed;

/* Nothing is cleared away, written or sent after this: that is the point of it. */
void point_pass(const char *of, const char *step)
{
	const char *wanted = getenv("POP3FS_KILL"), *colon = wanted ? strchr(wanted, ':') : NULL;
	char name[LONGEST];
	int len = snprintf(name, sizeof(name), "%s.%s", of, step);

	if (!colon || colon - wanted != len || strncmp(wanted, name, (size_t)len) != 0)
		return;
	if (atomic_fetch_add(&passed, 1) + 1 == strtoul(colon + 1, NULL, 10))
		raise(SIGKILL);
}
