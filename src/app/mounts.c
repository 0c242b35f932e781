#include "mounts.h"

#include <stdio.h>
#include <unistd.h>

#include "alloc.h"
#include "asking.h"
#include "clock.h"
#include "commands.h"
#include "ioctls.h"
#include "json.h"
#include "log.h"
#include "mounted.h"
#include "report.h"

#define LIST_MS      5000 /* for an answer: one that hangs holds up the others */
#define LONGEST_LINE 2048 /* octets, escaped */

#define DONE     0
#define NOT_DONE 1

/* ---- for people ---- */

/* `error` is NULL where it has answered. */
static void add_line(
    struct buf *to, const struct mountinfo_row *row, const char *error, struct slice text)
{
	char source[LONGEST_LINE], target[LONGEST_LINE];
	bool coloured = report_coloured();

	buf_printf(to, "%s on %s", log_escape(source, sizeof(source), slice_of(row->source)),
	    log_escape(target, sizeof(target), slice_of(row->target)));
	buf_add_text(to, ": ");
	if (error)
		buf_printf(
		    to, "%s%s%s", coloured ? REPORT_RED : "", error, coloured ? REPORT_PLAIN : "");
	else
		report_counts(to, text, coloured);
}

/* ---- for programs ---- */

static void add_object(
    struct buf *to, const struct mountinfo_row *row, const char *error, struct slice text)
{
	buf_add_text(to, "{\"source\":");
	json_string(to, slice_of(row->source));
	buf_add_text(to, ",\"mountpoint\":");
	json_string(to, slice_of(row->target));
	if (error) {
		buf_add_text(to, ",\"error\":");
		json_string(to, slice_of(error));
	} else {
		buf_add_text(to, ",");
		report_json(to, text);
	}
	buf_add_text(to, "}");
}

/* ---- each ---- */

static void show(const struct mountinfo_row *row, bool json)
{
	CLEANUP(mounted_finish) struct mounted m;
	CLEANUP(buf_finish) struct buf line = {.len = 0};
	struct verb_status answer = {.len = 0};
	const char *error = NULL;
	struct failure why;
	enum error e = mounted_row(&m, row, &why);

	if (!e)
		e = command_ask_status(&m, &answer, LIST_MS, &why);
	if (e)
		error = e == E_CLOSED ? "dead" : error_words(e);
	if (json)
		add_object(&line, row, error, command_status_text(&answer));
	else
		add_line(&line, row, error, command_status_text(&answer));
	puts(buf_text(&line));
	fflush(stdout); /* before the next one is waited for, or a child inherits it */
}

int mounts_command(int argc, char **argv)
{
	CLEANUP(mountinfo_close) struct mountinfo all = {0};
	struct mountinfo_row row;
	bool json;

	if (!command_words(argc, argv, 0, &json))
		return NOT_DONE;
	if (!mountinfo_open(&all)) {
		log_error("/proc/self/mountinfo cannot be read");
		return NOT_DONE;
	}
	while (mountinfo_next(&all, &row))
		if (row.ours && (geteuid() == 0 || row.uid == getuid()))
			show(&row, json);
	return DONE;
}
