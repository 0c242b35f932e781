/* A database in a directory of its own, for the tests of the store and what stands on it. */
#ifndef POP3FS_TEST_STORAGE_H
#define POP3FS_TEST_STORAGE_H

#include "store.h"

struct storage {
	char directory[64];
	char path[96];
	struct store *store;
};

/* For cmocka: *state is a struct storage with its store open; all is removed at the end. */
int storage_setup(void **state);
int storage_teardown(void **state);

void storage_close(struct storage *t);
void storage_open(struct storage *t); /* it must succeed */

/* Copies the database as it lies on the disk, as a crash would leave it, over another path. */
void storage_crash_copy(const struct storage *t, const char *to);

/* The number that a SELECT gives; it must give one. */
int64_t storage_number(struct storage *t, const char *sql);
void storage_run(struct storage *t, const char *sql); /* it must succeed */

/* A listed message with that UIDL, listed with 100 octets: its id. */
int64_t storage_message(struct storage *t, const char *uidl);

/* How many damaged databases have been moved aside (each with its other files). */
size_t storage_moved_aside(const struct storage *t);

#endif
