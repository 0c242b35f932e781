#include "events.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "asking.h"
#include "clock.h"
#include "commands.h"
#include "ioctls.h"
#include "json.h"
#include "log.h"
#include "mounted.h"
#include "slice.h"

#define DONE     0
#define NOT_DONE 1

#define FROM_NOW UINT64_MAX

/* An unmount that is announced is over by then, or was given up. */
#define LEAVE_MS 15000
#define LOOK_MS  50

/* ---- as JSON ---- */

static void put_value(void (*add)(struct buf *to, struct slice text), struct slice text)
{
	struct buf value = {.len = 0};

	add(&value, text);
	fputs(buf_text(&value), stdout);
	buf_finish(&value);
}

/* "new NAME SIZE", "gone NAME", "committed N", "lost N", "offline", "online". */
static void put_json(struct slice line)
{
	struct slice word = slice_token(&line, " "), first = slice_token(&line, " ");
	struct slice size = slice_token(&line, " ");
	bool counts = slice_is(word, "committed") || slice_is(word, "lost");

	printf("{\"event\":");
	put_value(json_string, word);
	if (first.len && counts) {
		printf(",\"count\":");
		put_value(json_number, first);
	} else if (first.len) {
		printf(",\"name\":");
		put_value(json_string, first);
	}
	if (size.len) {
		printf(",\"size\":");
		put_value(json_number, size);
	}
	printf("}\n");
}

/* ---- as they come ---- */

static void put(const struct verb_events *e, bool json)
{
	uint32_t len = e->len < VERB_TEXT ? e->len : VERB_TEXT; /* anybody may serve a mount */
	struct slice text = slice_make(e->text, len), line;
	char lost[32], shown[VERB_NAME * 4];

	if (e->lost) {
		snprintf(lost, sizeof(lost), "lost %" PRIu64, e->lost);
		if (json)
			put_json(slice_of(lost));
		else
			puts(lost);
	}
	while ((line = slice_token(&text, "\n")).len > 0) {
		if (json)
			put_json(line);
		else
			puts(log_escape(shown, sizeof(shown), line));
	}
	fflush(stdout); /* a program may wait for them; and a child would print them again */
}

static void rest(void)
{
	const struct timespec t = {.tv_nsec = LOOK_MS * 1000000L};

	nanosleep(&t, NULL);
}

/* true: the mount is gone. Else it is held again. */
static bool let_it_go(struct mounted *m)
{
	int64_t deadline = clock_in(LEAVE_MS);
	struct mounted again;
	struct failure why;

	mounted_let_go(m);
	while (clock_ms() < deadline) {
		if (!mounted_elsewhere(m))
			return true;
		rest();
	}
	if (mounted_find(&again, m->target, &why))
		return true;
	mounted_finish(m);
	*m = again;
	return false;
}

/* OK: it came to its end as a mount does. */
static enum error listen(struct mounted *m, bool json, struct failure *why)
{
	struct verb_events e = {.next = FROM_NOW};
	enum error error;

	for (;;) {
		uint64_t next = e.next;

		e = (struct verb_events){.next = next};
		error = asking_ioctl(m, VERB_EVENTS, &e, sizeof(e), CLOCK_NEVER, why);
		if (error)
			break;
		put(&e, json);
		if (e.leaving && let_it_go(m))
			return OK;
	}
	mounted_let_go(m);
	return error == E_ENDING || !mounted_elsewhere(m) ? OK : error;
}

int events_command(int argc, char **argv)
{
	struct mounted m;
	struct failure why;
	bool json;
	enum error e;

	if (!command_words(argc, argv, 1, &json))
		return NOT_DONE;
	e = mounted_find(&m, argv[optind], &why);
	if (!e) {
		e = listen(&m, json, &why);
		mounted_finish(&m);
	}
	if (e)
		log_error("%s", why.words);
	return e ? NOT_DONE : DONE;
}
