/* Time. Deadlines are moments of the monotonic clock in milliseconds; dates are seconds since 1970.
 */
#ifndef POP3FS_CLOCK_H
#define POP3FS_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_ms(void);                 /* now, monotonic, milliseconds */
int64_t clock_seconds(void);            /* now, wall clock, seconds since 1970 */
int64_t clock_in(int64_t milliseconds); /* the deadline that many from now; CLOCK_NEVER stays */
int64_t clock_sooner(int64_t a, int64_t b);

/* For poll(2): milliseconds until the deadline, 0 when past, -1 for CLOCK_NEVER. */
int clock_left(int64_t deadline);

#endif
