#include "newbase.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "point.h"
#include "schema.h"

/* Without these SQLite syncs a new file, its journals and its directory eleven times. Nobody reads
 * the file before it is whole. */
static const char unsafe[] = "PRAGMA synchronous = OFF;"
			     "PRAGMA journal_mode = MEMORY;";

/* What SQLite would take for a part of the new database. */
static const char *const logs[] = {"-journal", "-wal", "-shm"};

static enum error cannot(int number, const char *path, struct failure *why)
{
	bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;

	return failed(why, full ? E_FULL : E_STORE, "cannot make the cache database %s: %s", path,
	    strerror(number));
}

static enum error clear(const char *path, const char *tail, struct failure *why)
{
	CLEANUP(freep) char *gone = xasprintf("%s%s", path, tail);

	return unlink(gone) == 0 || errno == ENOENT ? OK : cannot(errno, gone, why);
}

static enum error clear_logs(const char *path, struct failure *why)
{
	enum error e = OK;

	for (size_t i = 0; !e && i < sizeof(logs) / sizeof(logs[0]); i++)
		e = clear(path, logs[i], why);
	return e;
}

static void close_database(sqlite3 **db)
{
	sqlite3_close(*db);
}

/* The file is there, empty, with the mode that it shall have. */
static enum error fill(const char *path, int64_t first, struct failure *why)
{
	CLEANUP(close_database) sqlite3 *db = NULL;
	int result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_exec(db, unsafe, NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = schema_create(db, first);
	if (result == SQLITE_OK)
		return OK;
	return failed(why,
	    (result & 0xff) == SQLITE_FULL || schema_disk_is_full(db) ? E_FULL : E_STORE,
	    "cannot make the cache database %s: %s", path, sqlite3_errmsg(db));
}

/* What an attempt before left there is nobody's. */
static enum error make_beside(const char *path, int64_t first, struct failure *why)
{
	enum error e = clear(path, "", why);

	if (!e)
		e = clear_logs(path, why);
	if (!e) {
		CLEANUP(closep)
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return cannot(errno, path, why);
		e = fill(path, first, why);
		if (!e && fdatasync(fd) != 0)
			return cannot(errno, path, why);
	}
	return e;
}

enum error newbase_make(const char *path, int64_t first, struct failure *why)
{
	CLEANUP(freep) char *beside = xasprintf("%s-new", path);
	enum error e = make_beside(beside, first, why);

	POINT("newbase", "made");
	if (!e)
		e = clear_logs(path, why);
	if (!e && rename(beside, path) != 0)
		e = cannot(errno, path, why);
	POINT("newbase", "moved");
	if (e)
		unlink(beside);
	return e;
}

/* ---- a place for it ---- */

/* The log goes along under the name at which SQLite finds it again. */
enum error newbase_make_way(const char *path, struct failure *why)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	CLEANUP(freep) char *to = xasprintf("%s.damaged-%" PRId64, path, clock_seconds());

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		CLEANUP(freep) char *old = xasprintf("%s%s", path, tails[i]);
		CLEANUP(freep) char *new = xasprintf("%s%s", to, tails[i]);

		if (rename(old, new) != 0 && errno != ENOENT)
			return failed(why, E_STORE, "cannot move the damaged cache database %s: %s",
			    old, strerror(errno));
	}
	log_warning("the cache database was damaged; it is now %s, and a new one is made: "
		    "deletions that waited in it are forgotten, and messages are fetched again",
	    to);
	return OK;
}
