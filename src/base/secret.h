/* A secret in memory that is locked (not swapped), left out of core dumps, and wiped at the end. */
#ifndef POP3FS_SECRET_H
#define POP3FS_SECRET_H

#include "slice.h"

struct secret; /* owns its memory */

/* Copies the octets in; the caller wipes its own copy. Never NULL. Locking is tried, and where
 * RLIMIT_MEMLOCK forbids it the secret is merely kept out of core dumps. */
struct secret *secret_create(struct slice octets);
void secret_free(struct secret *s); /* wipes; NULL is fine */

/* The octets, valid until secret_free; empty for NULL. */
struct slice secret_octets(const struct secret *s);

#endif
