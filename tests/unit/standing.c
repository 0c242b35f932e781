#include "standing.h"

struct world w;

int setup(void **state)
{
	world_start(&w, four, COUNT(four), NULL);
	return 0;
}

int teardown(void **state)
{
	world_finish(&w);
	return 0;
}
