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
#include "ioctls.h"
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

/* Names are of printable ASCII. */
static void put_string(struct slice text)
{
	putchar('"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			putchar('\\');
		putchar(text.at[i]);
	}
	putchar('"');
}

/* "new NAME SIZE", "gone NAME", "committed N", "lost N", "offline", "online". */
static void put_json(struct slice line)
{
	struct slice word = slice_token(&line, " "), first = slice_token(&line, " ");
	struct slice size = slice_token(&line, " ");
	bool counts = slice_is(word, "committed") || slice_is(word, "lost");

	printf("{\"event\":");
	put_string(word);
	if (first.len && counts) {
		printf(",\"count\":%.*s", SLICE_ARGS(first));
	} else if (first.len) {
		printf(",\"name\":");
		put_string(first);
	}
	if (size.len)
		printf(",\"size\":%.*s", SLICE_ARGS(size));
	printf("}\n");
}

/* ---- as they come ---- */

static void put(const struct verb_events *e, bool json)
{
	struct slice text = slice_make(e->text, e->len), line;
	char lost[32];

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
			printf("%.*s\n", SLICE_ARGS(line));
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
	static const struct option words[] = {{"json", no_argument, NULL, 'j'}, {0}};
	struct mounted m;
	struct failure why;
	bool json = false;
	enum error e;
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "", words, NULL)) == 'j')
		json = true;
	if (letter != -1 || argc != optind + 1) {
		log_error("it is pop3fs events [--json] MOUNTPOINT");
		return NOT_DONE;
	}
	e = mounted_find(&m, argv[optind], &why);
	if (!e) {
		e = listen(&m, json, &why);
		mounted_finish(&m);
	}
	if (e)
		log_error("%s", why.words);
	return e ? NOT_DONE : DONE;
}
