#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LONGEST_VALUE 2048 /* octets, escaped; a failure's words are at most 480 before that */

static const char *const phases[] = {
    [PHASE_CLOSED] = "closed",
    [PHASE_CONNECTING] = "connecting",
    [PHASE_LISTING] = "listing",
    [PHASE_READY] = "ready",
    [PHASE_COMMITTING] = "committing",
    [PHASE_OFFLINE] = "offline",
};

static void say(struct buf *text, const char *key, const char *value)
{
	char escaped[LONGEST_VALUE];

	buf_printf(text, "%s: %s\n", key, log_escape(escaped, sizeof(escaped), slice_of(value)));
}

static void say_number(struct buf *text, const char *key, uint64_t value)
{
	buf_printf(text, "%s: %" PRIu64 "\n", key, value);
}

static void say_time(struct buf *text, const char *key, int64_t when)
{
	char date[sizeof("-2147483648-12-31T23:59:59Z")] = "never";
	time_t seconds = (time_t)when;
	struct tm parts;

	if (when && gmtime_r(&seconds, &parts))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts);
	say(text, key, date);
}

static const char *state_word(const struct status *s)
{
	if (s->ending && s->state && s->state->phase == PHASE_CLOSED)
		return "ending";
	return phases[s->state ? s->state->phase : PHASE_CLOSED];
}

void status_render(struct buf *text, const struct status *s)
{
	static const struct session_state silent;
	const struct session_state *state = s->state ? s->state : &silent;
	const struct failure *trouble = &state->trouble;

	say(text, "state", state_word(s));
	say(text, "server", state->server[0] ? state->server : "unknown");
	say(text, "sessions end",
	    state->eats_read ? "without QUIT, where the server would delete what was read"
			     : "with QUIT");
	say(text, "tls", state->cipher[0] ? state->cipher : "none");
	say(text, "login", state->login[0] ? state->login : "none");
	say(text, "user", s->account);
	say_number(text, "messages", s->messages);
	say_number(text, "bytes", s->octets);
	say_number(text, "cached", s->cached);
	say(text, "mirror", s->mirror);
	say_number(text, "pending deletions", s->pending);
	say_time(text, "last listing", state->listed);
	say_number(text, "skipped lines", state->bad_lines);
	say_number(text, "queue", state->queue);
	say(text, "last error",
	    trouble->code == OK
		? "none"
		: (trouble->words[0] ? trouble->words : error_words(trouble->code)));
	say(text, "sandbox", s->sandbox);
	say(text, "version", POP3FS_VERSION);
	say_number(text, "pid", (uint64_t)getpid());
}
