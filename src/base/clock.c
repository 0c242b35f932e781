#include "clock.h"

#include <limits.h>
#include <time.h>

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_seconds(void)
{
	return (int64_t)time(NULL);
}

int64_t clock_in(int64_t milliseconds)
{
	int64_t now = clock_ms();

	return milliseconds > CLOCK_NEVER - now ? CLOCK_NEVER : now + milliseconds;
}

int64_t clock_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int clock_left(int64_t deadline)
{
	int64_t left;

	if (deadline == CLOCK_NEVER)
		return -1;
	left = deadline - clock_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
