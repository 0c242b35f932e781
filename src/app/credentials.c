#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "mechanism.h"
#include "netrc.h"
#include "run.h"
#include "terminal.h"

#define COMMAND_MS  120000 /* a person may have to unlock something */
#define MOST_OCTETS 65536  /* that are read of a file, or of standard input */

typedef bool chooser(struct credentials *c, const struct options *o, const struct account *a);
typedef enum error asker(
    const struct credentials *c, int leash, struct buf *text, struct failure *why);

struct credentials_source {
	const char *name; /* what sentences call it */
	const char *what; /* it gives */
	chooser *choose;  /* whether it is configured */
	asker *ask;       /* its text, the secret being the first line; NULL: no secret is needed */
	bool once;        /* it cannot be asked a second time */
	bool guarded;     /* where it stands nobody else can read it, whatever its mode is */
};

static chooser choose_nothing, choose_oauth, choose_command, choose_file, choose_stdin,
    choose_systemd, choose_netrc, choose_terminal;
static asker ask_command, ask_file, ask_stdin, ask_netrc, ask_terminal;

/* clang-format off */
static const struct credentials_source sources[] = {
	{"the certificate",  "secret",   choose_nothing,  NULL, .once = true},
	{"oauth_command",    "token",    choose_oauth,    ask_command},
	{"password_command", "password", choose_command,  ask_command},
	{"password_file",    "password", choose_file,     ask_file},
	{"standard input",   "password", choose_stdin,    ask_stdin, .once = true},
	{"the credential",   "password", choose_systemd,  ask_file, .guarded = true},
	{"netrc",            "password", choose_netrc,    ask_netrc},
	{"the terminal",     "password", choose_terminal, ask_terminal, .once = true},
};
/* clang-format on */

/* ---- which ---- */

/* The login by a client certificate alone. */
static bool choose_nothing(struct credentials *c, const struct options *o, const struct account *a)
{
	return o->auth == MECHANISM_EXTERNAL;
}

static bool choose_oauth(struct credentials *c, const struct options *o, const struct account *a)
{
	c->command = o->oauth_command;
	return c->command != NULL;
}

static bool choose_command(struct credentials *c, const struct options *o, const struct account *a)
{
	c->command = o->password_command;
	return c->command != NULL;
}

static bool choose_path(struct credentials *c, const char *path)
{
	c->path = path ? xstrdup(path) : NULL;
	return path != NULL;
}

static bool choose_file(struct credentials *c, const struct options *o, const struct account *a)
{
	return choose_path(c, o->password_file);
}

static bool choose_stdin(struct credentials *c, const struct options *o, const struct account *a)
{
	return o->password_stdin;
}

/* It is configured by being there: the unit says LoadCredential=, and pop3fs needs no option. */
static bool choose_systemd(struct credentials *c, const struct options *o, const struct account *a)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	CLEANUP(freep) char *path = NULL;

	if (!directory || directory[0] != '/')
		return false;
	path = xasprintf("%s/" CREDENTIAL_NAME, directory);
	return access(path, F_OK) == 0 && choose_path(c, path);
}

static bool choose_netrc(struct credentials *c, const struct options *o, const struct account *a)
{
	return choose_path(c, o->netrc);
}

static bool choose_terminal(struct credentials *c, const struct options *o, const struct account *a)
{
	return true;
}

void credentials_choose(struct credentials *c, const struct options *o, const struct account *a)
{
	*c = (struct credentials){
	    .source = sources, .host = a->host, .user = a->user, .words = a->words};
	while (!c->source->choose(c, o, a))
		c->source++;
}

void credentials_finish(struct credentials *c)
{
	free(c->path);
	*c = (struct credentials){.source = NULL};
}

bool credentials_is_token(const struct credentials *c)
{
	return c->source->choose == choose_oauth;
}

bool credentials_can_ask_again(const struct credentials *c)
{
	return !c->source->once;
}

/* ---- what it gives ---- */

static enum error ask_command(
    const struct credentials *c, int leash, struct buf *text, struct failure *why)
{
	struct run_plan run = {c->source->name, c->command, COMMAND_MS, leash};

	return run_command(&run, text, why) ? why->code : OK;
}

