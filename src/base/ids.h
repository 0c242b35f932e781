/* Arrays whose elements begin with an id (an int64_t), in its order, no two the same. */
#ifndef POP3FS_IDS_H
#define POP3FS_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Where the first of `count` elements, `size` octets each, stands that has an id of at least `id`;
 * or count: there is none. */
size_t ids_from(const void *all, size_t count, size_t size, int64_t id);

/* The element with this id, or NULL. */
void *ids_find(void *all, size_t count, size_t size, int64_t id);

/* Puts them in that order. Costs one look at each where they are in it already. */
void ids_sort(void *all, size_t count, size_t size);

#endif
