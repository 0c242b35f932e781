#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "terminal.h"

#define MOST_OCTETS 4096 /* that are read of a password file */

enum error secret_from_text(
    struct secret **out, const char *name, struct slice text, struct failure *why)
{
	const char *newline = text.len ? memchr(text.at, '\n', text.len) : NULL;

	if (newline)
		text.len = (size_t)(newline - text.at);
	if (text.len > 0 && text.at[text.len - 1] == '\r')
		text.len--;
	if (text.len == 0)
		return failed(why, E_SECRET, "%s gave no password: its first line is empty", name);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
			return failed(why, E_SECRET,
			    "the password that %s gave has a control character", name);
	}
	*out = secret_create(text);
	return OK;
}

static enum error check_file(int fd, const char *path, struct failure *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed(
		    why, E_SECRET, "cannot read password_file=%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failed(why, E_SECRET, "password_file=%s is no regular file", path);
	if (st.st_mode & 077)
		return failed(why, E_SECRET,
		    "password_file=%s is not its owner's alone: chmod 600 %s", path, path);
	return OK;
}

static enum error from_file(struct secret **out, const char *path, struct failure *why)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[MOST_OCTETS];
	enum error e;
	ssize_t len;

	if (fd < 0)
		return failed(
		    why, E_SECRET, "cannot read password_file=%s: %s", path, strerror(errno));
	e = check_file(fd, path, why);
	if (e)
		return e;
	len = read(fd, text, sizeof(text));
	if (len < 0)
		return failed(
		    why, E_SECRET, "cannot read password_file=%s: %s", path, strerror(errno));
	e = secret_from_text(out, "password_file", slice_make(text, (size_t)len), why);
	wipe(text, sizeof(text));
	return e;
}

static enum error from_command(struct secret **out, struct companion *c, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf text = {.len = 0};
	enum error e = companion_password(c, &text, why);

	return e ? e : secret_from_text(out, "password_command", buf_slice(&text), why);
}

static enum error from_terminal(struct secret **out, const char *who, struct failure *why)
{
	CLEANUP(freep) char *prompt = xasprintf("Password of %s: ", who);
	CLEANUP(buf_wipe) struct buf text = {.len = 0};
	enum error e = terminal_ask(&text, prompt, why);

	return e ? e : secret_from_text(out, "the terminal", buf_slice(&text), why);
}

enum error credentials_get(struct secret **out, const struct options *o, const struct account *a,
    struct companion *c, struct failure *why)
{
	if (o->password_command)
		return from_command(out, c, why);
	if (o->password_file)
		return from_file(out, o->password_file, why);
	return from_terminal(out, a->words, why);
}
