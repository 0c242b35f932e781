/* How a mount begins when not all is as usual: without its server, or with deletions that an
 * earlier mount has left. */
#include <inttypes.h>
#include <stdio.h>

#include "inside.h"

#define LONGEST_NOTICE   1024 /* octets; a path is in it */
#define LONGEST_PROGRESS 80

static bool is_away(enum error code)
{
	switch (code) {
	case E_TIMEOUT:
	case E_NOROUTE:
	case E_NONAME:
	case E_CONNECT:
	case E_CLOSED:
	case E_OFFLINE:
	case E_SECRET: /* the server was never asked: a token comes over the network, too */
		return true;
	default:
		return false; /* it is there, and has refused us: that is for whoever mounts */
	}
}

/* An empty cache is no maildrop: a backup would believe it. Where most of a known one is missing
 * that is not believed, either: what earlier mounts knew is shown. */
bool first_from_store(const struct fs *f)
{
	if (f->list_failure.code == E_SHRUNK)
		return true;
	return f->plan.offline && is_away(f->list_failure.code) &&
	       maildrop_listing(f->maildrop)->count > 0;
}

static void say_offline(const struct fs *f)
{
	char words[LONGEST_NOTICE];

	snprintf(words, sizeof(words), "%s; offline: %zu of %zu messages are in the cache",
	    f->list_failure.words, maildrop_cached(f->maildrop), maildrop_count(f->maildrop));
	f->plan.notice(f->plan.with, words);
}

static void say_pending(const struct fs *f, size_t pending)
{
	const char *what = pending == 1 ? "deletion waits" : "deletions wait";
	char words[LONGEST_NOTICE];

	if (f->plan.read_only)
		snprintf(words, sizeof(words),
		    "%zu %s in the journal, and will go on waiting: this mount is read-only",
		    pending, what);
	else
		snprintf(words, sizeof(words),
		    "%zu %s in the journal and will be committed, unless taken back: pop3fs "
		    "undelete %s",
		    pending, what, f->plan.mountpoint);
	f->plan.notice(f->plan.with, words);
}

/* "1200 of 50000 messages", and when they all have been listed "50000 messages, 300 headers". */
void first_progress(const struct fs *f)
{
	const struct session_state *s = f->state;
	char words[LONGEST_PROGRESS];

	if (f->listed || f->list_failure.code || s->counted == 0)
		return;
	if (s->headers > 0)
		snprintf(words, sizeof(words), "%" PRIu64 " messages, %" PRIu64 " headers",
		    s->counted, s->headers);
	else if (s->expected > s->counted)
		snprintf(words, sizeof(words), "%" PRIu64 " of %" PRIu64 " messages", s->counted,
		    s->expected);
	else
		snprintf(words, sizeof(words), "%" PRIu64 " messages", s->counted);
	f->plan.progress(f->plan.with, words);
}

void first_tell(const struct fs *f)
{
	size_t pending = maildrop_pending(f->maildrop);

	if (!f->listed && f->list_failure.code == E_SHRUNK)
		f->plan.notice(f->plan.with, f->list_failure.words);
	else if (!f->listed)
		say_offline(f);
	if (pending > 0)
		say_pending(f, pending);
}
