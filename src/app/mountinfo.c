#include "mountinfo.h"

#include <stdlib.h>
#include <string.h>

#include "slice.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define MOST_ID   4294967294u

/* The words of a line, in order; a row of optional ones ended by "-" stands between. */
enum first { ID, PARENT, DEVICE, ROOT, TARGET, OPTIONS, FIRSTS };
enum last { TYPE, SOURCE, SUPER_OPTIONS, LASTS };

/* Takes the next word off the line, ended by NUL. NULL: there are no more. */
static char *next_word(char **line)
{
	char *word;

	do
		word = strsep(line, " \n");
	while (word && !*word);
	return word;
}

/* An empty source is an empty word: no run of spaces is skipped here. */
static char *exact_word(char **line)
{
	return strsep(line, " \n");
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Space, tab, newline, backslash and "#" stand there as \ooo. */
static const char *unescape(char *word)
{
	char *to = word;

	for (const char *c = word; *c; c++) {
		if (c[0] == '\\' && is_octal(c[1]) && is_octal(c[2]) && is_octal(c[3])) {
			*to++ = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
			c += 3;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
	return word;
}

/* "user_id=N" among the options. */
static unsigned id_option(const char *options, const char *name)
{
	struct slice rest = slice_of(options), word;
	size_t len = strlen(name);
	uint64_t id = 0;

	while ((word = slice_token(&rest, ",")).len > 0)
		if (word.len > len && memcmp(word.at, name, len) == 0)
			slice_number(slice_make(word.at + len, word.len - len), MOST_ID, &id);
	return (unsigned)id;
}

static bool take_numbers(char *const *words, struct mountinfo_row *row)
{
	char *colon = strchr(words[DEVICE], ':');
	uint64_t id, major, minor;

	if (!colon || !slice_number(slice_of(words[ID]), INT32_MAX, &id) ||
	    !slice_number(
		slice_make(words[DEVICE], (size_t)(colon - words[DEVICE])), UINT32_MAX, &major) ||
	    !slice_number(slice_of(colon + 1), UINT32_MAX, &minor))
		return false;
	row->id = (int)id;
	row->major = (unsigned)major;
	row->minor = (unsigned)minor;
	return true;
}

bool mountinfo_parse(char *line, struct mountinfo_row *row)
{
	char *first[FIRSTS], *last[LASTS], *word;

	for (int i = 0; i < FIRSTS; i++)
		if (!(first[i] = next_word(&line)))
			return false;
	do
		word = next_word(&line);
	while (word && strcmp(word, "-") != 0);
	for (int i = 0; i < LASTS; i++)
		if (!(last[i] = exact_word(&line)))
			return false;
	if (!take_numbers(first, row))
		return false;
	row->target = unescape(first[TARGET]);
	row->type = last[TYPE];
	row->source = unescape(last[SOURCE]);
	row->ours = strcmp(row->type, MOUNTINFO_TYPE) == 0;
	row->uid = id_option(last[SUPER_OPTIONS], "user_id=");
	row->gid = id_option(last[SUPER_OPTIONS], "group_id=");
	return true;
}

bool mountinfo_open(struct mountinfo *m)
{
	*m = (struct mountinfo){.file = fopen(MOUNTINFO, "re")};
	return m->file != NULL;
}

bool mountinfo_open_of(struct mountinfo *m, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	*m = (struct mountinfo){.file = fopen(path, "re")};
	return m->file != NULL;
}

void mountinfo_rewind(struct mountinfo *m)
{
	if (m->file)
		rewind(m->file);
}

bool mountinfo_next(struct mountinfo *m, struct mountinfo_row *row)
{
	while (m->file && getline(&m->line, &m->room, m->file) > 0)
		if (mountinfo_parse(m->line, row))
			return true;
	return false;
}

void mountinfo_close(struct mountinfo *m)
{
	if (m->file)
		fclose(m->file);
	free(m->line);
	*m = (struct mountinfo){.file = NULL};
}
