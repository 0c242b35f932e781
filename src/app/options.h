/* The options, in one table: a row serves -o, --long, the default, and --help, and is held against
 * the manual page by a test. What an option means stands with its row; whoever uses it reads the
 * field. */
#ifndef POP3FS_OPTIONS_H
#define POP3FS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "buf.h"
#include "error.h"
#include "pin.h"
#include "proxy.h"

enum option_tls { OPTION_TLS_BY_SOURCE, OPTION_TLS_IMPLICIT, OPTION_TLS_STARTTLS, OPTION_TLS_OFF };

enum option_eol { OPTION_EOL_CRLF, OPTION_EOL_LF };
enum option_sandbox { OPTION_SANDBOX_AUTO, OPTION_SANDBOX_OFF };
enum option_mtime { OPTION_MTIME_RECEIVED, OPTION_MTIME_SEEN };

#define OPTION_PREFETCH_ALL UINT64_MAX /* a mirror */

#define OPTIONS_MOST 64 /* rows, at most */

struct options {
	bool help, version, foreground, debug, print_config;
	char *config;
	unsigned tls;          /* enum option_tls */
	char *ca, *cert, *key; /* paths are absolute; NULL: not given */
	struct pin *pin;       /* NULL: none */
	unsigned tls_min;      /* enum tls_version */
	unsigned auth;         /* enum mechanism */
	char *password_file;
	char **oauth_command, **password_command; /* words for execvp; NULL: not given */
	bool password_stdin;
	char *netrc;
	char *cache_dir;
	char **on_new;                                         /* the same */
	struct proxy *proxy;                                   /* NULL: none */
	int64_t timeout, retry, commit_timeout, idle, refresh; /* seconds */
	uint64_t headers;                                      /* messages */
	char *suffix;                                          /* NULL: none */
	unsigned eol;                                          /* enum option_eol */
	unsigned mtime;                                        /* enum option_mtime */
	uint64_t prefetch;                                     /* octets, or OPTION_PREFETCH_ALL */
	uint64_t cache_size, cache_min_free, memory;           /* octets */
	uint64_t keep_vanished;                                /* days */
	bool nocache;
	unsigned sandbox;    /* enum option_sandbox */
	unsigned pipelining; /* enum session_pipelining */
	bool read_only, offline, xattr;
	uint64_t max_delete; /* messages; 0: no bound */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool default_permissions;
	struct buf kernel; /* what is passed on as it stands, comma separated */

	/* by row */
	bool given[OPTIONS_MOST];
	struct option_origin {
		char *text;  /* what was written, a path from "/" on; NULL: nothing, or a secret */
		char *where; /* NULL: on the command line */
	} origins[OPTIONS_MOST];
};

struct option;

/* All defaults are set. options_finish frees what hangs on it. */
void options_init(struct options *o);
void options_finish(struct options *o);

/* What people may try to give a password with: no row has such a name. */
bool option_is_password(struct slice name);

/* A row by its name, by its letter (-f), or by its place (NULL behind the last). */
const struct option *option_find(struct slice name);
const struct option *option_by_letter(char letter);
const struct option *option_at(size_t index);

const char *option_name(const struct option *row);
const char *option_fallback(const struct option *row); /* as written; NULL: none to write */
bool option_takes_value(const struct option *row);
bool option_needs_value(const struct option *row); /* it must not be missing */
bool option_is_path(const struct option *row);
bool option_is_command(const struct option *row); /* its value is one: quotes are its own */
/* Whether it may stand in -o; in a configuration file. */
bool option_is_for_lists(const struct option *row);
bool option_is_for_files(const struct option *row);

/* Sets one option. `value` is NULL where none was written. E_USAGE: *why names the option: given
 * twice, against another, a value missing, too much, with control characters, or bad. */
enum error option_set(
    struct options *o, const struct option *row, const char *value, struct failure *why);

/* The places where options are written are gone through from the strongest (the command line) to
 * the weakest: what a stronger one has settled is passed over in a weaker. So are its alternatives:
 * rw settles ro, and any source of a password all others. */
struct options_settled {
	bool rows[OPTIONS_MOST];
};
struct options_settled options_settled(const struct options *o);
bool option_is_settled(const struct options_settled *s, const struct option *row);

/* The same, from a weaker place, which *why does not name. */
enum error option_set_from(struct options *o, const struct option *row, const char *value,
    const char *where, struct failure *why);

/* Whether it was given, and how; valid until options_finish. */
bool option_given(const struct options *o, const struct option *row);
const struct option_origin *option_origin(const struct options *o, const struct option *row);

/* Whether not only who mounts gets in. */
bool options_let_others_in(const struct options *o);

/* What no single option can see: called once, when all are set. */
enum error options_check(struct options *o, struct failure *why);

/* Usage and all rows, in columns. */
void options_help(FILE *to);

#endif
