#include "log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"

#define LONGEST_LINE 2048

#define MOST_REMEMBERED    16  /* sentences that were said not long ago */
#define LONGEST_REMEMBERED 512 /* octets; a longer one is always said */

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

/* systemd tells a program whose stderr is the journal's which one that is (systemd.exec(5)). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* Each whole, also beside those of other threads. */
static void put(enum log_level level, const char *line)
{
	static const int priorities[] = {
	    [LOG_LEVEL_ERROR] = LOG_ERR,
	    [LOG_LEVEL_WARNING] = LOG_WARNING,
	    [LOG_LEVEL_NEWS] = LOG_WARNING,
	    [LOG_LEVEL_INFO] = LOG_INFO,
	    [LOG_LEVEL_DEED] = LOG_INFO,
	    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};

	if (to_syslog)
		syslog(priorities[level], "%s", line);
	else if (is_journal()) /* it knows our name, and takes such a level for one */
		fprintf(stderr, "<%d>%s\n", priorities[level], line);
	else
		fprintf(stderr, "pop3fs: %s\n", line);
}

/* ---- what was said not long ago ---- */

struct said {
	char words[LONGEST_REMEMBERED]; /* "": nothing is remembered here */
	enum log_level level;
	int64_t when;  /* clock.h */
	uint64_t turn; /* several are said in one millisecond */
	uint64_t more; /* times since, that were only counted */
};

static pthread_mutex_t saying = PTHREAD_MUTEX_INITIALIZER; /* for all of these: */
static struct said said[MOST_REMEMBERED];
static int64_t sparing_ms;
static uint64_t turns;

static void put_counted(enum log_level level, const char *line, uint64_t more)
{
	char counted[LONGEST_LINE + 64];

	if (more == 0) {
		put(level, line);
		return;
	}
	snprintf(counted, sizeof(counted), "%s (%" PRIu64 " %s more since this was last said)",
	    line, more, more == 1 ? "time" : "times");
	put(level, counted);
}

/* Where the sentence is remembered, or else the place of the one that was said longest ago. */
static struct said *place_of(const char *line)
{
	struct said *oldest = said;

	for (size_t i = 0; i < MOST_REMEMBERED; i++) {
		if (strcmp(said[i].words, line) == 0)
			return &said[i];
		if (!said[i].words[0] || (oldest->words[0] && said[i].turn < oldest->turn))
			oldest = &said[i];
	}
	return oldest;
}

static void forget(struct said *s)
{
	if (s->words[0] && s->more > 0)
		put_counted(s->level, s->words, s->more);
	s->words[0] = '\0';
	s->more = 0;
}

static void put_sparingly(enum log_level level, const char *line)
{
	struct said *s = place_of(line);
	bool known = strcmp(s->words, line) == 0;
	int64_t now = clock_ms();

	if (known && now - s->when < sparing_ms) {
		s->more++;
		return;
	}
	if (!known)
		forget(s);
	put_counted(level, line, s->more);
	snprintf(s->words, sizeof(s->words), "%s", line);
	s->level = level;
	s->when = now;
	s->turn = ++turns;
	s->more = 0;
}

void log_told(void)
{
	pthread_mutex_lock(&saying);
	for (size_t i = 0; i < MOST_REMEMBERED; i++)
		forget(&said[i]);
	pthread_mutex_unlock(&saying);
}

void log_sparingly(int64_t ms)
{
	log_told();
	pthread_mutex_lock(&saying);
	sparing_ms = ms;
	pthread_mutex_unlock(&saying);
}

static bool is_sparing(enum log_level level)
{
	return level == LOG_LEVEL_ERROR || level == LOG_LEVEL_WARNING || level == LOG_LEVEL_INFO;
}

void log_say(enum log_level level, const char *format, ...)
{
	char raw[LONGEST_LINE], line[LONGEST_LINE];
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !debug_on)
		return;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	log_escape(line, sizeof(line), slice_of(raw));
	if (!is_sparing(level) || strlen(line) >= LONGEST_REMEMBERED || !line[0]) {
		put(level, line);
		return;
	}
	pthread_mutex_lock(&saying);
	if (sparing_ms > 0)
		put_sparingly(level, line);
	else
		put(level, line);
	pthread_mutex_unlock(&saying);
}
