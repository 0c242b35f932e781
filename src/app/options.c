#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "name.h"
#include "option.h"
#include "paths.h"
#include "session.h"
#include "words.h"

#define DAY            (24 * 60 * 60)
#define MOST_AHEAD     ((uint64_t)1 << 40)
#define MOST_CACHE     ((uint64_t)1 << 50)
#define MOST_DAYS      36500
#define LEAST_MEMORY   ((uint64_t)1 << 20)
#define MOST_MEMORY    ((uint64_t)1 << 40)
#define MOST_HEADERS   ((uint64_t)1 << 24)
#define MOST_DELETIONS ((uint64_t)1 << 32)
#define FIELD(member)  offsetof(struct options, member)

static option_parser parse_flag, parse_kernel, parse_time, parse_size, parse_count, parse_octal,
    parse_user, parse_group, parse_choice, parse_path, parse_suffix, parse_netrc, parse_command,
    parse_proxy, parse_pin, parse_mechanism, parse_prefetch;

static const char *const tls_words[] = {
    [OPTION_TLS_BY_SOURCE] = "source",
    [OPTION_TLS_IMPLICIT] = "implicit",
    [OPTION_TLS_STARTTLS] = "starttls",
    [OPTION_TLS_OFF] = "off",
    NULL,
};

static const char *const version_words[] = {
    [TLS_1_2] = "1.2",
    [TLS_1_3] = "1.3",
    NULL,
};

static const char *const eol_words[] = {
    [OPTION_EOL_CRLF] = "crlf",
    [OPTION_EOL_LF] = "lf",
    NULL,
};

static const char *const mtime_words[] = {
    [OPTION_MTIME_RECEIVED] = "received",
    [OPTION_MTIME_SEEN] = "seen",
    NULL,
};

static const char *const sandbox_words[] = {
    [OPTION_SANDBOX_AUTO] = "auto",
    [OPTION_SANDBOX_OFF] = "off",
    NULL,
};

static const char *const pipelining_words[] = {
    [PIPELINING_AUTO] = "auto",
    [PIPELINING_ON] = "on",
    [PIPELINING_OFF] = "off",
    NULL,
};

