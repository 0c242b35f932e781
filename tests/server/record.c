#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"

#define LONGEST_EVENT 1024

static int diary = -1;

enum error record_open(const char *path, struct failure *why)
{
	diary = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (diary < 0)
		return failed(why, E_SYSTEM, "cannot open %s: %s", path, strerror(errno));
	return OK;
}

bool record_is_on(void)
{
	return diary >= 0;
}

static void put(const char *line, size_t len)
{
	if (write(diary, line, len) != (ssize_t)len)
		log_error("the log file cannot be written: %s", strerror(errno));
}

void record(const char *format, ...)
{
	char line[LONGEST_EVENT];
	va_list args;
	size_t len;

	if (diary < 0)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	len = strlen(line);
	line[len++] = '\n';
	put(line, len);
}

void record_line(unsigned number, const char *words, struct slice text)
{
	const char *end;
	size_t room, len;
	CLEANUP(freep) char *line = NULL;

	if (diary < 0)
		return;
	end = text.len ? memchr(text.at, '\n', text.len) : NULL;
	if (end)
		text.len = (size_t)(end - text.at);
	if (end && text.len > 0 && text.at[text.len - 1] == '\r')
		text.len--;
	room = 4 * text.len + LONGEST_EVENT;
	line = xmalloc(room);
	len = (size_t)snprintf(line, LONGEST_EVENT, "CONN %u %s ", number, words);
	log_escape(line + len, room - len - 1, text);
	len += strlen(line + len);
	line[len++] = '\n';
	put(line, len);
}
