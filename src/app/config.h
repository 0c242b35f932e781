/* The configuration file as rows: octets in, rows out, nothing read or looked up here.
 *
 *     # a comment, as is a line that begins with ;
 *     timeout = 30s              for all accounts, as are lines behind [*]
 *     [work]                     an account
 *     source = me@pop.example.org
 *     ro                         an option without a value
 */
#ifndef POP3FS_CONFIG_H
#define POP3FS_CONFIG_H

#include "buf.h"
#include "error.h"

struct config_row {
	char *section; /* NULL: for all */
	char *key;
	char *value; /* as written, without blanks around it; NULL: none */
	unsigned line;
};

struct config_section {
	char *name; /* NULL: for all */
	unsigned line;
};

struct config {
	const char *path; /* what sentences call the file */
	struct config_row *rows;
	size_t count;
	struct config_section *sections; /* in order */
	size_t section_count;
	struct buf line; /* as far as it has come */
	unsigned number; /* its */
};

/* The path lives as long as the config. config_finish frees all, and wipes: a row may hold a
 * proxy's password. */
void config_init(struct config *c, const char *path);
void config_finish(struct config *c);

/* Takes octets as they come; config_end says that all have. E_CONFIG: *why names file and line, and
 * begins with them. No use after that. */
enum error config_feed(struct config *c, struct slice octets, struct failure *why);
enum error config_end(struct config *c, struct failure *why);

/* NULL: the file has no such account. */
const struct config_section *config_find(const struct config *c, const char *section);

/* A value that stands in double quotes as a whole, without them, \" and \\ undone; any other as it
 * is. malloc'd. NULL: its quote does not end, or goes on behind it. */
char *config_unquote(const char *value);

/* The contrary: quotes where config_unquote, or the blanks around a value, need them. */
char *config_quote(const char *value);

#endif
