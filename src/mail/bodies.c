#include "bodies.h"

#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "header.h"
#include "query.h"
#include "schema.h"
#include "stored.h"

#define INDEX_BITS 24

static int64_t key_of(int64_t place, uint32_t index)
{
	return place * (INT64_C(1) << INDEX_BITS) + (int64_t)index;
}

static enum error delete_rows(struct store *s, int64_t place, struct failure *why)
{
	return query_run(s, why, "DELETE FROM chunk WHERE key >= ?1 AND key < ?2", "ii",
	    key_of(place, 0), key_of(place + 1, 0));
}

/* *place: of the body that is arriving; 0: none is. */
static enum error find_arriving(struct store *s, int64_t id, int64_t *place, struct failure *why)
{
	*place = 0;
	return query_number(
	    s, place, why, "SELECT id FROM arriving WHERE id IN (?1, ?2)", "ii", id, -id);
}

enum error bodies_discard(struct store *s, int64_t id, struct failure *why)
{
	int64_t arriving;
	enum error error = find_arriving(s, id, &arriving, why);

	if (!error && arriving != id)
		error = delete_rows(s, id, why);
	if (!error && arriving != -id)
		error = delete_rows(s, -id, why);
	if (!error)
		error = query_run(s, why,
		    "UPDATE message SET chunks = NULL WHERE id = ?1 AND chunks IS NOT NULL", "i",
		    id);
	return error;
}

static enum error end_arriving(struct store *s, int64_t place, struct failure *why)
{
	return query_run(s, why, "DELETE FROM arriving WHERE id = ?1", "i", place);
}

enum error bodies_break_off(struct store *s, int64_t id, struct failure *why)
{
	int64_t place;
	enum error error = find_arriving(s, id, &place, why);

	if (error || place == 0)
		return error;
	error = delete_rows(s, place, why);
	return error ? error : end_arriving(s, place, why);
}

/* A body that begins takes the place of an unfinished one; never that of a whole one. What a
 * damaged database has there is nobody's. */
static enum error begin(struct store *s, int64_t id, int64_t *place, struct failure *why)
{
	int64_t chunks = -1;
	enum error error = bodies_break_off(s, id, why);

	if (!error)
		error = query_number(
		    s, &chunks, why, "SELECT chunks FROM message WHERE id = ?1", "i", id);
	*place = chunks >= 0 ? -id : id;
	if (!error)
		error = delete_rows(s, *place, why);
	return error ? error
		     : query_run(s, why, "INSERT INTO arriving(id) VALUES(?1)", "i", *place);
}

static enum error put_piece(struct store *s, int64_t place, uint32_t index, struct slice data,
    uint64_t lines, struct failure *why)
{
	return query_run(s, why,
	    "INSERT OR REPLACE INTO chunk(key, lines, data) VALUES(?1, ?2, ?3)", "iib",
	    key_of(place, index), (int64_t)lines, data);
}

static enum error incomplete(int64_t id, struct failure *why)
{
	return failed(why, E_STORE, "pieces of message %" PRId64 " are missing", id);
}

enum error bodies_add(struct store *s, int64_t id, uint32_t index, struct slice data,
    uint32_t lines, struct failure *why)
{
	int64_t place;
	enum error error;

	if (index >> INDEX_BITS)
		return failed(why, E_FULL, "message %" PRId64 " is too large for the cache", id);
	error = index == 0 ? begin(s, id, &place, why) : find_arriving(s, id, &place, why);
	if (!error && place == 0)
		error = incomplete(id, why); /* rows that no start would sweep away */
	return error ? error : put_piece(s, place, index, data, lines, why);
}

/* All pieces must be there: one of them may have met a full disk. */
static enum error check_whole(
    struct store *s, int64_t place, const struct body *b, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT count(*), coalesce(sum(length(data)), 0), coalesce(sum(lines), 0) "
	    "FROM chunk WHERE key >= ?1 AND key < ?2",
	    "ii", key_of(place, 0), key_of(place + 1, 0));
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	if (error)
		return error;
	if (sqlite3_column_int64(q, 0) != b->chunks ||
	    (uint64_t)sqlite3_column_int64(q, 1) != b->size ||
	    (uint64_t)sqlite3_column_int64(q, 2) != b->lines)
		return incomplete(place < 0 ? -place : place, why);
	return OK;
}

