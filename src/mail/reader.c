#include "reader.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "jobs.h"
#include "learn.h"
#include "schema.h"
#include "shelf.h"

#define BUSY_MS 1000 /* while the writer rewinds its log */

/* What is asked, each prepared once. */
#define QUERIES(X)                                                                                 \
	X(BODY, "SELECT m.size, abs(m.chunks), c.data, " SCHEMA_FIRST_KEY " FROM message m "       \
		"LEFT JOIN chunk c ON c.key = " SCHEMA_FIRST_KEY " + ?2 "                          \
		"WHERE m.id = ?1 AND m.chunks IS NOT NULL")                                        \
	X(CHUNK, "SELECT data FROM chunk WHERE key = ?1")                                          \
	X(LINES, "SELECT c.lines FROM message m JOIN chunk c "                                     \
		 "ON c.key = " SCHEMA_FIRST_KEY " + ?2 "                                           \
		 "WHERE m.id = ?1 AND m.chunks IS NOT NULL")                                       \
	X(MESSAGE, "SELECT listed, size, chunks, lines, header_len, received, seen, sha256 "       \
		   "FROM message WHERE id = ?1")                                                   \
	X(UIDL, "SELECT uidl FROM message WHERE id = ?1")                                          \
	X(HEADER, "SELECT text FROM header WHERE id = ?1")                                         \
	X(PARTS, "SELECT m.header_len, m.chunks, h.text FROM message m "                           \
		 "LEFT JOIN header h ON h.id = m.id WHERE m.id = ?1")                              \
	X(FACT, "SELECT value FROM fact WHERE key = ?1")

enum query_name {
#define NAME(name, sql) name,
	QUERIES(NAME)
#undef NAME
	    QUERY_COUNT
};

static const char *const texts[] = {
#define TEXT(name, sql) sql,
    QUERIES(TEXT)
#undef TEXT
};

struct reader {
	sqlite3 *db;
	sqlite3_stmt *queries[QUERY_COUNT];
	struct shelf *shelf;
};

void reader_close(struct reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < QUERY_COUNT; i++)
		sqlite3_finalize(r->queries[i]);
	sqlite3_close(r->db);
	free(r);
}

static void reader_closep(struct reader **r)
{
	reader_close(*r);
}

enum error reader_open(struct reader **out, const char *path, struct failure *why)
{
	CLEANUP(reader_closep) struct reader *r = xnew(struct reader);
	int result =
	    sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(r->db, BUSY_MS);
	if (result == SQLITE_OK)
		result = sqlite3_exec(r->db, "PRAGMA cache_size = -1024", NULL, NULL, NULL);
	for (size_t i = 0; result == SQLITE_OK && i < QUERY_COUNT; i++)
		result = sqlite3_prepare_v3(
		    r->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &r->queries[i], NULL);
	if (result != SQLITE_OK)
		return failed(why, E_STORE, "cannot read the cache database %s: %s", path,
		    sqlite3_errmsg(r->db));
	*out = take(&r);
	return OK;
}

void reader_shelf(struct reader *r, struct shelf *shelf)
{
	r->shelf = shelf;
}

/* ---- asking ---- */

/* Ends the statement, so that the writer's log is not held back. */
static void end(sqlite3_stmt **q)
{
	if (*q)
		sqlite3_reset(*q);
}

