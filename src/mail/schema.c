#include "schema.h"

#include <errno.h>
#include <string.h>

/* page_size and auto_vacuum cannot change once the first page is written; facts.md has why 16 KiB.
 */
static const char before_the_first_page[] = "PRAGMA page_size = 16384;"
					    "PRAGMA auto_vacuum = INCREMENTAL;";

static const char tables[] =
    "CREATE TABLE fact("
    "  key TEXT PRIMARY KEY NOT NULL,"
    "  value TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE message("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  uidl BLOB NOT NULL,"
    "  ordinal INTEGER NOT NULL," /* among those that ever had this UIDL */
    "  listed INTEGER NOT NULL,"  /* octets, from LIST */
    "  size INTEGER,"             /* octets, once fetched; size - lines is its size with LF */
    "  lines INTEGER,"            /* CRLFs */
    "  chunks INTEGER,"           /* rows of its body (below 0: they are under the negative of its
				     id, bodies.h); NULL: not in the cache */
    "  header_len INTEGER,"       /* octets */
    "  digest BLOB,"              /* of the header */
    "  sha256 BLOB,"              /* of the body */
    "  received INTEGER,"         /* seconds since 1970, as all times; NULL: see stored.c */
    "  seen INTEGER NOT NULL,"
    "  used INTEGER NOT NULL,"
    "  vanished INTEGER," /* NULL while it is listed */
    "  UNIQUE(uidl, ordinal)"
    ") STRICT;"
    "CREATE TABLE chunk("
    "  key INTEGER PRIMARY KEY," /* place << 24 | index */
    "  lines INTEGER NOT NULL,"  /* CRLFs that end in it */
    "  data BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE arriving(id INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE header(id INTEGER PRIMARY KEY, text BLOB NOT NULL) STRICT;"
    "CREATE TABLE intention("
    "  id INTEGER PRIMARY KEY,"
    "  state INTEGER NOT NULL,"
    "  made INTEGER NOT NULL,"
    "  armed INTEGER NOT NULL," /* when made, or armed again */
    "  tries INTEGER NOT NULL,"
    "  uidl BLOB NOT NULL,"
    "  listed INTEGER NOT NULL,"
    "  digest BLOB"
    ") STRICT;"
    "CREATE INDEX message_present ON message(id) WHERE vanished IS NULL;"
    "CREATE INDEX message_repeated ON message(uidl) WHERE ordinal > 1;"
    "CREATE INDEX message_cached ON message(used) WHERE chunks IS NOT NULL;"
    "CREATE INDEX message_left ON message(vanished) "
    "  WHERE vanished IS NOT NULL AND chunks IS NOT NULL;";

/* Of a million rows a check takes as long as to read them (0.14 s and 0.2 s), and a mount reads
 * them anyway: what is damaged there is found then. What is damaged in an index is found by the
 * first look-up that meets it. */
#define MOST_CHECKED 100000

/* Each must compile: the tables and columns are there. */
static const char *const probes[] = {
    "SELECT key, value FROM fact",
    ("SELECT id, uidl, ordinal, listed, size, lines, chunks, header_len, digest, sha256, received, "
     "seen, used, vanished FROM message INDEXED BY message_present WHERE vanished IS NULL"),
    "SELECT uidl FROM message INDEXED BY message_repeated WHERE ordinal > 1",
    "SELECT used FROM message INDEXED BY message_cached WHERE chunks IS NOT NULL",
    "SELECT key, lines, data FROM chunk",
    "SELECT id FROM arriving",
    "SELECT id, text FROM header",
    "SELECT id, state, made, armed, tries, uidl, listed, digest FROM intention",
};

static const char *const checks[] = {
    "PRAGMA quick_check(fact)",
    "PRAGMA quick_check(arriving)",
    "PRAGMA quick_check(intention)",
};