static enum error check_file(const struct credentials *c, int fd, struct failure *why)
{
	const char *name = c->source->name;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed(
		    why, E_SECRET, "cannot read %s %s: %s", name, c->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failed(why, E_SECRET, "%s %s is no regular file", name, c->path);
	if (st.st_mode & 077 && !c->source->guarded)
		return failed(why, E_SECRET, "%s %s is not its owner's alone: chmod 600 %s", name,
		    c->path, c->path);
	return OK;
}

/* false: it failed, and errno says why. */
static bool read_all(int fd, struct buf *text)
{
	ssize_t got = 1;

	while (got != 0 && text->len < MOST_OCTETS) {
		got = read(fd, buf_room(text, MOST_OCTETS), MOST_OCTETS - text->len);
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0)
			buf_added(text, (size_t)got);
	}
	return true;
}

static enum error ask_file(
    const struct credentials *c, int leash, struct buf *text, struct failure *why)
{
	CLEANUP(closep) int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && check_file(c, fd, why))
		return why->code;
	if (fd < 0 || !read_all(fd, text))
		return failed(why, E_SECRET, "cannot read %s %s: %s", c->source->name, c->path,
		    strerror(errno));
	return OK;
}

static enum error ask_netrc(
    const struct credentials *c, int leash, struct buf *text, struct failure *why)
{
	CLEANUP(buf_wipe) struct buf file = {.len = 0};
	CLEANUP(netrc_finish) struct netrc n;
	struct failure reason;
	enum error e = ask_file(c, leash, &file, why);

	netrc_init(&n, c->host, c->user);
	if (e)
		return e;
	if (file.len == MOST_OCTETS)
		return failed(why, E_SECRET, "netrc %s is too long to be one", c->path);
	netrc_feed(&n, buf_slice(&file));
	if (netrc_end(&n, text, &reason))
		return failed(why, E_SECRET, "netrc %s: %s", c->path, reason.words);
	if (slice_has_control(buf_slice(text))) /* a second line would be cut off in silence */
		return failed(
		    why, E_SECRET, "the password in netrc %s has a control character", c->path);
	return OK;
}

/* One line, octet by octet: what follows is not ours. */
static enum error ask_stdin(
    const struct credentials *c, int leash, struct buf *text, struct failure *why)
{
	char octet = '\0';
	ssize_t got = 1;

	if (isatty(STDIN_FILENO))
		return failed(why, E_SECRET,
		    "password_stdin reads what a program writes, and standard input is a "
		    "terminal: without that option the password is asked for");
	while (got != 0 && octet != '\n' && text->len < MOST_OCTETS) {
		got = read(STDIN_FILENO, &octet, 1);
		if (got < 0 && errno != EINTR)
			return failed(
			    why, E_SECRET, "cannot read %s: %s", c->source->name, strerror(errno));
		if (got > 0)
			buf_add(text, &octet, 1);
	}
	wipe(&octet, 1);
	return OK;
}

static enum error ask_terminal(
    const struct credentials *c, int leash, struct buf *text, struct failure *why)
{
	CLEANUP(freep) char *prompt = xasprintf("Password of %s: ", c->words);

	return terminal_ask(text, prompt, why);
}

/* ---- */

enum error secret_from_text(
    struct secret **out, const char *name, const char *what, struct slice text, struct failure *why)
{
	const char *newline = text.len ? memchr(text.at, '\n', text.len) : NULL;

	if (newline)
		text.len = (size_t)(newline - text.at);
	if (text.len > 0 && text.at[text.len - 1] == '\r')
		text.len--;
	if (text.len == 0)
		return failed(why, E_SECRET, "%s gave no %s: its first line is empty", name, what);
	if (text.len > LONGEST_SECRET)
		return failed(why, E_SECRET, "%s gave a %s of more than %d octets", name, what,
		    LONGEST_SECRET);
	if (slice_has_control(text))
		return failed(
		    why, E_SECRET, "the %s that %s gave has a control character", what, name);
	*out = secret_create(text);
	return OK;
}

enum error credentials_ask(
    struct secret **out, const struct credentials *c, int leash, struct failure *why)
{
	const struct credentials_source *s = c->source;
	CLEANUP(buf_wipe) struct buf text = {.len = 0};
	struct failure reason;

	if (!s->ask) {
		*out = NULL;
		return OK;
	}
	if (s->ask(c, leash, &text, &reason))
		return failed(why, E_SECRET, "%s", reason.words);
	return secret_from_text(out, s->name, s->what, buf_slice(&text), why);
}
