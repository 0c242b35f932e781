/* What .pop3fs/status says (fs/status.h), for people and for programs. No I/O but report_coloured.
 */
#ifndef POP3FS_REPORT_H
#define POP3FS_REPORT_H

#include <stdbool.h>

#include "buf.h"

#define REPORT_RED    "\033[31m"
#define REPORT_GREEN  "\033[32m"
#define REPORT_YELLOW "\033[33m"
#define REPORT_PLAIN  "\033[m"

/* Whether standard output is a terminal that shows colours, and the user wants them (no NO_COLOR).
 */
bool report_coloured(void);

/* Adds it in lines, the values below each other, octets in units. */
void report_people(struct buf *to, struct slice text, bool coloured);

/* Adds how many messages there are, and deletions that wait, in one line without its end. */
void report_counts(struct buf *to, struct slice text, bool coloured);

/* Adds it as members of an object, without its braces: numbers are numbers, in octets; what is not
 * there ("none", "never", "unknown") is null; a key's blanks are underscores. */
void report_json(struct buf *to, struct slice text);

#endif
