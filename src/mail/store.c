#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "bodies.h"
#include "clock.h"
#include "log.h"
#include "newbase.h"
#include "query.h"
#include "schema.h"

#define BUSY_MS  2000 /* another process that looks into the database, sqlite3(1) say */
#define MOST_IDS (INT64_C(1) << 26) /* above the clock's: a damaged sequence is not believed */

/* cache_size is in KiB. UIDLs that count upwards fill one page after the other: a million new
 * messages took 1.3 s with 2 MiB as with 8 and 64; only those in no order (hashes) are slower with
 * less, 8.6 us each instead of 5 with 16 MiB, which an idle mount would have to keep. A log that a
 * large transaction made is cut back to journal_size_limit. No mmap: an I/O error would be a
 * SIGBUS, and mapped pages count as the daemon's memory. */
static const char settings[] = "PRAGMA synchronous = NORMAL;"
			       "PRAGMA secure_delete = FAST;"
			       "PRAGMA cache_size = -2048;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA journal_size_limit = 33554432;"
			       "PRAGMA trusted_schema = OFF;";

/* The fact that a run met damage: the next start moves the database aside. */
static const char damage_fact[] = "damaged";

struct statement {
	const char *sql;
	sqlite3_stmt *prepared;
};

struct store {
	sqlite3 *db;
	struct statement *statements;
	size_t count;
	int64_t listed_at;
	bool damaged;    /* SQLite said so */
	bool no_headers; /* are to be kept */
};

/* ---- statements and failures ---- */

enum error store_failed(struct store *s, const char *doing, struct failure *why)
{
	int result = sqlite3_errcode(s->db) & 0xff;
	bool full = result == SQLITE_FULL || (result == SQLITE_IOERR && schema_disk_is_full(s->db));

	if ((result == SQLITE_CORRUPT || result == SQLITE_OK) && schema_disk_failed(s->db))
		return failed(why, E_STORE, "cannot %s: the disk cannot be read", doing);
	if (result == SQLITE_CORRUPT || result == SQLITE_NOTADB)
		s->damaged = true;
	return failed(why, full ? E_FULL : E_STORE, "cannot %s: %s", doing, sqlite3_errmsg(s->db));
}

/* The text itself is the key: nearly always the same literal, so its address is looked at first. */
static sqlite3_stmt *find_statement(struct store *s, const char *sql)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->statements[i].sql == sql)
			return s->statements[i].prepared;
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->statements[i].sql, sql) == 0)
			return s->statements[i].prepared;
	return NULL;
}

sqlite3_stmt *store_statement(struct store *s, const char *sql, struct failure *why)
{
	sqlite3_stmt *prepared = find_statement(s, sql);

	if (prepared) {
		sqlite3_reset(prepared);
		return prepared;
	}
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, NULL) !=
	    SQLITE_OK) {
		store_failed(s, "prepare a statement", why);
		return NULL;
	}
	s->statements = xreallocarray(s->statements, s->count + 1, sizeof(*s->statements));
	s->statements[s->count++] = (struct statement){sql, prepared};
	return prepared;
}

int64_t store_touched(struct store *s)
{
	return sqlite3_changes64(s->db);
}

int64_t store_inserted(struct store *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

sqlite3 *store_handle(struct store *s)
{
	return s->db;
}

bool store_is_damaged(const struct store *s)
{
	return s->damaged;
}

bool store_keeps_headers(const struct store *s)
{
	return !s->no_headers;
}

void store_keep_no_headers(struct store *s)
{
	s->no_headers = true;
}

int64_t store_listed_at(const struct store *s)
{
	return s->listed_at;
}

void store_set_listed_at(struct store *s, int64_t at)
{
	if (at > s->listed_at)
		s->listed_at = at;
}

/* ---- transactions ---- */

enum error store_begin(struct store *s, struct failure *why)
{
	return query_run(s, why, "BEGIN IMMEDIATE", "");
}

/* What synchronous=FULL does after a commit, done when it is wanted: the log holds everything
 * since the last checkpoint, in order, so one sync of it puts all earlier commits on disk, too. */
enum error store_sync(struct store *s, struct failure *why)
{
	sqlite3_file *log = NULL;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (!log || !log->pMethods)
		return OK; /* nothing has been written yet */
	if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return failed(why, E_STORE, "cannot put the cache database's log on disk: %s",
		    strerror(errno));
	return OK;
}

enum error store_commit(struct store *s, bool durable, struct failure *why)
{
	enum error error = query_run(s, why, "COMMIT", "");

	if (error) {
		store_rollback(s);
		return error;
	}
	return durable ? store_sync(s, why) : OK;
}

/* SQLite itself rolls back after some failures (a full disk); nothing is left to do then. */
void store_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		query_run(s, NULL, "ROLLBACK", "");
}

void store_checkpoint(struct store *s)
{
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void store_rest(struct store *s)
{
	sqlite3_db_release_memory(s->db);
}

/* ---- facts ---- */

enum error store_remember(struct store *s, const char *key, const char *value, struct failure *why)
{
	return query_run(
	    s, why, "INSERT OR REPLACE INTO fact(key, value) VALUES(?1, ?2)", "tt", key, value);
}

bool store_recall(struct store *s, const char *key, char *value, size_t room)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, NULL, "SELECT value FROM fact WHERE key = ?1", "t", key);
	const char *text;
	bool row = false;

	if (!q || query_next(s, q, &row, NULL) || !row)
		return false;
	text = (const char *)sqlite3_column_text(q, 0);
	if (text) /* else no memory */
		snprintf(value, room, "%s", text);
	return text != NULL;
}

/* ---- opening and closing ---- */

