/* mountinfo.h: a row's strings are within the line; a target and a source are read as what the
 * kernel wrote them for, whatever they are. */
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "mountinfo.h"
#include "fuzz.h"

static void is_within_line(const char *text, const char *line, size_t len)
{
	must(text >= line && text <= line + len);
	must(memchr(text, '\0', (size_t)(line + len - text) + 1) != NULL);
}

static void any_line(const char *text)
{
	CLEANUP(freep) char *line = xstrdup(text);
	size_t len = strlen(line);
	struct mountinfo_row row;

	if (!mountinfo_parse(line, &row))
		return;
	is_within_line(row.target, line, len);
	is_within_line(row.type, line, len);
	is_within_line(row.source, line, len);
	must(row.id >= 0);
	must(row.ours == (strcmp(row.type, MOUNTINFO_TYPE) == 0));
}

/* As the kernel does it. */
static void add_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (strchr(" \t\n\\#", *text))
			buf_printf(b, "\\%03o", (unsigned char)*text);
		else
			buf_add(b, text, 1);
	}
}

static void shown(const char *text)
{
	CLEANUP(buf_finish) struct buf b = {0};
	struct mountinfo_row row;

	buf_add_text(&b, "36 35 0:98 / /");
	add_escaped(&b, text);
	buf_add_text(&b, " rw,nosuid shared:1 - " MOUNTINFO_TYPE " ");
	add_escaped(&b, text);
	buf_add_text(&b, " rw,user_id=7,group_id=8\n");
	must(mountinfo_parse((char *)buf_text(&b), &row));
	must(row.target[0] == '/' && strcmp(row.target + 1, text) == 0);
	must(strcmp(row.source, text) == 0);
	must(row.id == 36 && row.major == 0 && row.minor == 98 && row.ours);
	must(row.uid == 7 && row.gid == 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	CLEANUP(freep) char *text = xstrndup((const char *)octets, len);

	any_line(text);
	shown(text);
	return 0;
}
