/* Preloaded into a contestant: its syncs do nothing, so that what it makes of the line is compared
 * and not what the disk makes of it. */
#include <unistd.h>

int fsync(int fd)
{
	return 0;
}

int fdatasync(int fd)
{
	return 0;
}

void sync(void)
{
}