/* The first row of the answer, or NULL where there is none or it cannot be read. */
static sqlite3_stmt *ask(struct reader *r, enum query_name name, int64_t value)
{
	sqlite3_stmt *q = r->queries[name];

	sqlite3_reset(q);
	if (sqlite3_bind_int64(q, 1, value) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		return q;
	sqlite3_reset(q);
	return NULL;
}

static void add_column(struct buf *to, sqlite3_stmt *q)
{
	const void *at = sqlite3_column_blob(q, 0);

	buf_add(to, at, (size_t)sqlite3_column_bytes(q, 0));
}

/* ---- bodies ---- */

/* How long piece `index` of a body must be: a piece of another length is damaged. */
static uint64_t piece_length(uint64_t size, uint64_t index)
{
	uint64_t rest = size - index * CHUNK_OCTETS;

	return rest < CHUNK_OCTETS ? rest : CHUNK_OCTETS;
}

/* From the piece in a column of an answer, which is the one that octet `offset` is in. */
static bool copy_part(
    sqlite3_stmt *q, int column, uint64_t size, uint64_t offset, char *to, size_t len)
{
	const char *data = sqlite3_column_blob(q, column);

	if (!data ||
	    (uint64_t)sqlite3_column_bytes(q, column) != piece_length(size, offset / CHUNK_OCTETS))
		return false;
	memcpy(to, data + offset % CHUNK_OCTETS, len);
	return true;
}

static bool copy_piece(
    struct reader *r, int64_t first_key, uint64_t size, uint64_t offset, char *to, size_t len)
{
	CLEANUP(end)
	sqlite3_stmt *q = ask(r, CHUNK, first_key + (int64_t)(offset / CHUNK_OCTETS));

	return q && copy_part(q, 0, size, offset, to, len);
}

static bool sound(uint64_t size, uint64_t chunks)
{
	return chunks == (size + CHUNK_OCTETS - 1) / CHUNK_OCTETS;
}

/* The row comes with the first piece: mostly that is all. Its statement stays open meanwhile, so
 * that all pieces are of one moment. */
static sqlite3_stmt *ask_piece(struct reader *r, enum query_name name, int64_t id, uint64_t index)
{
	sqlite3_bind_int64(r->queries[name], 2, (int64_t)index);
	return ask(r, name, id);
}

static ssize_t stored_body(struct reader *r, int64_t id, uint64_t offset, void *to, size_t len)
{
	CLEANUP(end) sqlite3_stmt *q = ask_piece(r, BODY, id, offset / CHUNK_OCTETS);
	int64_t first_key;
	uint64_t size;
	size_t done = 0;

	if (!q)
		return -1;
	size = (uint64_t)sqlite3_column_int64(q, 0);
	if (!sound(size, (uint64_t)sqlite3_column_int64(q, 1)))
		return -1;
	if (offset >= size)
		return 0;
	if (len > size - offset)
		len = (size_t)(size - offset);
	first_key = sqlite3_column_int64(q, 3);
	while (done < len) {
		uint64_t at = offset + done, room = CHUNK_OCTETS - at % CHUNK_OCTETS;
		size_t part = len - done < room ? len - done : (size_t)room;
		bool good = done == 0 ? copy_part(q, 2, size, at, to, part)
				      : copy_piece(r, first_key, size, at, (char *)to + done, part);

		if (!good)
			return -1;
		done += part;
	}
	return (ssize_t)done;
}

void reader_begin(struct reader *r)
{
	sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL);
}

void reader_end(struct reader *r)
{
	sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
}

bool reader_piece_lines(struct reader *r, int64_t id, uint32_t index, uint32_t *lines)
{
	CLEANUP(end) sqlite3_stmt *q = ask_piece(r, LINES, id, index);

	if (q)
		*lines = (uint32_t)sqlite3_column_int64(q, 0);
	return q || shelf_piece_lines(r->shelf, id, index, lines);
}

ssize_t reader_body(struct reader *r, int64_t id, uint64_t offset, void *to, size_t len)
{
	ssize_t got = stored_body(r, id, offset, to, len);

	return got < 0 ? shelf_read(r->shelf, id, offset, to, len) : got;
}

/* ---- rows ---- */

