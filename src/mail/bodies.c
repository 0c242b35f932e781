#include "bodies.h"

#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "header.h"
#include "query.h"
#include "stored.h"

#define INDEX_BITS 24

static int64_t key_of(int64_t id, uint32_t index)
{
	return id << INDEX_BITS | (int64_t)index;
}

/* The rows of one body are those from key_of(id, 0) up to, and without, key_of(id + 1, 0). */
static enum error delete_chunks(struct store *s, int64_t id, struct failure *why)
{
	return query_run(s, why, "DELETE FROM chunk WHERE key >= ?1 AND key < ?2", "ii",
	    key_of(id, 0), key_of(id + 1, 0));
}

enum error bodies_discard(struct store *s, int64_t id, struct failure *why)
{
	enum error error = delete_chunks(s, id, why);

	if (!error)
		error = query_run(s, why, "DELETE FROM arriving WHERE id = ?1", "i", id);
	if (!error)
		error = query_run(s, why,
		    "UPDATE message SET chunks = NULL WHERE id = ?1 AND chunks IS NOT NULL", "i",
		    id);
	return error;
}

/* A body that begins replaces whatever there was of it: an unfinished one, or an old whole one. */
static enum error begin(struct store *s, int64_t id, struct failure *why)
{
	enum error error = bodies_discard(s, id, why);

	return error ? error : query_run(s, why, "INSERT INTO arriving(id) VALUES(?1)", "i", id);
}

enum error bodies_add(struct store *s, int64_t id, uint32_t index, struct slice data,
    uint32_t lines, struct failure *why)
{
	enum error error = OK;

	if (index >> INDEX_BITS)
		return failed(why, E_FULL, "message %" PRId64 " is too large for the cache", id);
	if (index == 0)
		error = begin(s, id, why);
	return error ? error
		     : query_run(s, why,
			   "INSERT OR REPLACE INTO chunk(key, lines, data) VALUES(?1, ?2, ?3)",
			   "iib", key_of(id, index), (int64_t)lines, data);
}

/* All pieces must be there: one of them may have met a full disk. */
static enum error check_whole(
    struct store *s, int64_t id, const struct body *b, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT count(*), coalesce(sum(length(data)), 0), coalesce(sum(lines), 0) "
	    "FROM chunk WHERE key >= ?1 AND key < ?2",
	    "ii", key_of(id, 0), key_of(id + 1, 0));
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	if (error)
		return error;
	if (sqlite3_column_int64(q, 0) != b->chunks ||
	    (uint64_t)sqlite3_column_int64(q, 1) != b->size ||
	    (uint64_t)sqlite3_column_int64(q, 2) != b->lines)
		return failed(why, E_STORE, "pieces of message %" PRId64 " are missing", id);
	return OK;
}

/* Whether the header is the one that is known of the message, but for what servers add; *same stays
 * as it is where none is known. */
static enum error same_header(
    struct store *s, int64_t id, const struct learnt *l, bool *same, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT m.digest, h.text FROM message m LEFT JOIN header h ON h.id = m.id "
	    "WHERE m.id = ?1",
	    "i", id);
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;
	struct slice digest;

	if (error)
		return error;
	if (!row)
		return OK;
	digest = query_blob(q, 0);
	if (digest.len == sizeof(l->digest))
		*same = memcmp(digest.at, l->digest, digest.len) == 0 ||
			header_same(query_blob(q, 1), slice_make(l->text, l->len));
	return OK;
}

/* The text is the one that came with the body: headers/ shows what the message begins with. What
 * the message is known by stays, unless this is another message under its UIDL: a reader sees this
 * one, and so it is this one that he unlinks. The time of a message that is already shown is
 * never changed, so learnt->received is not looked at here: it belongs to the headers that come
 * before the showing (merge.c). */
static enum error keep_header(
    struct store *s, int64_t id, const struct learnt *l, struct failure *why)
{
	bool same = true;
	enum error error = same_header(s, id, l, &same, why);

	if (!error)
		error = query_run(s, why,
		    "UPDATE message SET digest = ?2 WHERE id = ?1 AND (?3 OR digest IS NULL)",
		    "ihi", id, l->digest, (int64_t)!same);
	return error ? error : stored_set_header_text(s, id, l, why);
}

enum error bodies_agree(
    struct store *s, int64_t id, const struct body *b, bool *agrees, struct failure *why)
{
	*agrees = b->sure || !b->unproven;
	if (b->sure || !b->learnt)
		return OK;
	return same_header(s, id, b->learnt, agrees, why);
}

enum error bodies_learn(struct store *s, int64_t id, const struct body *b, struct failure *why)
{
	enum error error = query_run(s, why,
	    "UPDATE message SET size = ?2, lines = ?3, header_len = ?4, sha256 = ?5, used = ?6 "
	    "WHERE id = ?1",
	    "iiiihi", id, (int64_t)b->size, (int64_t)b->lines, (int64_t)b->header, b->sha256,
	    clock_seconds());

	if (!error && store_touched(s) == 0)
		error = failed(why, E_VANISHED, "there is no message %" PRId64, id);
	if (!error && b->learnt)
		error = keep_header(s, id, b->learnt, why);
	return error;
}

enum error bodies_differ(
    struct store *s, int64_t id, const struct body *b, bool *differ, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why, "SELECT sha256 FROM message WHERE id = ?1", "i", id);
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	if (!error)
		*differ = row && sqlite3_column_type(q, 0) != SQLITE_NULL &&
			  !slice_equal(query_blob(q, 0),
			      slice_make((const char *)b->sha256, sizeof(b->sha256)));
	return error;
}

enum error bodies_complete(struct store *s, int64_t id, const struct body *b, struct failure *why)
{
	enum error error = b->chunks == 0 ? begin(s, id, why) : OK;

	if (!error)
		error = check_whole(s, id, b, why);
	if (!error)
		error = bodies_learn(s, id, b, why);
	if (!error)
		error = query_run(s, why, "UPDATE message SET chunks = ?2 WHERE id = ?1", "ii", id,
		    (int64_t)b->chunks);
	return error ? error : query_run(s, why, "DELETE FROM arriving WHERE id = ?1", "i", id);
}

enum error bodies_piece(struct store *s, int64_t id, uint32_t index, struct buf *data,
    uint32_t *lines, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q =
	    query(s, why, "SELECT data, lines FROM chunk WHERE key = ?1", "i", key_of(id, index));
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	if (!error && !row)
		error = failed(why, E_STORE, "pieces of message %" PRId64 " are missing", id);
	if (error)
		return error;
	buf_add_slice(data, query_blob(q, 0));
	*lines = (uint32_t)sqlite3_column_int64(q, 1);
	return OK;
}

/* The first unfinished one, again and again: each discard takes its row away. */
enum error bodies_sweep(struct store *s, struct failure *why)
{
	for (;;) {
		int64_t id = 0;
		enum error error = query_number(s, &id, why, "SELECT id FROM arriving LIMIT 1", "");

		if (!error && id)
			error = bodies_discard(s, id, why);
		if (error || !id)
			return error;
	}
}

enum error bodies_used(struct store *s, int64_t id, int64_t at, struct failure *why)
{
	return query_run(
	    s, why, "UPDATE message SET used = ?2 WHERE id = ?1 AND used < ?2", "ii", id, at);
}
