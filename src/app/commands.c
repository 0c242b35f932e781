#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "asking.h"
#include "clock.h"
#include "events.h"
#include "fetch.h"
#include "ioctls.h"
#include "log.h"
#include "mounted.h"
#include "umount.h"
#include "verdict.h"
#include "verify.h"

#define STATUS_MS    30000 /* a daemon answers at once; then it hangs */
#define LIST_MS      5000  /* the same, where one that hangs holds up the others */
#define LONGEST_LINE 2048  /* octets, escaped */

#define DONE     0
#define NOT_DONE 1

static int complain(const struct failure *why)
{
	log_error("%s", why->words);
	return NOT_DONE;
}

static int complain_of(const struct verb_failure *f)
{
	log_error("%.*s", (int)strnlen(f->words, sizeof(f->words)), f->words);
	return NOT_DONE;
}

static const char *plural(uint64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

/* ---- status ---- */

static enum error ask_status(
    const struct mounted *m, struct verb_status *answer, int64_t ms, struct failure *why)
{
	return asking_ioctl(m, VERB_STATUS, answer, sizeof(*answer), clock_in(ms), why);
}

static struct slice text_of(const struct verb_status *answer)
{
	return slice_make(answer->text, answer->len < VERB_TEXT ? answer->len : VERB_TEXT);
}

/* A line of status: "key: value". Returns the key's length, 0 for anything else. */
static size_t key_length(struct slice line)
{
	const char *colon = line.at ? memmem(line.at, line.len, ": ", 2) : NULL;

	return colon ? (size_t)(colon - line.at) : 0;
}

static void print_aligned(struct slice text)
{
	size_t widest = 0;
	struct slice rest = text, line;

	while ((line = slice_token(&rest, "\n")).len > 0)
		if (key_length(line) > widest)
			widest = key_length(line);
	while ((line = slice_token(&text, "\n")).len > 0) {
		size_t key = key_length(line);

		if (key)
			printf("%.*s:%*s %.*s\n", (int)key, line.at, (int)(widest - key), "",
			    (int)(line.len - key - 2), line.at + key + 2);
		else
			printf("%.*s\n", SLICE_ARGS(line));
	}
}

static int status(const struct mounted *m, char *const *names)
{
	struct verb_status answer = {.len = 0};
	struct failure why;

	if (ask_status(m, &answer, STATUS_MS, &why))
		return complain(&why);
	print_aligned(text_of(&answer));
	return DONE;
}

/* ---- commit, refresh, undelete ---- */

static int commit(const struct mounted *m, char *const *names)
{
	struct verb_commit answer = {.leaving = 0};
	struct failure why;

	if (asking_ioctl(m, VERB_COMMIT, &answer, sizeof(answer), CLOCK_NEVER, &why))
		return complain(&why);
	if (answer.deleted)
		printf("deleted %" PRIu64 " %s on the server\n", answer.deleted,
		    plural(answer.deleted, "message", "messages"));
	if (verdict(&answer, &why))
		return complain(&why);
	if (answer.proof == VERB_UNPROVED) {
		log_error("the server could not be asked again whether they are gone");
		return NOT_DONE;
	}
	if (answer.proof == VERB_PROVED_LATER)
		puts("the server wants no other login now: the next listing shows whether they "
		     "are gone");
	return DONE;
}

static int refresh(const struct mounted *m, char *const *names)
{
	struct verb_refresh answer = {.failure = {.number = 0}};
	struct failure why;

	if (asking_ioctl(m, VERB_REFRESH, &answer, sizeof(answer), CLOCK_NEVER, &why))
		return complain(&why);
	return answer.failure.number ? complain_of(&answer.failure) : DONE;
}

/* "" for all; a path to the file in .pop3fs/deleted will do. */
static int undelete_one(const struct mounted *m, const char *name, uint64_t *done)
{
	struct verb_undelete answer = {.done = 0};
	const char *slash = strrchr(name, '/');
	struct failure why;

	if (slash)
		name = slash + 1;
	if (strlen(name) >= sizeof(answer.name)) {
		log_error("no message has a name as long as %s", name);
		return NOT_DONE;
	}
	strcpy(answer.name, name);
	if (asking_ioctl(m, VERB_UNDELETE, &answer, sizeof(answer), CLOCK_NEVER, &why))
		return complain(&why);
	*done += answer.done;
	return answer.failure.number ? complain_of(&answer.failure) : DONE;
}

static int undelete(const struct mounted *m, char *const *names)
{
	uint64_t done = 0;
	int result = DONE;

	if (!*names)
		result = undelete_one(m, "", &done);
	for (; *names; names++)
		result |= undelete_one(m, *names, &done);
	if (done)
		printf("took back %" PRIu64 " %s\n", done, plural(done, "deletion", "deletions"));
	return result;
}

/* ---- list ---- */

/* The value of a key in a status; empty: it is not there. */
static struct slice value_of(struct slice text, const char *key)
{
	struct slice line;

	while ((line = slice_token(&text, "\n")).len > 0) {
		size_t len = key_length(line);

		if (slice_is(slice_make(line.at, len), key))
			return slice_make(line.at + len + 2, line.len - len - 2);
	}
	return slice_of("");
}

static void list_counts(struct slice status_text)
{
	struct slice messages = value_of(status_text, "messages");
	struct slice pending = value_of(status_text, "pending deletions");

	printf(": %.*s %s", SLICE_ARGS(messages), slice_is(messages, "1") ? "message" : "messages");
	if (pending.len && !slice_is(pending, "0"))
		printf(", %.*s %s", SLICE_ARGS(pending),
		    slice_is(pending, "1") ? "deletion waits" : "deletions wait");
	putchar('\n');
}

static void list_row(const struct mountinfo_row *row)
{
	CLEANUP(mounted_finish) struct mounted m;
	char source[LONGEST_LINE], target[LONGEST_LINE];
	struct verb_status answer = {.len = 0};
	struct failure why;
	enum error e = mounted_row(&m, row, &why);

	if (!e)
		e = ask_status(&m, &answer, LIST_MS, &why);
	printf("%s on %s", log_escape(source, sizeof(source), slice_of(row->source)),
	    log_escape(target, sizeof(target), slice_of(row->target)));
	if (e)
		printf(": %s\n", e == E_CLOSED ? "dead" : error_words(e));
	else
		list_counts(text_of(&answer));
	fflush(stdout); /* before the next one is waited for, or a child inherits it */
}

static int list(void)
{
	CLEANUP(mountinfo_close) struct mountinfo all;
	struct mountinfo_row row;

	if (!mountinfo_open(&all)) {
		log_error("/proc/self/mountinfo cannot be read");
		return NOT_DONE;
	}
	while (mountinfo_next(&all, &row))
		if (row.ours && (geteuid() == 0 || row.uid == getuid()))
			list_row(&row);
	return DONE;
}

/* ---- the table ---- */

static const struct command {
	const char *word;
	int (*run)(const struct mounted *m, char *const *names);
	bool names; /* may follow */
} table[] = {
    {"status", status, false},
    {"commit", commit, false},
    {"refresh", refresh, false},
    {"undelete", undelete, true},
    {"fetch", fetch_command, true},
    {"umount", NULL, false}, /* these have words of their own */
    {"events", NULL, false},
    {"verify", NULL, false},
    {"list", NULL, false},
};

static const struct command *find(const char *word)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(word, table[i].word) == 0)
			return &table[i];
	return NULL;
}

bool command_is(const char *word)
{
	return find(word) != NULL;
}

static int run(const struct command *row, int argc, char **argv)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1};
	struct failure why;
	int at = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (argc <= at || (argc > at + 1 && !row->names) || (at == 1 && argv[at][0] == '-')) {
		log_error(
		    "it is pop3fs %s MOUNTPOINT%s", row->word, row->names ? " [NAME...]" : "");
		return NOT_DONE;
	}
	if (mounted_find(&m, argv[at], &why))
		return complain(&why);
	return row->run(&m, argv + at + 1);
}

int command_run(int argc, char **argv)
{
	const struct command *row = find(argv[0]);

	if (strcmp(row->word, "umount") == 0)
		return umount_command(argc, argv);
	if (strcmp(row->word, "events") == 0)
		return events_command(argc, argv);
	if (strcmp(row->word, "verify") == 0)
		return verify_command(argc, argv);
	if (row->run)
		return run(row, argc, argv);
	if (argc == 1)
		return list();
	log_error("it is pop3fs list");
	return NOT_DONE;
}
