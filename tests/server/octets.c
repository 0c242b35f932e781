#include "octets.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"

#define READ_AT_LEAST 4096

bool octets_read_fd(int fd, size_t guess, struct buf *to)
{
	for (size_t room = guess + 1;; room = READ_AT_LEAST) {
		ssize_t got = read(fd, buf_room(to, room), room);

		if (got <= 0)
			return got == 0;
		buf_added(to, (size_t)got);
	}
}

enum error octets_read(const char *path, struct buf *to, struct failure *why)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !octets_read_fd(fd, READ_AT_LEAST, to))
		return failed(why, E_SYSTEM, "cannot read %s: %s", path, strerror(errno));
	return OK;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10 : -1;
}

/* The octet that an escape stands for, and how long it is in the text after the backslash; 0:
 * it is none. */
static size_t read_escape(struct slice text, char *octet)
{
	static const char letters[] = "rnt0\"\\", octets[] = "\r\n\t\0\"\\";
	const char *letter = memchr(letters, text.at[0], sizeof(letters) - 1);

	if (letter) {
		*octet = octets[letter - letters];
		return 1;
	}
	if (text.at[0] != 'x' || text.len < 3 || hex_value(text.at[1]) < 0 ||
	    hex_value(text.at[2]) < 0)
		return 0;
	*octet = (char)(16 * hex_value(text.at[1]) + hex_value(text.at[2]));
	return 3;
}

void octets_unescape(struct slice text, struct buf *to)
{
	for (size_t i = 0; i < text.len; i++) {
		char octet = text.at[i];

		if (octet == '\\' && i + 1 < text.len)
			i += read_escape(slice_make(text.at + i + 1, text.len - i - 1), &octet);
		buf_add(to, &octet, 1);
	}
}

static bool ends_in(struct slice s, char octet)
{
	return s.len > 0 && s.at[s.len - 1] == octet;
}

bool octets_end_line(struct slice s)
{
	return s.len >= 2 && memcmp(s.at + s.len - 2, "\r\n", 2) == 0;
}

void octets_to_wire(struct slice file, bool raw, struct buf *wire, uint64_t *octets)
{
	size_t doubled = 0, added = 0;

	buf_room(wire, file.len + file.len / 32 + 2);
	while (file.len > 0) {
		const char *lf = memchr(file.at, '\n', file.len);
		size_t len = lf ? (size_t)(lf - file.at) : file.len;

		if (file.at[0] == '.' && (wire->len == 0 || octets_end_line(buf_slice(wire)))) {
			buf_add_text(wire, ".");
			doubled++;
		}
		buf_add(wire, file.at, len);
		if (lf && !raw && !ends_in(slice_make(file.at, len), '\r'))
			buf_add_text(wire, "\r");
		if (lf)
			buf_add_text(wire, "\n");
		len += lf ? 1 : 0;
		file = slice_make(file.at + len, file.len - len);
	}
	if (wire->len > 0 && !octets_end_line(buf_slice(wire))) {
		buf_add_text(wire, "\r\n");
		added = raw ? 2 : 0;
	}
	*octets = wire->len - doubled - added;
}