/* clang-format off */
static const struct option table[] = {
	{"foreground", parse_flag, FIELD(foreground), .help = "stay in the foreground", .letter = 'f', .place = COMMAND_LINE},
	{"debug", parse_flag, FIELD(debug), .help = "log the protocol as well, secrets blotted out", .letter = 'd', .place = COMMAND_LINE},
	{"version", parse_flag, FIELD(version), .help = "print the version and end", .letter = 'V', .place = COMMAND_LINE},
	{"help", parse_flag, FIELD(help), .help = "print this and end", .letter = 'h', .place = COMMAND_LINE},
	{"print_config", parse_flag, FIELD(print_config), .help = "show what holds for SOURCE, and why, and end", .place = COMMAND_LINE},

	{"config", parse_path, FIELD(config), NULL, "the configuration (~/.config/pop3fs/config)", "FILE", .place = NOT_IN_FILES},
	{"oauth_command", parse_command, FIELD(oauth_command), NULL, "prints an OAuth token; run at each login", "COMMAND", .group = SECRET},
	{"password_command", parse_command, FIELD(password_command), NULL, "prints the password; run without a shell", "COMMAND", .group = SECRET},
	{"password_file", parse_path, FIELD(password_file), NULL, "its first line is the password; mode 0600", "FILE", .group = SECRET},
	{"password_stdin", parse_flag, FIELD(password_stdin), .help = "read the password from standard input", .group = SECRET},
	{"netrc", parse_netrc, FIELD(netrc), NULL, "take the password from a netrc (~/.netrc)", "FILE", .optional = true, .group = SECRET},
	{"tls", parse_choice, FIELD(tls), "source", "how TLS begins; source: as SOURCE says", "WORD", .choices = tls_words},
	{"auth", parse_mechanism, FIELD(auth), "auto", "how to log in: SCRAM-SHA-256, PLAIN, ...", "WORD"},
	{"ca", parse_path, FIELD(ca), NULL, "certificates to trust instead of the system's", "PATH"},
	{"pin", parse_pin, FIELD(pin), NULL, "sha256:DIGEST of the server's certificate or key", "PIN"},
	{"cert", parse_path, FIELD(cert), NULL, "a client certificate to show, PEM", "FILE"},
	{"key", parse_path, FIELD(key), NULL, "its key, if not in the same file; mode 0600", "FILE"},
	{"tls_min", parse_choice, FIELD(tls_min), "1.2", "the oldest TLS to speak", "WORD", .choices = version_words},

	{"proxy", parse_proxy, FIELD(proxy), NULL, "socks5h://[USER:PASSWORD@]HOST[:PORT]", "URL"},

	{"timeout", parse_time, FIELD(timeout), "60s", "give up when no octet has come for so long", "TIME", {1, DAY}},
	{"retry", parse_time, FIELD(retry), "60s", "go on trying while the maildrop is in use", "TIME", {0, DAY}},
	{"commit_timeout", parse_time, FIELD(commit_timeout), "60s", "deleting on the server ends within this", "TIME", {1, DAY}},
	{"idle", parse_time, FIELD(idle), "30s", "close an unused connection after this", "TIME", {0, 600}},
	{"refresh", parse_time, FIELD(refresh), "60s", "list again at an access later than this", "TIME", {0, DAY}},
	{"on_new", parse_command, FIELD(on_new), NULL, "run when mail has come; without a shell", "COMMAND"},
	{"cache_dir", parse_path, FIELD(cache_dir), NULL, "where messages are kept (~/.cache/pop3fs)", "DIR"},
	{"cache_size", parse_size, FIELD(cache_size), "0", "messages kept in it, 0: no bound", "SIZE", {0, MOST_CACHE}},
	{"cache_min_free", parse_size, FIELD(cache_min_free), "1G", "of its disk, that is left to others", "SIZE", {0, MOST_CACHE}},
	{"keep_vanished", parse_count, FIELD(keep_vanished), "30", "and those gone from the server are kept", "DAYS", {0, MOST_DAYS}},
	{"nocache", parse_flag, FIELD(nocache), .help = "keep no message and no header"},
	{"memory", parse_size, FIELD(memory), "64M", "for messages that are not in the cache", "SIZE", {LEAST_MEMORY, MOST_MEMORY}},
	{"prefetch", parse_prefetch, FIELD(prefetch), "64M", "fetched ahead of a reader; all: a full mirror", "SIZE", {0, MOST_AHEAD}},
	{"pipelining", parse_choice, FIELD(pipelining), "auto", "several commands out at a time", "WORD", .choices = pipelining_words},
	{"headers", parse_count, FIELD(headers), "10000", "new messages whose header is learnt", "N", {0, MOST_HEADERS}},
	{"mtime", parse_choice, FIELD(mtime), "received", "what a file's time is", "WORD", .choices = mtime_words},

	{"sandbox", parse_choice, FIELD(sandbox), "auto", "what the daemon gives up; off: nothing", "WORD", .choices = sandbox_words},

	{"ro", parse_flag, FIELD(read_only), .help = "delete nothing"},
	{"rw", parse_flag, FIELD(read_only), .help = "delete on the server what is deleted here (default)", .off = true},
	{"max_delete", parse_count, FIELD(max_delete), "0", "deletions that may wait, 0: any number", "N", {0, MOST_DELETIONS}},
	{"offline", parse_flag, FIELD(offline), .help = "mount from the cache if the server is away"},
	{"suffix", parse_suffix, FIELD(suffix), NULL, "stands behind each file's name: .eml", "TEXT", {1, NAME_LONGEST_SUFFIX}},
	{"eol", parse_choice, FIELD(eol), "crlf", "line ends of messages", "WORD", .choices = eol_words},
	{"noxattr", parse_flag, FIELD(xattr), .help = "show no extended attributes", .off = true},
	{"uid", parse_user, FIELD(uid), NULL, "owner of the files (who mounts)", "USER"},
	{"gid", parse_group, FIELD(gid), NULL, "group of the files (who mounts)", "GROUP"},
	{"umask", parse_octal, FIELD(umask), "077", "permissions to take away", "BITS"},
	{"allow_other", parse_kernel, .help = "let other users in, as far as permissions allow", .group = GUEST},
	{"allow_root", parse_kernel, .help = "let root in", .group = GUEST},
	{"default_permissions", parse_flag, FIELD(default_permissions), .help = "let the kernel check permissions"},
	{"nosuid", parse_kernel},
	{"nodev", parse_kernel},
	{"noexec", parse_kernel},
	{"noatime", parse_kernel},
	{"sync", parse_kernel},
	{"dirsync", parse_kernel},
};
/* clang-format on */

#define ROWS (sizeof(table) / sizeof(table[0]))
_Static_assert(ROWS <= OPTIONS_MOST, "given[] holds every row");

/* ---- one parser a kind of value ---- */

static enum error parse_flag(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	*(bool *)field = !row->off;
	return OK;
}

/* Flags that the kernel, libfuse and fusermount3 know. */
static enum error parse_kernel(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	struct options *o = field; /* a row without a field begins at the front */

	if (o->kernel.len > 0)
		buf_add_text(&o->kernel, ",");
	buf_add_text(&o->kernel, row->name);
	return OK;
}

static enum error parse_time(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_time(field, row->name, value, row->range, why);
}

static enum error parse_size(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_size(field, row->name, value, row->range, why);
}

static enum error parse_prefetch(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	if (strcmp(value, "all") != 0)
		return parse_size(row, value, field, why);
	*(uint64_t *)field = OPTION_PREFETCH_ALL;
	return OK;
}

static enum error parse_count(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_count(field, row->name, value, row->range, why);
}

static enum error parse_octal(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_octal(field, row->name, value, why);
}

static enum error parse_user(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_user(field, row->name, value, why);
}

static enum error parse_group(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_group(field, row->name, value, why);
}

static enum error parse_choice(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_choice(field, row->name, value, row->choices, why);
}

