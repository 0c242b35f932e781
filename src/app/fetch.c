#include "fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "asking.h"
#include "clock.h"
#include "ioctls.h"
#include "log.h"
#include "progress.h"

#define SHOW_MS 100 /* between two lines of progress */

struct wish {
	char *const *names;
	bool shown; /* its progress is */
	/* in the caller: */
	int64_t begun;
	struct verb_fetched last; /* what was heard */
};

/* ---- in the child ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* As many names as there is room for; returns those that are left. */
static char *const *pack(struct verb_fetch *part, char *const *names)
{
	size_t used = 0;

	memset(part->names, 0, sizeof(part->names));
	for (; *names; names++) {
		const char *name = last_part(*names);
		size_t len = strnlen(name, VERB_NAME - 1) + 1;

		if (used + len >= sizeof(part->names))
			break;
		memcpy(part->names + used, name, len - 1);
		used += len;
	}
	part->more = *names != NULL;
	return names;
}

/* One that is refused as a whole is at its end. */
static int name_all(int root, char *const *names, struct verb_fetched *news)
{
	struct verb_fetch part = {.number = 0};

	do {
		names = pack(&part, names);
		if (ioctl(root, VERB_FETCH, &part) < 0)
			return errno;
	} while (*names);
	news->number = part.number;
	if (part.failure.number)
		*news = (struct verb_fetched){
		    .settled = 1, .failed = 1, .told = 1, .finished = 1, .failure = part.failure};
	return 0;
}

static int hand_on(int to, const struct verb_fetched *news)
{
	return write(to, news, sizeof(*news)) == (ssize_t)sizeof(*news) ? 0 : EPIPE;
}

static void rest(void)
{
	const struct timespec t = {.tv_nsec = SHOW_MS * 1000000L};

	nanosleep(&t, NULL);
}

static int talk(int root, int to, const void *with)
{
	const struct wish *w = with;
	struct verb_fetched news = {.number = 0};
	int number = name_all(root, w->names, &news);

	if (!number && news.finished)
		return hand_on(to, &news);
	while (!number && !news.finished) {
		news.seen = w->shown ? news.settled : UINT64_MAX;
		if (ioctl(root, VERB_FETCHED, &news) < 0)
			return errno;
		number = hand_on(to, &news);
		if (news.name[0])
			news.told++;
		else if (w->shown && !news.finished)
			rest();
	}
	return number;
}

/* ---- in the caller ---- */

static void wipe_line(const struct wish *w)
{
	if (w->shown)
		fputs("\r\033[K", stderr);
}

static void show(const struct wish *w)
{
	const struct progress p = {
	    .messages = w->last.settled,
	    .all_messages = w->last.messages,
	    .octets = w->last.settled_octets,
	    .all_octets = w->last.octets,
	    .ms = clock_ms() - w->begun,
	};
	struct buf line = {.len = 0};

	if (!w->shown || w->last.messages == 0)
		return;
	progress_line(&line, &p);
	wipe_line(w);
	fputs(buf_text(&line), stderr);
	buf_finish(&line);
}

/* What has no name is about all of them. */
static void hear(const void *piece, void *with)
{
	struct wish *w = with;
	const struct verb_failure *why = &w->last.failure;
	int words;

	memcpy(&w->last, piece, sizeof(w->last));
	words = (int)strnlen(why->words, VERB_WORDS);
	if (w->last.name[0] || why->number)
		wipe_line(w);
	if (w->last.name[0])
		log_error("%.*s: %.*s", (int)strnlen(w->last.name, VERB_NAME), w->last.name, words,
		    why->words);
	else if (why->number)
		log_error("%.*s", words, why->words);
	show(w);
}

static void sum_up(const struct verb_fetched *all)
{
	uint64_t done = all->settled - all->failed;
	struct buf octets = {.len = 0};

	if (done > 0) {
		progress_octets(&octets, all->settled_octets);
		printf("fetched %" PRIu64 " %s, %s\n", done, done == 1 ? "message" : "messages",
		    buf_text(&octets));
		buf_finish(&octets);
	}
	if (all->failed > all->told)
		log_error("%" PRIu64 " more are not in the cache", all->failed - all->told);
}

int fetch_command(const struct mounted *m, char *const *names)
{
	struct wish w = {names, isatty(STDERR_FILENO) != 0, clock_ms(), {.number = 0}};
	const struct conversation c = {talk, hear, sizeof(w.last), &w};
	struct failure why;
	enum error e = asking_converse(m, &c, &why);

	wipe_line(&w);
	if (e) {
		log_error("%s", why.words);
		return 1;
	}
	sum_up(&w.last);
	return w.last.failed > 0;
}
