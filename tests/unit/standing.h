/* What most tests of mounts begin with: the small maildrop of deeds.h, mounted before each test of
 * a program. */
#ifndef POP3FS_TEST_STANDING_H
#define POP3FS_TEST_STANDING_H

#include "deeds.h"

extern struct world w;

/* For cmocka. Whoever mounts in another way does it in w, too. */
int setup(void **state);
int teardown(void **state);

#endif
