#include "commands.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "asking.h"
#include "clock.h"
#include "events.h"
#include "fetch.h"
#include "ioctls.h"
#include "log.h"
#include "mounted.h"
#include "outcome.h"
#include "mounts.h"
#include "report.h"
#include "umount.h"
#include "verdict.h"
#include "verify.h"

#define STATUS_MS 30000 /* a daemon answers at once; then it hangs */

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

enum error command_ask_status(
    const struct mounted *m, struct verb_status *answer, int64_t ms, struct failure *why)
{
	return asking_ioctl(m, VERB_STATUS, answer, sizeof(*answer), clock_in(ms), why);
}

struct slice command_status_text(const struct verb_status *answer)
{
	return slice_make(answer->text, answer->len < VERB_TEXT ? answer->len : VERB_TEXT);
}

static void print_status(struct slice text, bool json)
{
	struct buf shown = {.len = 0};

	if (json) {
		buf_add_text(&shown, "{");
		report_json(&shown, text);
		buf_add_text(&shown, "}\n");
	} else {
		report_people(&shown, text, report_coloured());
	}
	fputs(buf_text(&shown), stdout);
	buf_finish(&shown);
}

static int status(int argc, char **argv)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1};
	struct verb_status answer = {.len = 0};
	struct failure why;
	bool json;

	if (!command_words(argc, argv, 1, &json))
		return NOT_DONE;
	if (mounted_find(&m, argv[optind], &why) ||
	    command_ask_status(&m, &answer, STATUS_MS, &why))
		return complain(&why);
	print_status(command_status_text(&answer), json);
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
	memcpy(answer.name, name, strlen(name) + 1);
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

/* ---- the table ---- */

static const struct command {
	const char *word;
	const char *words; /* behind it */
	const char *what;  /* it does, for --help */
	int (*run)(const struct mounted *m, char *const *names);
	int (*run_whole)(int argc, char **argv); /* instead: it has words of its own */
} table[] = {
    {"status", "[--json] MOUNTPOINT",
	"Shows how a mount is: its server, messages, deletions that wait, the last error.\n"
	"--json: as an object, sizes in octets.",
	.run_whole = status},
    {"commit", "MOUNTPOINT",
	"Deletes on the server, now, what was removed, and says whether it is gone.", commit},
    {"refresh", "MOUNTPOINT", "Asks the server, now, which messages there are.", refresh},
    {"undelete", "MOUNTPOINT [NAME...]",
	"Takes deletions back that were not committed yet: those of these names, or all.",
	undelete},
    {"fetch", "MOUNTPOINT [NAME...]", "Brings the messages of these names, or all, into the cache.",
	fetch_command},
    {"verify", "[-r] MOUNTPOINT [NAME...]",
	"Looks whether the messages in the cache are what they were.\n"
	"-r, --refetch: those that are not are fetched again.",
	.run_whole = verify_command},
    {"events", "[--json] MOUNTPOINT",
	"Prints a line whenever something happens, until the mount is gone.\n"
	"--json: each line is an object.",
	.run_whole = events_command},
    {"umount", "[-lfv] MOUNTPOINT",
	"Commits, unmounts, and waits for the daemon's end.\n"
	"-l: detaches the mount, which goes on for those who use it.\n"
	"-f: cuts it off from its daemon, whose end is not waited for.\n"
	"-v: says how many messages were deleted on the server.",
	.run_whole = umount_command},
    {"list", "[--json]",
	"Shows your mounts (to root: all), their messages, and deletions that wait.\n"
	"--json: an object a line, sizes in octets.",
	.run_whole = mounts_command},
};

#define COMMANDS (sizeof(table) / sizeof(table[0]))

static const struct command *find(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(word, table[i].word) == 0)
			return &table[i];
	return NULL;
}

bool command_is(const char *word)
{
	return find(word) != NULL;
}

void commands_usage(FILE *to, int indent)
{
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "%*spop3fs %s %s\n", indent, "", table[i].word, table[i].words);
}

void command_misused(const char *verb)
{
	log_error("it is pop3fs %s %s", verb, find(verb)->words);
}

bool command_words(int argc, char **argv, int others, bool *json)
{
	static const struct option words[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int letter;

	opterr = 0;
	*json = false;
	while ((letter = getopt_long(argc, argv, "", words, NULL)) == 'j')
		*json = true;
	if (letter == -1 && argc == optind + others)
		return true;
	command_misused(argv[0]);
	return false;
}

static int run(const struct command *row, int argc, char **argv)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1};
	struct failure why;
	int at = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	bool names = strstr(row->words, "NAME") != NULL;

	if (argc <= at || (argc > at + 1 && !names) || (at == 1 && argv[at][0] == '-')) {
		command_misused(row->word);
		return NOT_DONE;
	}
	if (mounted_find(&m, argv[at], &why))
		return complain(&why);
	return row->run(&m, argv + at + 1);
}

int command_run(int argc, char **argv)
{
	const struct command *row = find(argv[0]);

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("Usage: pop3fs %s %s\n%s\n", row->word, row->words, row->what);
		return outcome_printed(DONE, NOT_DONE);
	}
	return outcome_printed(
	    row->run ? run(row, argc, argv) : row->run_whole(argc, argv), NOT_DONE);
}
