/* SQL for the files that share the store thread: one statement, bound and stepped, its failure in
 * words. */
#ifndef POP3FS_QUERY_H
#define POP3FS_QUERY_H

#include "store.h"

/* The statement with its parameters bound, one letter each in `types`:
 *     i  int64_t
 *     b  struct slice, a blob (one that begins at NULL is SQL's NULL)
 *     h  const unsigned char *, a hash of 32 octets; NULL is SQL's NULL
 *     t  const char *, text
 * Blobs and texts must stay until query_end. NULL: *why says why not. */
sqlite3_stmt *query(struct store *s, struct failure *why, const char *sql, const char *types, ...);

/* Ends what query began, so that no read transaction stays open: for CLEANUP. */
void query_end(sqlite3_stmt **q);

/* The next row, or *row = false behind the last. */
enum error query_next(struct store *s, sqlite3_stmt *q, bool *row, struct failure *why);

/* Calls visit(with, columns) for each row, from within SQLite's own loop: there a row of a million
 * costs half of what it does by query_next and sqlite3_column_. `sql` says SELECT visit(?1,
 * COLUMNS...) FROM ..., and its parameters are ?2 and so on. An order would cost what is saved. A
 * visit uses nothing of the store. */
typedef void query_visitor(void *with, sqlite3_value **columns);
enum error query_visit(struct store *s, query_visitor *visit, void *with, struct failure *why,
    const char *sql, const char *types, ...);

/* Once, in a handle that is new: makes query_visit possible. SQLite's code. */
int query_prepare(sqlite3 *db);

/* For a statement that has no rows: binds, runs, ends. */
enum error query_run(struct store *s, struct failure *why, const char *sql, const char *types, ...);

/* For SELECTs of one number: *value is unchanged where there is no row or it is NULL. */
enum error query_number(
    struct store *s, int64_t *value, struct failure *why, const char *sql, const char *types, ...);

/* A column's blob, valid until the next step; begins at NULL where it is NULL. */
struct slice query_blob(sqlite3_stmt *q, int column);

/* The same of a value, valid until the visit ends. */
struct slice query_value_blob(sqlite3_value *value);

#endif
