#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define LONGEST_LINE 2048

static atomic_bool to_syslog, debug_on;

void log_to_stderr(void)
{
	to_syslog = false;
}

void log_to_syslog(void)
{
	openlog("pop3fs", LOG_PID, LOG_DAEMON);
	to_syslog = true;
}

void log_debug_on(bool on)
{
	debug_on = on;
}

bool log_debug_is_on(void)
{
	return debug_on;
}

char *log_escape(char *to, size_t room, struct slice from)
{
	size_t used = 0;

	for (size_t i = 0; i < from.len; i++) {
		unsigned char octet = (unsigned char)from.at[i];
		bool plain = octet >= 0x20 && octet <= 0x7e;

		if (used + (plain ? 1 : 4) >= room)
			break;
		if (plain)
			to[used++] = (char)octet;
		else
			used += (size_t)sprintf(to + used, "\\x%02x", octet);
	}
	to[used] = '\0';
	return to;
}

void log_say(enum log_level level, const char *format, ...)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	char raw[LONGEST_LINE], line[LONGEST_LINE];
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !debug_on)
		return;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	log_escape(line, sizeof(line), slice_of(raw));
	if (to_syslog)
		syslog(priorities[level], "%s", line);
	else
		fprintf(stderr, "pop3fs: %s\n", line);
}