static enum error parse_path(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return path_absolute(field, value, why); /* never set before: an option is given once */
}

static enum error parse_suffix(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return value_suffix(field, row->name, value, row->range, why);
}

static enum error parse_netrc(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return path_absolute(field, value ? value : "~/.netrc", why);
}

/* It runs in "/" later on: a path to it must not depend on where we are. */
static enum error parse_command(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	char **words = words_split(row->name, value, why);
	char *bare;
	enum error e;

	if (!words)
		return E_USAGE;
	*(char ***)field = words;
	if (!strchr(words[0], '/'))
		return OK;
	bare = words[0];
	e = path_absolute(&words[0], bare, why);
	if (!e)
		free(bare);
	return e;
}

static enum error parse_proxy(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return proxy_parse(field, value, why);
}

static enum error parse_pin(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	return pin_parse(field, value, why);
}

static enum error parse_mechanism(
    const struct option *row, const char *value, void *field, struct failure *why)
{
	enum mechanism m;

	if (!mechanism_named(&m, slice_of(value)))
		return failed(why, E_USAGE,
		    "%s=%s is no way to log in: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, "
		    "SCRAM-SHA-1-PLUS, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5, EXTERNAL, OAUTHBEARER, "
		    "XOAUTH2, APOP, USER or auto",
		    row->name, value);
	*(unsigned *)field = m;
	return OK;
}

/* ---- the table as a whole ---- */

enum error option_parse(
    struct options *o, const struct option *row, const char *value, struct failure *why)
{
	return row->parse(row, value, (char *)o + row->field, why);
}

void options_init(struct options *o)
{
	*o = (struct options){.uid = getuid(), .gid = getgid(), .xattr = true};
	for (size_t i = 0; i < ROWS; i++) {
		if (table[i].fallback && option_parse(o, &table[i], table[i].fallback, NULL))
			abort(); /* a default that its own row refuses: the tests see it */
	}
}

void options_finish(struct options *o)
{
	free(o->ca);
	free(o->cert);
	free(o->key);
	free(o->pin);
	free(o->password_file);
	free(o->netrc);
	words_free(o->password_command);
	words_free(o->oauth_command);
	free(o->cache_dir);
	free(o->suffix);
	words_free(o->on_new);
	proxy_free(o->proxy);
	buf_finish(&o->kernel);
	free(o->config);
	for (size_t i = 0; i < ROWS; i++) {
		free(o->origins[i].text);
		free(o->origins[i].where);
	}
	*o = (struct options){.help = false};
}

const struct option *option_find(struct slice name)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (slice_is(name, table[i].name))
			return &table[i];
	}
	return NULL;
}

bool option_is_password(struct slice name)
{
	return slice_is(name, "password") || slice_is(name, "pass");
}

const struct option *option_by_letter(char letter)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (letter && table[i].letter == letter)
			return &table[i];
	}
	return NULL;
}

const struct option *option_at(size_t index)
{
	return index < ROWS ? &table[index] : NULL;
}

size_t option_index(const struct option *row)
{
	return (size_t)(row - table);
}

bool option_is_flag(const struct option *row)
{
	return row->parse == parse_flag;
}

bool option_is_secret(const struct option *row)
{
	return row->parse == parse_proxy;
}

const char *option_name(const struct option *row)
{
	return row->name;
}

const char *option_fallback(const struct option *row)
{
	return row->fallback;
}

bool option_takes_value(const struct option *row)
{
	return row->value != NULL;
}

bool option_needs_value(const struct option *row)
{
	return row->value != NULL && !row->optional;
}

bool option_is_path(const struct option *row)
{
	return row->parse == parse_path || row->parse == parse_netrc;
}

bool option_is_command(const struct option *row)
{
	return row->parse == parse_command;
}

bool option_is_for_lists(const struct option *row)
{
	return row->place != COMMAND_LINE;
}

bool option_is_for_files(const struct option *row)
{
	return row->place == ANYWHERE;
}

static bool is_given(const struct options *o, const char *name)
{
	return option_given(o, option_find(slice_of(name)));
}

bool options_let_others_in(const struct options *o)
{
	return is_given(o, "allow_other") || is_given(o, "allow_root");
}

enum error options_check(struct options *o, struct failure *why)
{
	bool other = is_given(o, "allow_other"), root = is_given(o, "allow_root");

	if (other && root)
		return failed(why, E_USAGE, "allow_other and allow_root contradict each other");
	if (o->key && !o->cert)
		return failed(why, E_USAGE, "key= is that of a certificate: cert= names it");
	if (o->auth == MECHANISM_EXTERNAL && !o->cert)
		return failed(why, E_USAGE,
		    "auth=EXTERNAL is the login by a client certificate: cert= names it");
	if (o->nocache && o->prefetch == OPTION_PREFETCH_ALL)
		return failed(why, E_USAGE,
		    "prefetch=all keeps every message in the cache, and nocache keeps none");
	/* whoever lets others in wants the kernel to look at modes */
	if (other || root)
		o->default_permissions = true;
	return OK;
}
