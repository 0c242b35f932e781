#include "ids.h"

#include <stdlib.h>

static int64_t id_at(const void *all, size_t at, size_t size)
{
	const void *element = (const char *)all + at * size;

	return *(const int64_t *)element;
}

size_t ids_from(const void *all, size_t count, size_t size, int64_t id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_at(all, middle, size) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *ids_find(void *all, size_t count, size_t size, int64_t id)
{
	size_t at = ids_from(all, count, size, id);

	return at < count && id_at(all, at, size) == id ? (char *)all + at * size : NULL;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

void ids_sort(void *all, size_t count, size_t size)
{
	for (size_t i = 1; i < count; i++) {
		if (id_at(all, i - 1, size) > id_at(all, i, size)) {
			qsort(all, count, size, compare);
			return;
		}
	}
}