bool reader_message(struct reader *r, int64_t id, struct reader_row *row)
{
	CLEANUP(end) sqlite3_stmt *q = ask(r, MESSAGE, id);

	if (!q)
		return false;
	*row = (struct reader_row){
	    .listed = (uint64_t)sqlite3_column_int64(q, 0),
	    .size = (uint64_t)sqlite3_column_int64(q, 1),
	    .true_size = sqlite3_column_type(q, 1) != SQLITE_NULL,
	    .cached = sqlite3_column_type(q, 2) != SQLITE_NULL || shelf_has_whole(r->shelf, id),
	    .lines = (uint64_t)sqlite3_column_int64(q, 3),
	    .header = (uint32_t)sqlite3_column_int64(q, 4),
	    .received = sqlite3_column_int64(q, 5),
	    .seen = sqlite3_column_int64(q, 6),
	};
	if (!row->true_size)
		row->size = row->listed;
	row->headed = sqlite3_column_type(q, 5) != SQLITE_NULL;
	if (!row->headed)
		row->received = row->seen;
	row->hashed = sqlite3_column_bytes(q, 7) == sizeof(row->sha256);
	if (row->hashed)
		memcpy(row->sha256, sqlite3_column_blob(q, 7), sizeof(row->sha256));
	return true;
}

bool reader_uidl(struct reader *r, int64_t id, struct buf *uidl)
{
	CLEANUP(end) sqlite3_stmt *q = ask(r, UIDL, id);

	if (q)
		add_column(uidl, q);
	return q != NULL;
}

static bool header_from_body(struct reader *r, int64_t id, struct buf *text)
{
	struct reader_row row;
	ssize_t got;

	if (!reader_message(r, id, &row) || !row.cached)
		return false;
	if (row.header > LEARN_LARGEST)
		row.header = LEARN_LARGEST;
	got = reader_body(r, id, 0, buf_room(text, row.header), row.header);
	if (got < 0)
		return false;
	buf_added(text, (size_t)got);
	return true;
}

bool reader_header(struct reader *r, int64_t id, struct buf *text)
{
	CLEANUP(end) sqlite3_stmt *q = ask(r, HEADER, id);

	if (!q)
		return header_from_body(r, id, text);
	add_column(text, q);
	return true;
}

bool reader_header_is_kept(struct reader *r, int64_t id)
{
	CLEANUP(end) sqlite3_stmt *q = ask(r, HEADER, id);

	return q != NULL;
}

/* Where the text is not as long as the header, it was cut: the body has it all. */
static bool text_is_whole(sqlite3_stmt *q)
{
	return sqlite3_column_type(q, 2) != SQLITE_NULL &&
	       sqlite3_column_bytes(q, 2) == sqlite3_column_int64(q, 0);
}

bool reader_header_length(struct reader *r, int64_t id, uint32_t *length)
{
	CLEANUP(end) sqlite3_stmt *q = ask(r, PARTS, id);

	if (!q || sqlite3_column_type(q, 0) == SQLITE_NULL)
		return false;
	if (sqlite3_column_type(q, 1) == SQLITE_NULL && !text_is_whole(q) &&
	    !shelf_has_whole(r->shelf, SHELF_HEADER(id)) && !shelf_has_whole(r->shelf, id))
		return false;
	*length = (uint32_t)sqlite3_column_int64(q, 0);
	return true;
}

ssize_t reader_header_part(struct reader *r, int64_t id, uint64_t offset, void *to, size_t len)
{
	CLEANUP(end) sqlite3_stmt *q = ask(r, PARTS, id);
	uint64_t length;

	if (!q || sqlite3_column_type(q, 0) == SQLITE_NULL)
		return -1;
	length = (uint64_t)sqlite3_column_int64(q, 0);
	if (offset >= length)
		return 0;
	if (len > length - offset)
		len = (size_t)(length - offset);
	if (!text_is_whole(q) && shelf_has_whole(r->shelf, SHELF_HEADER(id)))
		return shelf_read(r->shelf, SHELF_HEADER(id), offset, to, len);
	if (!text_is_whole(q))
		return reader_body(r, id, offset, to, len);
	memcpy(to, (const char *)sqlite3_column_blob(q, 2) + offset, len);
	return (ssize_t)len;
}

bool reader_recall(struct reader *r, const char *key, char *value, size_t room)
{
	CLEANUP(end) sqlite3_stmt *q = r->queries[FACT];
	const char *text;

	sqlite3_reset(q);
	if (sqlite3_bind_text(q, 1, key, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		return false;
	text = (const char *)sqlite3_column_text(q, 0);
	if (text) /* else no memory */
		snprintf(value, room, "%s", text);
	return text != NULL;
}
