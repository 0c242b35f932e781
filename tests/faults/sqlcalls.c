/* SQLite's calls, as they fail (shim.h): the call is not made, and its handle says so until the
 * next one. SQLite's calls of itself are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <sqlite3.h>

#include "shim.h"

#define REAL(name)                                                                                 \
	static __typeof__(&name) real;                                                             \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

static __thread int said __attribute__((tls_model("initial-exec")));

static void *map_of(const void *code)
{
	struct dl_find_object found;

	return _dl_find_object((void *)(uintptr_t)code, &found) == 0 ? found.dlfo_map_start : NULL;
}

static bool due(const void *caller, const char *name)
{
	static void *sqlite;
	int number = errno;

	if (!sqlite)
		sqlite = map_of(dlsym(RTLD_NEXT, "sqlite3_step"));
	if (map_of(caller) == sqlite)
		return false;
	said = fault_due(FAULT_SQLITE, name) ? (int)fault_plan()->number : SQLITE_OK;
	errno = number;
	return said != SQLITE_OK;
}

#define CALL(name, parameters, arguments)                                                          \
	int name parameters                                                                        \
	{                                                                                          \
		REAL(name);                                                                        \
		return due(__builtin_return_address(0), #name) ? said : real arguments;            \
	}

/* What rolls back never fails halfway: SQLite does it whatever it says. */
int sqlite3_step(sqlite3_stmt *s)
{
	const char *sql = sqlite3_sql(s);
	int result;
	REAL(sqlite3_step);

	if (!due(__builtin_return_address(0), "sqlite3_step"))
		return real(s);
	if (sql && strncasecmp(sql, "ROLLBACK", 8) == 0) {
		result = real(s);
		return result == SQLITE_DONE ? said : result;
	}
	return said;
}

int sqlite3_prepare_v3(
    sqlite3 *db, const char *sql, int len, unsigned flags, sqlite3_stmt **out, const char **rest)
{
	REAL(sqlite3_prepare_v3);

	if (!due(__builtin_return_address(0), "sqlite3_prepare_v3"))
		return real(db, sql, len, flags, out, rest);
	*out = NULL;
	return said;
}

int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int len, sqlite3_stmt **out, const char **rest)
{
	REAL(sqlite3_prepare_v2);

	if (!due(__builtin_return_address(0), "sqlite3_prepare_v2"))
		return real(db, sql, len, out, rest);
	*out = NULL;
	return said;
}

/* It gives a handle in any case. */
int sqlite3_open_v2(const char *path, sqlite3 **out, int flags, const char *vfs)
{
	int result;
	REAL(sqlite3_open_v2);

	result = real(path, out, flags, vfs);
	return due(__builtin_return_address(0), "sqlite3_open_v2") ? said : result;
}

CALL(sqlite3_exec,
    (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *with,
	char **words),
    (db, sql, row, with, words))
CALL(sqlite3_wal_checkpoint_v2, (sqlite3 * db, const char *name, int mode, int *log, int *moved),
    (db, name, mode, log, moved))
CALL(sqlite3_bind_int64, (sqlite3_stmt * s, int index, sqlite3_int64 value), (s, index, value))
CALL(sqlite3_bind_null, (sqlite3_stmt * s, int index), (s, index))
CALL(sqlite3_bind_text,
    (sqlite3_stmt * s, int index, const char *text, int len, void (*done)(void *)),
    (s, index, text, len, done))
CALL(sqlite3_bind_blob64,
    (sqlite3_stmt * s, int index, const void *octets, sqlite3_uint64 len, void (*done)(void *)),
    (s, index, octets, len, done))
CALL(sqlite3_file_control, (sqlite3 * db, const char *name, int what, void *with),
    (db, name, what, with))

int sqlite3_errcode(sqlite3 *db)
{
	REAL(sqlite3_errcode);
	return said ? said : real(db);
}

const char *sqlite3_errmsg(sqlite3 *db)
{
	REAL(sqlite3_errmsg);
	return said ? sqlite3_errstr(said) : real(db);
}

/* NULL, for want of memory to end it by NUL. (A blob needs none.) */
const unsigned char *sqlite3_column_text(sqlite3_stmt *s, int column)
{
	REAL(sqlite3_column_text);
	return due(__builtin_return_address(0), "sqlite3_column_text") ? NULL : real(s, column);
}
