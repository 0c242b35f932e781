/* The account's one database: how it is opened, its schema, its facts. SQLite in WAL. Only the
 * store thread (storer.h) writes; readers have reader.h. Never crosses a fork.
 *
 * The schema cannot change later where it says so; migrations go by user_version. */
#ifndef POP3FS_STORE_H
#define POP3FS_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "slice.h"

struct store; /* one read-write handle with its prepared statements */

/* Opens or makes the database; a damaged one is moved aside (NAME.damaged-SECONDS), said in the
 * log, and a new one made. Half-fetched bodies are swept. E_STORE, E_FULL. */
enum error store_open(struct store **out, const char *path, struct failure *why);
/* What takes the longer the more messages there are (of 10,000 some milliseconds), and so is done
 * while the server is being asked: whether they are sound. Where not, the database is replaced as
 * below. */
enum error store_check(struct store **s, const char *path, struct failure *why);
void store_close(struct store *s); /* checkpoints; NULL is fine */
void store_closep(struct store **s);

/* Whether SQLite has said so, in anything that was done with it. Then: moves it aside like
 * store_open, and makes a new one in its place; *s is NULL where that failed. */
bool store_is_damaged(const struct store *s);
enum error store_replace(struct store **s, const char *path, struct failure *why);

/* A transaction: begin, then commit or rollback. `durable`: on disk when it returns, else in the
 * log only (safe against kill -9, not yet against a power cut) and on disk at the latest with the
 * next durable one. */
enum error store_begin(struct store *s, struct failure *why);
enum error store_commit(struct store *s, bool durable, struct failure *why);
void store_rollback(struct store *s);
/* Puts all that was committed on disk: what makes a commit durable. */
enum error store_sync(struct store *s, struct failure *why);

/* Brings the log into the database, as far as nobody reads what it holds. The log then begins at
 * its front again, where it has room on the disk already. */
void store_checkpoint(struct store *s);

/* Gives back what memory the handle keeps pages in: they are read again when they are wanted. */
void store_rest(struct store *s);

/* Small facts about the account that outlive a mount: last login, LOGIN-DELAY, whether the secret
 * ever was accepted, ... Text by key. recall appends to `value`; false: not known. */
enum error store_remember(struct store *s, const char *key, const char *value, struct failure *why);
bool store_recall(struct store *s, const char *key, char *value, size_t room);

/* For the files that share the store thread: the statement for this SQL text (a literal, which
 * stays), prepared once and reset; NULL: *why. And the failure that the handle's last call had
 * (E_FULL or E_STORE). */
sqlite3_stmt *store_statement(struct store *s, const char *sql, struct failure *why);
enum error store_failed(struct store *s, const char *doing, struct failure *why);

/* SQLite's own handle, for what is no statement. */
sqlite3 *store_handle(struct store *s);

/* How many rows the last INSERT, UPDATE or DELETE touched; the id that the last INSERT gave. */
int64_t store_touched(struct store *s);
int64_t store_inserted(struct store *s);

/* nocache: headers are not kept (stored.h). They are, until told. */
bool store_keeps_headers(const struct store *s);
void store_keep_no_headers(struct store *s);

/* When the listing in force was made, seconds since 1970; when it was opened, until there is one
 * from the server. In memory only: the same listing again writes nothing. */
int64_t store_listed_at(const struct store *s);
void store_set_listed_at(struct store *s, int64_t at);

#endif