static int number(sqlite3 *db, const char *sql, sqlite3_int64 *value)
{
	sqlite3_stmt *q = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(q);
	if (result == SQLITE_ROW)
		*value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int write_version(sqlite3 *db)
{
	char text[40];

	sqlite3_snprintf(sizeof(text), text, "PRAGMA user_version = %d", SCHEMA_VERSION);
	return sqlite3_exec(db, text, NULL, NULL, NULL);
}

static int write_tables(sqlite3 *db, sqlite3_int64 first)
{
	char text[100];
	int result = sqlite3_exec(db, tables, NULL, NULL, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_snprintf(sizeof(text), text,
	    "INSERT INTO sqlite_sequence(name, seq) VALUES('message', %lld)", first);
	result = sqlite3_exec(db, text, NULL, NULL, NULL);
	return result == SQLITE_OK ? write_version(db) : result;
}

int schema_create(sqlite3 *db, sqlite3_int64 first)
{
	int result = sqlite3_exec(db, before_the_first_page, NULL, NULL, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (result != SQLITE_OK)
		return result;
	result = write_tables(db, first);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	if (result != SQLITE_OK && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

/* What begins a log is synced, and the directory with it, for the sake of older frames that may
 * stand behind it (SQLite's ticket ff5be73dee086). There are none in a file that is new. */
int schema_begin_log(sqlite3 *db)
{
	int result = sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);

	if (result == SQLITE_OK)
		result = write_version(db);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	return result;
}

static bool is_of_the_device(int number)
{
	return number == EIO || number == ENXIO || number == ERANGE;
}

/* EFBIG: RLIMIT_FSIZE. */
static bool is_of_room(int number)
{
	return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

/* How a call on one of the two files failed last; 0: none did. */
static int last_error(sqlite3 *db, int which)
{
	sqlite3_file *file = NULL;
	int code = 0;

	sqlite3_file_control(db, "main", which, &file);
	if (file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &code);
	return code;
}

bool schema_disk_failed(sqlite3 *db)
{
	return is_of_the_device(last_error(db, SQLITE_FCNTL_FILE_POINTER)) ||
	       is_of_the_device(last_error(db, SQLITE_FCNTL_JOURNAL_POINTER));
}

bool schema_disk_is_full(sqlite3 *db)
{
	return is_of_room(sqlite3_system_errno(db)) ||
	       is_of_room(last_error(db, SQLITE_FCNTL_FILE_POINTER)) ||
	       is_of_room(last_error(db, SQLITE_FCNTL_JOURNAL_POINTER));
}

/* What the code of a failed look says about the file. */
static enum schema_state verdict(sqlite3 *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SCHEMA_GOOD;
	case SQLITE_CORRUPT:
		return schema_disk_failed(db) ? SCHEMA_ERROR : SCHEMA_BAD;
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* no such table or column */
		return SCHEMA_BAD;
	default:
		return SCHEMA_ERROR;
	}
}

static enum schema_state probe(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(q);
	sqlite3_finalize(q);
	return verdict(db, result);
}

/* One row, "ok", is what a sound table gives. */
static enum schema_state check(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
	enum schema_state state;
	const char *text;

	if (result == SQLITE_OK)
		result = sqlite3_step(q);
	state = verdict(db, result);
	text = result == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : "nothing";
	if (!text)
		state = SCHEMA_ERROR; /* no memory */
	else if (state == SCHEMA_GOOD && strcmp(text, "ok") != 0)
		state = schema_disk_failed(db) ? SCHEMA_ERROR : SCHEMA_BAD;
	sqlite3_finalize(q);
	return state;
}

static enum schema_state look_inside(sqlite3 *db)
{
	enum schema_state state = SCHEMA_GOOD;

	for (size_t i = 0; state == SCHEMA_GOOD && i < sizeof(probes) / sizeof(probes[0]); i++)
		state = probe(db, probes[i]);
	for (size_t i = 0; state == SCHEMA_GOOD && i < sizeof(checks) / sizeof(checks[0]); i++)
		state = check(db, checks[i]);
	return state;
}

enum schema_state schema_look_through(sqlite3 *db)
{
	sqlite3_int64 messages = 0;
	enum schema_state state =
	    verdict(db, number(db, "SELECT count(*) FROM message", &messages));

	if (state == SCHEMA_GOOD && messages <= MOST_CHECKED)
		state = check(db, "PRAGMA quick_check(message)");
	return state;
}

enum schema_state schema_look(sqlite3 *db)
{
	sqlite3_int64 version = 0, things = 0;
	int result = number(db, "PRAGMA user_version", &version);

	if (result == SQLITE_OK)
		result = number(db, "SELECT count(*) FROM sqlite_schema", &things);
	if (result != SQLITE_OK)
		return verdict(db, result);
	if (version == 0 && things == 0)
		return SCHEMA_NONE;
	if (version > SCHEMA_VERSION)
		return SCHEMA_NEWER;
	return version == SCHEMA_VERSION ? look_inside(db) : SCHEMA_BAD;
}

sqlite3_int64 schema_last_id(sqlite3 *db)
{
	sqlite3_int64 id = 0;

	if (number(db, "SELECT seq FROM sqlite_sequence WHERE name = 'message'", &id) != SQLITE_OK)
		return 0;
	return id;
}