static bool has_digest(struct slice digest)
{
	return digest.len == HEADER_DIGEST_OCTETS;
}

static void compare_header(
    struct known *known, struct slice digest, struct slice text, const struct learnt *l)
{
	struct slice its = slice_make(l->text, l->len);

	known->header = has_digest(digest);
	known->same_text = text.len > 0 && slice_equal(text, its);
	known->same = known->same_text || !known->header ||
		      memcmp(digest.at, l->digest, digest.len) == 0 || header_same(text, its);
}

enum error bodies_known(
    struct store *s, int64_t id, const struct body *b, struct known *known, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT m.digest, h.text, m.sha256, m.chunks IS NOT NULL, EXISTS "
	    "(SELECT 1 FROM arriving a WHERE a.id IN (m.id, -m.id)) "
	    "FROM message m LEFT JOIN header h ON h.id = m.id WHERE m.id = ?1",
	    "i", id);
	struct slice hash = slice_make((const char *)b->sha256, sizeof(b->sha256));
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	if (error)
		return error;
	*known = (struct known){.same = true};
	if (!row)
		return OK;
	if (b->learnt)
		compare_header(known, query_blob(q, 0), query_blob(q, 1), b->learnt);
	known->differs =
	    sqlite3_column_type(q, 2) != SQLITE_NULL && !slice_equal(query_blob(q, 2), hash);
	known->whole = sqlite3_column_int64(q, 3) != 0;
	known->pieces = known->whole || sqlite3_column_int64(q, 4) != 0;
	return OK;
}

bool bodies_agree(const struct body *b, const struct known *known)
{
	if (b->sure || (b->learnt && known->header))
		return b->sure || known->same;
	return !b->unproven;
}

/* What the message is known by stays, unless this is another message under its UIDL: a reader sees
 * this one, and so it is this one that he unlinks. */
static const unsigned char *new_digest(const struct body *b, const struct known *known)
{
	return b->learnt && (!known->header || !known->same) ? b->learnt->digest : NULL;
}

/* The text is the one that came with the body: headers/ shows what the message begins with. The
 * time of a message that is already shown is never changed, so learnt->received is not looked at
 * here: it belongs to the headers that come before the showing (merge.c). */
static enum error keep_header(struct store *s, int64_t id, const struct body *b,
    const struct known *known, struct failure *why)
{
	if (store_touched(s) == 0)
		return failed(why, E_VANISHED, "there is no message %" PRId64, id);
	if (!b->learnt || known->same_text)
		return OK;
	return stored_set_header_text(s, id, b->learnt, why);
}

#define LEARN                                                                                      \
	"UPDATE message SET size = ?2, lines = ?3, header_len = ?4, sha256 = ?5, used = ?6, "      \
	"digest = coalesce(?7, digest)"

enum error bodies_learn(struct store *s, int64_t id, const struct body *b, struct failure *why)
{
	struct known known;
	enum error error = bodies_known(s, id, b, &known, why);

	if (!error)
		error = query_run(s, why, LEARN " WHERE id = ?1", "iiiihih", id, (int64_t)b->size,
		    (int64_t)b->lines, (int64_t)b->header, b->sha256, clock_seconds(),
		    new_digest(b, &known));
	return error ? error : keep_header(s, id, b, &known, why);
}

/* `chunks`: as the row says where they are. */
static enum error learn_whole(struct store *s, int64_t id, const struct body *b, int64_t chunks,
    const struct known *known, struct failure *why)
{
	enum error error = query_run(s, why, LEARN ", chunks = ?8 WHERE id = ?1", "iiiihihi", id,
	    (int64_t)b->size, (int64_t)b->lines, (int64_t)b->header, b->sha256, clock_seconds(),
	    new_digest(b, known), chunks);

	return error ? error : keep_header(s, id, b, known, why);
}

