/* The database's schema, version 1, and the look at a database that was there before.
 *
 * fact       what is known about the account, text by key
 * message    one row a message ever listed; never deleted, so that names and numbers stay its own
 * chunk      bodies, in rows of CHUNK_OCTETS (bodies.h: which key is whose)
 * arriving   where a body has chunk rows and is not whole yet: what a start sweeps away
 * header     the header of each message whose header was brought
 * intention  the journal of deletions
 */
#ifndef POP3FS_SCHEMA_H
#define POP3FS_SCHEMA_H

#include <stdbool.h>

#include <sqlite3.h>

#define SCHEMA_VERSION 1

/* Where ids begin in a database that is made now: above all that a lost one gave out, as long as
 * messages came slower than SCHEMA_IDS_A_SECOND since 1970. */
#define SCHEMA_IDS_A_SECOND 64

/* In SQL: the key of the first row of the body that message m has; the others follow. */
#define SCHEMA_FIRST_KEY "((CASE WHEN m.chunks < 0 THEN -m.id ELSE m.id END) << 24)"

/* These fail with SQLite's code. In one transaction, and then sets it to WAL. `first` is the id
 * after which ids are given. */
int schema_create(sqlite3 *db, sqlite3_int64 first);

/* Puts the first frame (what stands there already) into a log that is a new file, without a sync.
 * It goes to the disk with the first durable commit or checkpoint, like all that comes behind it.
 */
int schema_begin_log(sqlite3 *db);

enum schema_state {
	SCHEMA_GOOD,
	SCHEMA_NONE,  /* an empty file */
	SCHEMA_NEWER, /* of a later pop3fs */
	SCHEMA_BAD,   /* damaged, or not ours */
	SCHEMA_ERROR, /* SQLite could not look (sqlite3_errmsg): busy, no memory, disk errors */
};
/* Reads all but what grows with the maildrop: bodies, headers and messages. */
enum schema_state schema_look(sqlite3 *db);
/* The messages, unless they are very many: GOOD, BAD or ERROR. */
enum schema_state schema_look_through(sqlite3 *db);

/* SQLite calls a database damaged, too, of which a read failed with EIO: that is the disk's doing,
 * and may pass. Whether it met one of these. */
bool schema_disk_failed(sqlite3 *db);

/* A quota that is reached is an I/O error to SQLite, and does not say its number where it is met at
 * the COMMIT. After an I/O error: whether it was one of room. */
bool schema_disk_is_full(sqlite3 *db);

/* The highest id that a database gave out, as far as a damaged one can tell; 0: unknown. */
sqlite3_int64 schema_last_id(sqlite3 *db);

#endif
