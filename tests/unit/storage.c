#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "storage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "query.h"

int storage_setup(void **state)
{
	struct storage *t = xnew(struct storage);
	const char *tmp = getenv("TMPDIR");

	snprintf(t->directory, sizeof(t->directory), "%.40s/pop3fs-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(t->directory))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/mail.db", t->directory);
	storage_open(t);
	*state = t;
	return 0;
}

static void remove_files(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(directory);
}

int storage_teardown(void **state)
{
	struct storage *t = *state;

	store_close(t->store);
	remove_files(t->directory);
	free(t);
	return 0;
}

void storage_close(struct storage *t)
{
	store_close(t->store);
	t->store = NULL;
}

void storage_open(struct storage *t)
{
	struct failure why = {0};

	if (store_open(&t->store, t->path, &why) != OK ||
	    store_check(&t->store, t->path, &why) != OK)
		fail_msg("%s", why.words);
}

static void copy_file(const char *from, const char *to)
{
	CLEANUP(freep) char *octets = NULL;
	FILE *in = fopen(from, "rb"), *out;
	long len;

	unlink(to);
	if (!in)
		return;
	fseek(in, 0, SEEK_END);
	len = ftell(in);
	rewind(in);
	octets = xmalloc((size_t)len);
	assert_int_equal(fread(octets, 1, (size_t)len, in), len);
	fclose(in);
	out = fopen(to, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(octets, 1, (size_t)len, out), len);
	fclose(out);
}

/* Without -shm: it is made anew from the log, as after a power cut. */
void storage_crash_copy(const struct storage *t, const char *to)
{
	CLEANUP(freep) char *from_log = xasprintf("%s-wal", t->path);
	CLEANUP(freep) char *to_log = xasprintf("%s-wal", to);

	copy_file(t->path, to);
	copy_file(from_log, to_log);
}

/* Beside store_statement, whose texts must stay. */
static sqlite3_stmt *prepare(struct storage *t, const char *sql)
{
	sqlite3 *db = sqlite3_db_handle(store_statement(t->store, "SELECT 1", NULL));
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return q;
}

int64_t storage_number(struct storage *t, const char *sql)
{
	sqlite3_stmt *q = prepare(t, sql);
	int64_t value;

	if (sqlite3_step(q) != SQLITE_ROW)
		fail_msg("%s gives no row", sql);
	value = sqlite3_column_int64(q, 0);
	assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
	return value;
}

void storage_run(struct storage *t, const char *sql)
{
	sqlite3_stmt *q = prepare(t, sql);

	while (sqlite3_step(q) == SQLITE_ROW)
		continue;
	if (sqlite3_finalize(q) != SQLITE_OK)
		fail_msg("%s failed", sql);
}

int64_t storage_message(struct storage *t, const char *uidl)
{
	assert_int_equal(
	    query_run(t->store, NULL,
		"INSERT INTO message(uidl, ordinal, listed, seen, used) VALUES(?1, 1, 100, 7, 7)",
		"b", slice_of(uidl)),
	    OK);
	return store_inserted(t->store);
}

static bool is_log(const char *name)
{
	size_t len = strlen(name);

	return len > 4 &&
	       (strcmp(name + len - 4, "-wal") == 0 || strcmp(name + len - 4, "-shm") == 0);
}

size_t storage_moved_aside(const struct storage *t)
{
	DIR *d = opendir(t->directory);
	struct dirent *e;
	size_t count = 0;

	while (d && (e = readdir(d)))
		count += strstr(e->d_name, ".damaged-") && !is_log(e->d_name);
	if (d)
		closedir(d);
	return count;
}