/* Made here, so that nobody else may read it even for a moment; SQLite gives its other files the
 * same mode. Closed again before SQLite opens it: POSIX locks die with any close. */
static enum error make_file(const char *path, struct failure *why)
{
	CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return failed(why, errno == ENOSPC || errno == EDQUOT ? E_FULL : E_STORE,
		    "cannot open the cache database %s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return failed(why, E_STORE, "the cache database %s is no ordinary file", path);
	if (st.st_uid != geteuid())
		return failed(why, E_STORE, "the cache database %s is somebody else's", path);
	return OK;
}

/* Nobody asks SQLite how much memory it has, and to keep count it takes a lock at each allocation:
 * 15 % of a million inserts. Where another handle was opened before, it stays as it was. */
static void keep_no_count(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum error open_handle(struct store **out, const char *path, struct failure *why)
{
	CLEANUP(store_closep) struct store *s = xnew(struct store);
	enum error error = make_file(path, why);

	if (error)
		return error;
	keep_no_count();
	s->listed_at = clock_seconds();
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return failed(why, E_STORE, "cannot open the cache database %s: %s", path,
		    sqlite3_errmsg(s->db));
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (query_prepare(s->db) != SQLITE_OK)
		return store_failed(s, "set up the cache database", why);
	*out = take(&s);
	return OK;
}

static void finalize_all(struct store *s)
{
	for (size_t i = 0; i < s->count; i++)
		sqlite3_finalize(s->statements[i].prepared);
	free(s->statements);
	s->statements = NULL;
	s->count = 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->damaged)
		store_remember(s, damage_fact, "1", NULL);
	finalize_all(s);
	if (s->db) {
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		sqlite3_close(s->db);
	}
	free(s);
}

void store_closep(struct store **s)
{
	store_close(*s);
}

/* Closes without touching the files: what is moved aside stays as it was found. */
static void let_go(struct store **s)
{
	sqlite3_db_config((*s)->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	finalize_all(*s);
	sqlite3_close((*s)->db);
	free(take(s));
}

/* Never below what the lost database gave out, if that can still be read and believed. */
static int64_t first_id(int64_t last_of_the_lost)
{
	int64_t by_clock = clock_seconds() * SCHEMA_IDS_A_SECOND;

	if (last_of_the_lost > by_clock && last_of_the_lost - by_clock < MOST_IDS)
		return last_of_the_lost;
	return by_clock;
}

/* Closed while the new one takes its place, and opened again there. */
static enum error make_new(struct store **s, const char *path, int64_t first, struct failure *why)
{
	enum error error;

	let_go(s);
	error = newbase_make(path, first, why);
	if (!error)
		error = open_handle(s, path, why);
	if (!error && schema_begin_log((*s)->db) != SQLITE_OK)
		error = store_failed(*s, "begin the cache database's log", why);
	return error;
}

static enum error settle_in(struct store *s, struct failure *why)
{
	enum error error;

	if (sqlite3_exec(s->db, settings, NULL, NULL, NULL) != SQLITE_OK)
		return store_failed(s, "set up the cache database", why);
	if ((error = store_begin(s, why)))
		return error;
	if ((error = bodies_sweep(s, why))) {
		store_rollback(s);
		return error;
	}
	return store_commit(s, false, why);
}

static enum schema_state look(struct store *s)
{
	enum schema_state state = schema_look(s->db);
	char value[2];

	if (state == SCHEMA_GOOD && store_recall(s, damage_fact, value, sizeof(value)))
		return SCHEMA_BAD;
	return state;
}

/* *damaged: what failed is the database itself, not the disk or the system. */
static enum error attempt(
    struct store **out, const char *path, int64_t *last_id, bool *damaged, struct failure *why)
{
	CLEANUP(store_closep) struct store *s = NULL;
	enum schema_state state;
	enum error error = open_handle(&s, path, why);

	if (error)
		return error;
	state = look(s);
	if (state == SCHEMA_NEWER)
		return failed(why, E_STORE,
		    "the cache database %s was made by a newer pop3fs; use that one, or another "
		    "cache_dir",
		    path);
	if (state == SCHEMA_NONE)
		error = make_new(&s, path, first_id(*last_id), why);
	else if (state != SCHEMA_GOOD)
		error = store_failed(s, "read the cache database", why);
	if (!error)
		error = settle_in(s, why);
	if (!error) {
		*out = take(&s);
		return OK;
	}
	*damaged = state == SCHEMA_BAD || (s && s->damaged);
	if (*damaged) {
		*last_id = schema_last_id(s->db);
		let_go(&s);
	}
	return error;
}

static enum error begin_anew(
    struct store **out, const char *path, int64_t last_id, struct failure *why)
{
	bool damaged = false;
	enum error error = newbase_make_way(path, why);

	return error ? error : attempt(out, path, &last_id, &damaged, why);
}

enum error store_open(struct store **out, const char *path, struct failure *why)
{
	bool damaged = false;
	int64_t last_id = 0;
	enum error error = attempt(out, path, &last_id, &damaged, why);

	return error && damaged ? begin_anew(out, path, last_id, why) : error;
}

enum error store_replace(struct store **s, const char *path, struct failure *why)
{
	int64_t last_id = schema_last_id((*s)->db);

	let_go(s);
	return begin_anew(s, path, last_id, why);
}

enum error store_check(struct store **s, const char *path, struct failure *why)
{
	enum schema_state state = schema_look_through((*s)->db);
	enum error error;

	if (state == SCHEMA_GOOD)
		return OK;
	error = store_failed(*s, "read the cache database", why);
	return state == SCHEMA_BAD || (*s)->damaged ? store_replace(s, path, why) : error;
}
