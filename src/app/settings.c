#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "commands.h"
#include "config.h"
#include "paths.h"

#define MOST_OCTETS (1u << 20) /* of a file */

/* A file, if there is one: path is NULL if not. */
struct file {
	char *path;
	struct config config;
	bool others_read;
};

static void file_finish(struct file *f)
{
	if (f->path)
		config_finish(&f->config);
	free(f->path);
}

/* ---- reading ---- */

/* Whoever can write there can have commands run in our name. */
static enum error check(struct file *f, int fd, struct failure *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed(why, E_CONFIG, "cannot read %s: %s", f->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failed(why, E_CONFIG, "%s is no regular file", f->path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return failed(why, E_CONFIG, "%s is somebody else's: it is not read", f->path);
	if (st.st_mode & 022)
		return failed(
		    why, E_CONFIG, "others may write to %s: chmod 600 %s", f->path, f->path);
	f->others_read = st.st_mode & 044;
	return OK;
}

/* Each section, not only the one that is asked for. */
static enum error check_sections(const struct config *c, struct failure *why)
{
	for (size_t i = 0; i < c->section_count; i++) {
		const struct config_section *s = &c->sections[i];

		if (s->name && command_is(s->name))
			return failed(why, E_CONFIG,
			    "%s:%u: %s is a verb of pop3fs, and cannot be an account's name",
			    c->path, s->line, s->name);
	}
	return OK;
}

static enum error feed(struct file *f, int fd, struct failure *why)
{
	char piece[4096];
	size_t total = 0;
	ssize_t got;
	enum error e = OK;

	while (!e && (got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = failed(why, E_CONFIG, "cannot read %s: %s", f->path, strerror(errno));
		else if ((total += (size_t)got) > MOST_OCTETS)
			e = failed(why, E_CONFIG, "%s is too long to be a configuration", f->path);
		else
			e = config_feed(&f->config, slice_make(piece, (size_t)got), why);
	}
	wipe(piece, sizeof(piece)); /* a proxy's password may be there */
	return e ? e : config_end(&f->config, why);
}

/* Takes the path over. One that must not be there may be missing. */
static enum error load(struct file *f, char *path, bool must, struct failure *why)
{
	CLEANUP(closep)
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
	enum error e;

	if (fd < 0 && !must && (!path || errno == ENOENT || errno == ENOTDIR)) {
		free(path);
		return OK;
	}
	f->path = path;
	config_init(&f->config, path);
	if (fd < 0)
		return failed(why, E_CONFIG, "cannot read %s: %s", path, strerror(errno));
	e = check(f, fd, why);
	if (!e)
		e = feed(f, fd, why);
	return e ? e : check_sections(&f->config, why);
}

/* malloc'd; NULL: there is no home directory. */
static char *users_path(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	CLEANUP(freep) char *home = NULL;

	if (xdg && xdg[0] == '/')
		return xasprintf("%s/" SETTINGS_USER, xdg);
	home = path_home();
	return home ? xasprintf("%s/.config/" SETTINGS_USER, home) : NULL;
}

/* ---- setting ---- */

/* Passes a failure on with the place in front. A value of the file is no wrong usage. */
static enum error at(const struct file *f, const struct config_row *row,
    const struct failure *reason, struct failure *why)
{
	return failed(why, reason->code == E_SYSTEM ? E_SYSTEM : E_CONFIG, "%s:%u: %s", f->path,
	    row->line, reason->words);
}

__attribute__((format(printf, 4, 5))) static enum error wrong(const struct file *f,
    const struct config_row *row, struct failure *why, const char *format, ...)
{
	struct failure reason = {.code = E_CONFIG};
	va_list args;

	va_start(args, format);
	vsnprintf(reason.words, sizeof(reason.words), format, args);
	va_end(args);
	return at(f, row, &reason, why);
}

/* A relative path would mean another file in each working directory. */
static bool is_relative(const struct option *option, const char *value)
{
	return option_is_path(option) && value[0] != '/' && strncmp(value, "~/", 2) != 0;
}

static enum error set_row(struct options *o, const struct file *f, const struct config_row *row,
    const struct options_settled *settled, struct failure *why)
{
	const struct option *option = option_find(slice_of(row->key));
	CLEANUP(freep) char *value = NULL, *where = NULL;
	struct failure reason;

	if (!option && option_is_password(slice_of(row->key)))
		return wrong(f, row, why,
		    "a password does not belong into a configuration: use password_command or "
		    "password_file");
	if (!option)
		return wrong(f, row, why, "unknown option %s: pop3fs --help lists all", row->key);
	if (!option_is_for_files(option))
		return wrong(f, row, why, "%s is for the command line only", row->key);
	if (row->value)
		value =
		    option_is_command(option) ? xstrdup(row->value) : config_unquote(row->value);
	if (row->value && !value)
		return wrong(
		    f, row, why, "the quote of %s does not end where its value does", row->key);
	if (value && is_relative(option, value))
		return wrong(f, row, why, "%s needs a path from / or ~/ on", row->key);
	if (option_is_settled(settled, option))
		return OK;
	where = xasprintf("%s:%u", f->path, row->line);
	return option_set_from(o, option, value, where, &reason) ? at(f, row, &reason, why) : OK;
}

static enum error take_source(
    struct settings *s, const struct file *f, const struct config_row *row, struct failure *why)
{
	if (!row->section)
		return wrong(f, row, why, "%s belongs into an account's section", row->key);
	if (s->source)
		return wrong(f, row, why, "%s is given twice", row->key);
	s->source = row->value ? config_unquote(row->value) : NULL;
	if (!s->source || !*s->source)
		return wrong(f, row, why,
		    "%s needs a value, in one pair of quotes or none: user@host", row->key);
	s->where = xasprintf("%s:%u", f->path, row->line);
	return OK;
}

static bool is_of(const struct config_row *row, const char *section)
{
	if (!section || !row->section)
		return !section && !row->section;
	return strcmp(row->section, section) == 0;
}

/* One place: the rows of a section, or (NULL) those for all. */
static enum error apply(struct settings *s, struct options *o, const struct file *f,
    const char *section, struct failure *why)
{
	struct options_settled settled = options_settled(o);
	enum error e = OK;

	for (size_t i = 0; f->path && i < f->config.count && !e; i++) {
		const struct config_row *row = &f->config.rows[i];

		if (!is_of(row, section))
			continue;
		if (strcmp(row->key, SETTINGS_SOURCE) == 0)
			e = take_source(s, f, row, why);
		else
			e = set_row(o, f, row, &settled, why);
	}
	return e;
}

/* A file that others may read holds no secret; a proxy's password is the only one that can be. */
static enum error check_secret(
    const struct options *o, const struct file *files, size_t count, struct failure *why)
{
	const struct option_origin *proxy = option_origin(o, option_find(slice_of("proxy")));

	if (!o->proxy || !o->proxy->user || !proxy->where)
		return OK;
	for (size_t i = 0; i < count; i++)
		if (files[i].path && files[i].others_read &&
		    strncmp(proxy->where, files[i].path, strlen(files[i].path)) == 0 &&
		    proxy->where[strlen(files[i].path)] == ':')
			return failed(why, E_CONFIG,
			    "%s: others may read the proxy's password there: chmod 600 %s",
			    proxy->where, files[i].path);
	return OK;
}

/* ---- the account ---- */

static bool is_source(const char *word)
{
	return strchr(word, '@') || strstr(word, "://");
}

/* Names the files where it may be written down, also those that are not there yet. */
static enum error no_account(const char *word, const struct options *o, struct failure *why)
{
	CLEANUP(freep) char *users = users_path();

	if (o->config)
		return failed(why, E_USAGE, "%s is no verb, no account in %s, and no user@host",
		    word, o->config);
	return failed(why, E_USAGE,
	    "%s is no verb, no account in %s%s" SETTINGS_SYSTEM ", and no user@host", word,
	    users ? users : "", users ? " or " : "");
}

static enum error apply_section(struct settings *s, struct options *o, const struct file *files,
    const char *word, struct failure *why)
{
	enum error e;

	for (size_t i = 0; i < 2; i++) {
		const struct config_section *section =
		    files[i].path ? config_find(&files[i].config, word) : NULL;

		if (!section)
			continue;
		e = apply(s, o, &files[i], word, why);
		if (!e && !s->source)
			return failed(why, E_CONFIG,
			    "%s:%u: [%s] has no " SETTINGS_SOURCE " = user@host", files[i].path,
			    section->line, word);
		return e;
	}
	return no_account(word, o, why);
}

static enum error apply_all(struct settings *s, struct options *o, const struct file *files,
    const char *word, struct failure *why)
{
	enum error e = OK;

	if (is_source(word))
		s->source = xstrdup(word);
	else
		e = apply_section(s, o, files, word, why);
	for (size_t i = 0; i < 2 && !e; i++)
		e = apply(s, o, &files[i], NULL, why);
	return e ? e : check_secret(o, files, 2, why);
}

enum error settings_read(
    struct settings *s, struct options *o, const char *word, struct failure *why)
{
	struct file files[2] = {{.path = NULL}};
	enum error e;

	*s = (struct settings){.source = NULL};
	if (o->config) {
		e = load(&files[0], xstrdup(o->config), true, why);
	} else {
		e = load(&files[0], users_path(), false, why);
		if (!e)
			e = load(&files[1], xstrdup(SETTINGS_SYSTEM), false, why);
	}
	if (!e)
		e = apply_all(s, o, files, word, why);
	file_finish(&files[0]);
	file_finish(&files[1]);
	return e;
}

void settings_finish(struct settings *s)
{
	free(s->source);
	free(s->where);
	*s = (struct settings){.source = NULL};
}

/* ---- shown ---- */

static void print_proxy(const struct proxy *p, FILE *to)
{
	bool literal = strchr(p->host, ':');

	fputs("socks5h://", to);
	for (const char *c = p->user ? p->user : ""; *c; c++)
		fprintf(to, isalnum((unsigned char)*c) ? "%c" : "%%%02X", (unsigned char)*c);
	if (p->user)
		fputs(":****@", to);
	fprintf(to, "%s%s%s:%s", literal ? "[" : "", p->host, literal ? "]" : "", p->port);
}

static void print_value(const struct option *row, const char *text, FILE *to)
{
	CLEANUP(freep) char *quoted = option_is_command(row) ? xstrdup(text) : config_quote(text);

	fprintf(to, "%s = %s\n", option_name(row), quoted);
}

static void print_given(const struct options *o, const struct option *row, FILE *to)
{
	const struct option_origin *origin = option_origin(o, row);

	fprintf(to, "# %s\n", origin->where ? origin->where : "command line");
	if (origin->text) {
		print_value(row, origin->text, to);
	} else if (option_takes_value(row)) {
		fprintf(to, "%s = ", option_name(row));
		print_proxy(o->proxy, to);
		fputc('\n', to);
	} else {
		fprintf(to, "%s\n", option_name(row));
	}
}

void settings_print(const struct settings *s, const struct options *o, const char *name, FILE *to)
{
	CLEANUP(freep) char *source = config_quote(s->source);
	const struct option *row;

	fprintf(to, "[%s]\n# %s\n" SETTINGS_SOURCE " = %s\n", name,
	    s->where ? s->where : "command line", source);
	for (size_t i = 0; (row = option_at(i)); i++)
		if (option_given(o, row) && option_is_for_files(row))
			print_given(o, row, to);
	fputs("# defaults\n", to);
	for (size_t i = 0; (row = option_at(i)); i++)
		if (!option_given(o, row) && option_is_for_files(row) && option_fallback(row))
			print_value(row, option_fallback(row), to);
}
