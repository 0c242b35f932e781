/* The server's diary, for tests: one line per event, each one write(2) at the end of the file.
 * Octets outside 0x20-0x7E stand as \xNN; secrets stand as they came, since tests look for leaks.
 *
 *     CONN n open ADDRESS         CONN n > COMMAND           CONN n < FIRST LINE OF REPLY
 *     CONN n fault RULE           CONN n tls VERSION [NAME]  CONN n tls-failed WHY
 *     CONN n close                DELETED name               SCRIPT read | SCRIPT refused WHY
 *     DOWN | UP
 */
#ifndef SERVER_RECORD_H
#define SERVER_RECORD_H

#include <stdbool.h>

#include "error.h"
#include "slice.h"

/* Until this was called nothing is recorded. The file is created; what it held stays. */
enum error record_open(const char *path, struct failure *why);
bool record_is_on(void);

void record(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "CONN number WORDS text": text is any octets, recorded up to its first line end. */
void record_line(unsigned number, const char *words, struct slice text);

#endif
