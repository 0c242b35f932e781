/* What pop3fs says while it runs: one sentence a line, hostile octets escaped. Any thread. */
#ifndef POP3FS_LOG_H
#define POP3FS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* something that was wanted did not come about */
	LOG_LEVEL_WARNING, /* what a user should know */
	LOG_LEVEL_NEWS,    /* the same, never left out: it has become true once more */
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEED, /* info that is never left out: what was done for good */
	LOG_LEVEL_DEBUG,
};

/* Where it goes: stderr until log_to_syslog, and again after log_to_stderr. A stderr that is
 * systemd's journal is told the level of each line. */
void log_to_stderr(void);
void log_to_syslog(void);

/* Says LOG_LEVEL_DEBUG, too: the protocol's transcript (-d). */
void log_debug_on(bool on);
bool log_debug_is_on(void);

/* A daemon may say the same for days, while a server keeps failing: from now on a sentence that was
 * said less than `ms` milliseconds ago is only counted, and the count is told when it is said
 * again, when others have taken its place, and by log_told. 0: all is said, as at the beginning.
 * News, deeds and debug are not counted. */
void log_sparingly(int64_t ms);
void log_told(void); /* says what was only counted so far */

void log_say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...)   log_say(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_say(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_news(...)    log_say(LOG_LEVEL_NEWS, __VA_ARGS__)
#define log_info(...)    log_say(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_deed(...)    log_say(LOG_LEVEL_DEED, __VA_ARGS__)
#define log_debug(...)   log_say(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Copies `from` into `to` (room octets, always ended by NUL, cut at the end if it must), every
 * octet outside 0x20-0x7E as \xNN. Returns `to`. */
char *log_escape(char *to, size_t room, struct slice from);

#endif