/* The rows of the one before go with the same commit that makes these count. */
enum error bodies_complete(struct store *s, int64_t id, const struct body *b, struct failure *why)
{
	struct known known;
	int64_t place = 0, chunks = b->chunks;
	enum error error = bodies_known(s, id, b, &known, why);

	if (!error)
		error = chunks == 0 ? begin(s, id, &place, why) : find_arriving(s, id, &place, why);
	if (!error)
		error = place ? check_whole(s, place, b, why) : incomplete(id, why);
	if (!error)
		error = delete_rows(s, -place, why);
	if (!error)
		error = learn_whole(s, id, b, place < 0 ? -chunks : chunks, &known, why);
	return error ? error : end_arriving(s, place, why);
}

/* Most bodies are small, and what comes and is whole in one transaction never arrives by halves:
 * three statements instead of twelve. */
enum error bodies_keep(struct store *s, int64_t id, const struct body *b, struct slice piece,
    const struct known *known, struct failure *why)
{
	enum error error = OK;

	if (b->chunks != 1 || piece.len != b->size)
		return incomplete(id, why);
	if (known->pieces)
		error = bodies_break_off(s, id, why);
	if (!error && known->pieces)
		error = bodies_discard(s, id, why);
	if (!error)
		error = put_piece(s, id, 0, piece, b->lines, why);
	return error ? error : learn_whole(s, id, b, b->chunks, known, why);
}

/* From the one row of the query, which may be NULL. Takes it. */
static enum error read_piece(struct store *s, sqlite3_stmt *found, int64_t id, struct buf *data,
    uint32_t *lines, struct failure *why)
{
	CLEANUP(query_end) sqlite3_stmt *q = found;
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	if (!error && !row)
		error = incomplete(id, why);
	if (error)
		return error;
	buf_add_slice(data, query_blob(q, 0));
	*lines = (uint32_t)sqlite3_column_int64(q, 1);
	return OK;
}

enum error bodies_piece(struct store *s, int64_t id, uint32_t index, struct buf *data,
    uint32_t *lines, struct failure *why)
{
	return read_piece(s,
	    query(s, why,
		"SELECT c.data, c.lines FROM message m JOIN chunk c ON c.key = " SCHEMA_FIRST_KEY
		" + ?2 WHERE m.id = ?1 AND m.chunks IS NOT NULL",
		"ii", id, (int64_t)index),
	    id, data, lines, why);
}

enum error bodies_piece_arrived(struct store *s, int64_t id, uint32_t index, struct buf *data,
    uint32_t *lines, struct failure *why)
{
	int64_t place;
	enum error error = find_arriving(s, id, &place, why);

	if (!error && place == 0)
		error = incomplete(id, why);
	if (error)
		return error;
	return read_piece(s,
	    query(
		s, why, "SELECT data, lines FROM chunk WHERE key = ?1", "i", key_of(place, index)),
	    id, data, lines, why);
}

bool bodies_has_whole(struct store *s, int64_t id)
{
	int64_t whole = 0;

	query_number(
	    s, &whole, NULL, "SELECT chunks IS NOT NULL FROM message WHERE id = ?1", "i", id);
	return whole != 0;
}

/* The first unfinished one, again and again: each time its row goes, too. */
enum error bodies_sweep(struct store *s, struct failure *why)
{
	for (;;) {
		int64_t id = 0;
		enum error error = query_number(s, &id, why, "SELECT id FROM arriving LIMIT 1", "");

		if (!error && id)
			error = bodies_break_off(s, id, why);
		if (error || !id)
			return error;
	}
}

enum error bodies_used(struct store *s, int64_t id, int64_t at, struct failure *why)
{
	return query_run(
	    s, why, "UPDATE message SET used = ?2 WHERE id = ?1 AND used < ?2", "ii", id, at);
}
