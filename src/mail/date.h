/* A date as mail writes it. No I/O, no memory. RFC 5322, 3.3 and 4.3. */
#ifndef POP3FS_DATE_H
#define POP3FS_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* Sets *when to seconds since 1970 (negative before it). Comments and folding may stand anywhere
 * between the words. Also taken: the obsolete forms (years of two and three digits, no seconds,
 * names of zones), a name of the day that is wrong or missing, "1-Jan-2024", "12.30.00", zones like
 * "GMT+2" and "+02:00". A zone that is missing or unknown is UTC; the second 60 is the next
 * minute's first. What follows the zone is not looked at.
 * false: no date; *when is unchanged. */
bool date_parse(struct slice text, int64_t *when);

#endif
