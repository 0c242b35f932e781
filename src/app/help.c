/* What --help prints: usage, and a line for each row of the table of options. */
#include <string.h>

#include "commands.h"
#include "option.h"

#define HELP_COLUMN  28 /* where the help text of a row begins */
#define LINE_LENGTH  80
#define USAGE_COLUMN 7

/* "name", "name=VALUE", "name[=VALUE]", "name=this|that". */
static void add_left(struct buf *to, const struct option *row)
{
	if (row->letter)
		buf_printf(to, "  -%c, --%s", row->letter, row->name);
	else if (row->place == COMMAND_LINE)
		buf_printf(to, "      --%s", row->name);
	else
		buf_printf(
		    to, "  %s%s%s", row->name, row->optional ? "[" : "", row->value ? "=" : "");
	if (!row->choices)
		buf_add_text(to, row->value ? row->value : "");
	for (const char *const *c = row->choices; c && *c; c++)
		buf_printf(to, "%s%s", c == row->choices ? "" : "|", *c);
	if (row->optional)
		buf_add_text(to, "]");
}

static void help_row(FILE *to, const struct option *row)
{
	struct buf left = {.len = 0};

	add_left(&left, row);
	if (left.len >= HELP_COLUMN) /* too long to have its text beside it */
		buf_printf(&left, "\n%*s", HELP_COLUMN, "");
	fprintf(to, "%-*s%s", HELP_COLUMN, buf_text(&left), row->help);
	if (row->fallback)
		fprintf(to, " (%s)", row->fallback);
	fputc('\n', to);
	buf_finish(&left);
}

static void help_neighbours(FILE *to)
{
	size_t column = LINE_LENGTH; /* the first begins a line */
	const struct option *row;

	for (size_t i = 0; (row = option_at(i)); i++) {
		size_t len = strlen(row->name) + 1;

		if (row->help)
			continue;
		if (column + len > LINE_LENGTH) {
			fputs(column == LINE_LENGTH ? " " : "\n ", to);
			column = 1;
		}
		fprintf(to, " %s", row->name);
		column += len;
	}
	fputs(": as in mount(8)\n", to);
}

void options_help(FILE *to)
{
	const struct option *row, *before = NULL;

	fputs("Usage: pop3fs [OPTIONS] SOURCE MOUNTPOINT      and to end it: umount MOUNTPOINT\n",
	    to);
	commands_usage(to, USAGE_COLUMN);
	fputs("       pop3fs VERB --help\n"
	      "SOURCE: user@host[:port] or pop3s://user@host[:port]   TLS from the first octet\n"
	      "        pop3://user@host[:port]                        STLS, without fail\n"
	      "        NAME                                           see pop3fs.conf(5)\n\n",
	    to);
	for (size_t i = 0; (row = option_at(i)); i++) {
		if (before && before->place == COMMAND_LINE && row->place != COMMAND_LINE)
			fputs(
			    "\nA TIME is in seconds, or 90s, 5m, 2h, 1d; a SIZE in octets, or 64K, "
			    "20M, 1G.\nWritten -o NAME=VALUE,NAME,... (\\, is a comma within a "
			    "value) or --NAME=VALUE:\n",
			    to);
		if (row->help)
			help_row(to, row);
		before = row;
	}
	help_neighbours(to);
}
