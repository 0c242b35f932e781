#include "stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "header.h"
#include "learn.h"
#include "name.h"
#include "query.h"
#include "schema.h"

#define FACT_BITS 8 /* listing.h: size << 8 | flags */

static const char changed_fact[] = "listing changed";
static const char count_fact[] = "listing count";

/* ---- all rows of one UIDL ---- */

void stored_set_finish(struct stored_set *set)
{
	free(set->all);
	*set = (struct stored_set){0};
}

static void read_stored(sqlite3_stmt *q, struct stored *m)
{
	struct slice digest = query_blob(q, 5);

	*m = (struct stored){
	    .id = sqlite3_column_int64(q, 0),
	    .ordinal = (unsigned)sqlite3_column_int64(q, 1),
	    .listed = (uint64_t)sqlite3_column_int64(q, 2),
	    .size = (uint64_t)sqlite3_column_int64(q, 3),
	    .vanished = sqlite3_column_type(q, 4) != SQLITE_NULL,
	};
	if (digest.at && digest.len == sizeof(m->digest)) {
		m->has_digest = true;
		memcpy(m->digest, digest.at, sizeof(m->digest));
	}
}

enum error stored_of_uidl(
    struct store *s, struct slice uidl, struct stored_set *set, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT id, ordinal, listed, coalesce(size, listed), vanished, digest "
	    "FROM message WHERE uidl = ?1 ORDER BY ordinal",
	    "b", uidl);
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	set->count = 0;
	while (!error && row) {
		if (set->count == set->room) {
			set->room = set->room ? 2 * set->room : 4;
			set->all = xreallocarray(set->all, set->room, sizeof(*set->all));
		}
		read_stored(q, &set->all[set->count++]);
		error = query_next(s, q, &row, why);
	}
	return error;
}

enum error stored_any(struct store *s, bool *any, struct failure *why)
{
	int64_t value = 0;
	enum error error = query_number(s, &value, why, "SELECT EXISTS(SELECT 1 FROM message)", "");

	if (!error)
		*any = value != 0;
	return error;
}

bool stored_is_fixed(struct slice uidl)
{
	return uidl.len == 0 || name_is_stand_in(uidl);
}

enum error stored_listed(struct store *s, int64_t id, uint64_t *listed, struct failure *why)
{
	int64_t value = 0;
	enum error error =
	    query_number(s, &value, why, "SELECT listed FROM message WHERE id = ?1", "i", id);

	if (!error)
		*listed = (uint64_t)value;
	return error;
}

/* ---- the hash of a header that is stored ---- */

/* The first column of the one row, hashed. *found = false: there is no such row. */
static enum error hash_column(
    struct store *s, sqlite3_stmt *q, bool *found, struct stored *m, struct failure *why)
{
	enum error error = q ? query_next(s, q, found, why) : E_STORE;

	if (!error && *found) {
		header_digest(query_blob(q, 0), m->digest);
		m->has_digest = true;
	}
	return error;
}

static enum error hash_header(struct store *s, bool *found, struct stored *m, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why, "SELECT text FROM header WHERE id = ?1", "i", m->id);

	return hash_column(s, q, found, m, why);
}

/* As much of it as is kept; the first chunk is larger than that (gather.h). */
static enum error hash_body(struct store *s, bool *found, struct stored *m, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT substr(c.data, 1, min(m.header_len, ?2)) FROM message m "
	    "JOIN chunk c ON c.key = " SCHEMA_FIRST_KEY " WHERE m.id = ?1 AND m.chunks <> 0",
	    "ii", m->id, (int64_t)LEARN_LARGEST);

	return hash_column(s, q, found, m, why);
}

enum error stored_find_digest(struct store *s, struct stored *m, struct failure *why)
{
	bool found = m->has_digest;
	enum error error = OK;

	if (found)
		return OK;
	error = hash_header(s, &found, m, why);
	if (!error && !found)
		error = hash_body(s, &found, m, why);
	if (error || !found)
		return error;
	return query_run(
	    s, why, "UPDATE message SET digest = ?2 WHERE id = ?1", "ih", m->id, m->digest);
}

enum error stored_set_header_text(
    struct store *s, int64_t id, const struct learnt *l, struct failure *why)
{
	if (!store_keeps_headers(s))
		return OK;
	return query_run(s, why,
	    "INSERT INTO header(id, text) VALUES(?1, ?2) "
	    "ON CONFLICT(id) DO UPDATE SET text = excluded.text WHERE text <> excluded.text",
	    "ib", id, slice_make(l->text, l->len));
}

enum error stored_bring_header(
    struct store *s, int64_t id, const struct learnt *l, uint32_t *length, struct failure *why)
{
	int64_t known = 0;
	enum error error = query_run(s, why,
	    "UPDATE message SET digest = coalesce(digest, ?2), header_len = ?3 "
	    "WHERE id = ?1 AND chunks IS NULL",
	    "ihi", id, l->digest, (int64_t)l->len);

	if (!error && store_touched(s) > 0)
		error = stored_set_header_text(s, id, l, why);
	if (!error)
		error = query_number(
		    s, &known, why, "SELECT header_len FROM message WHERE id = ?1", "i", id);
	if (!error)
		*length = (uint32_t)known;
	return error;
}

int64_t stored_received(const struct draft *d, const struct row *r)
{
	return r->learnt && r->learnt->received != INT64_MIN ? r->learnt->received : d->at;
}

/* ---- new ones ---- */

/* The highest number that ever was given out. */
static enum error last_id(struct store *s, int64_t *id, struct failure *why)
{
	return query_number(s, id, why,
	    "SELECT max(coalesce((SELECT max(id) FROM message), 0), "
	    "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0))",
	    "");
}

/* A header without a date leaves the time as first seen; it was learnt all the same, and this
 * column is where that can be seen. What is not bound is NULL. */
static int bind_learnt(sqlite3_stmt *q, int at, const struct draft *d, const struct row *r)
{
	const struct learnt *l = r->learnt;
	int result = SQLITE_OK;

	if (!l)
		return result;
	if (learn_length(l) > 0)
		result |= sqlite3_bind_int64(q, at, learn_length(l));
	result |= sqlite3_bind_blob(q, at + 1, l->digest, sizeof(l->digest), SQLITE_STATIC);
	return result | sqlite3_bind_int64(q, at + 2, stored_received(d, r));
}

static int bind_new(
    sqlite3_stmt *q, int at, const struct draft *d, const struct stored_new *n, int64_t id)
{
	struct slice uidl = row_uidl(d, n->row);
	int result = sqlite3_bind_int64(q, at, id);

	result |= sqlite3_bind_blob64(q, at + 1, uidl.at, uidl.len, SQLITE_STATIC);
	result |= sqlite3_bind_int64(q, at + 2, n->ordinal);
	result |= sqlite3_bind_int64(q, at + 3, (int64_t)n->row->listed);
	result |= sqlite3_bind_int64(q, at + 4, d->at);
	result |= sqlite3_bind_int64(q, at + 5, d->at);
	return result | bind_learnt(q, at + 6, d, n->row);
}

#define INSERT                                                                                     \
	"INSERT INTO message"                                                                      \
	"(id, uidl, ordinal, listed, seen, used, header_len, digest, received) VALUES "
#define ONE     "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define COLUMNS 9
#define TEN     ONE ", " ONE ", " ONE ", " ONE ", " ONE ", " ONE ", " ONE ", " ONE ", " ONE ", " ONE
#define HUNDRED TEN ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN ", " TEN

_Static_assert(STORED_BATCH == 100, "as many as HUNDRED has");

/* A hundred rows a statement, or one. In a first listing of a million, which is little else, a
 * row a statement took twice the time: each opens five trees and counts the sequence on. */
static enum error insert_rows(struct store *s, const struct draft *d, const struct stored_new *all,
    size_t count, int64_t first, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = store_statement(s, count > 1 ? INSERT HUNDRED : INSERT ONE, why);
	bool row;

	if (!q)
		return E_STORE;
	for (size_t i = 0; i < count; i++)
		if (bind_new(q, 1 + (int)i * COLUMNS, d, &all[i], first + (int64_t)i) != SQLITE_OK)
			return store_failed(s, "bind a value", why);
	return query_next(s, q, &row, why);
}

static enum error keep_text(
    struct store *s, int64_t id, const struct learnt *l, struct failure *why)
{
	if (!store_keeps_headers(s))
		return OK;
	return query_run(s, why, "INSERT OR IGNORE INTO header(id, text) VALUES(?1, ?2)", "ib", id,
	    slice_make(l->text, l->len));
}

enum error stored_insert(struct store *s, const struct draft *d, const struct stored_new *all,
    size_t count, struct failure *why)
{
	size_t at_once = count == STORED_BATCH ? STORED_BATCH : 1;
	int64_t last = 0;
	enum error error = last_id(s, &last, why);

	for (size_t i = 0; !error && i < count; i += at_once)
		error = insert_rows(s, d, all + i, at_once, last + 1 + (int64_t)i, why);
	for (size_t i = 0; !error && i < count; i++) {
		*all[i].id = last + 1 + (int64_t)i;
		if (all[i].row->learnt)
			error = keep_text(s, *all[i].id, all[i].row->learnt, why);
	}
	return error;
}

/* ---- changes ---- */

enum error stored_set_header(
    struct store *s, int64_t id, const struct learnt *l, struct failure *why)
{
	enum error error = query_run(s, why,
	    "UPDATE message SET digest = ?2, header_len = coalesce(header_len, nullif(?3, 0)) "
	    "WHERE id = ?1 AND digest IS NULL",
	    "ihi", id, l->digest, (int64_t)learn_length(l));

	return error ? error : keep_text(s, id, l, why);
}

enum error stored_set_listed(struct store *s, int64_t id, uint64_t listed, struct failure *why)
{
	return query_run(
	    s, why, "UPDATE message SET listed = ?2 WHERE id = ?1", "ii", id, (int64_t)listed);
}

enum error stored_vanish(struct store *s, int64_t id, int64_t at, struct failure *why)
{
	return query_run(s, why, "UPDATE message SET vanished = ?2 WHERE id = ?1", "ii", id, at);
}

enum error stored_return(struct store *s, int64_t id, struct failure *why)
{
	return query_run(s, why, "UPDATE message SET vanished = NULL WHERE id = ?1", "i", id);
}

static int64_t recall(struct store *s, const char *fact)
{
	char value[24];

	return store_recall(s, fact, value, sizeof(value)) ? strtoll(value, NULL, 10) : 0;
}

static enum error remember(struct store *s, const char *fact, int64_t number, struct failure *why)
{
	char value[24];

	snprintf(value, sizeof(value), "%" PRId64, number);
	return store_remember(s, fact, value, why);
}

int64_t stored_changed(struct store *s)
{
	return recall(s, changed_fact);
}

enum error stored_set_changed(struct store *s, int64_t at, size_t count, struct failure *why)
{
	enum error error = remember(s, changed_fact, at, why);

	return error ? error : remember(s, count_fact, (int64_t)count, why);
}

bool stored_are_most(struct store *s)
{
	int64_t ever = 0;

	return query_number(s, &ever, NULL, "SELECT count(*) FROM message", "") == OK &&
	       ever <= 2 * recall(s, count_fact);
}

/* ---- as messages of a listing ---- */

void stored_set_fact(struct message *m, uint64_t size, unsigned flags)
{
	atomic_store(&m->fact, size << FACT_BITS | flags);
}

void stored_message(sqlite3_value **columns, struct message *m)
{
	bool true_size = sqlite3_value_type(columns[2]) != SQLITE_NULL;
	bool cached = sqlite3_value_type(columns[4]) != SQLITE_NULL;

	m->id = sqlite3_value_int64(columns[0]);
	stored_set_fact(m, (uint64_t)sqlite3_value_int64(columns[true_size ? 2 : 1]),
	    (true_size ? MESSAGE_TRUE_SIZE : 0) | (cached ? MESSAGE_CACHED : 0));
	atomic_store(&m->lines, (uint32_t)sqlite3_value_int64(columns[3]));
	atomic_store(&m->header, (uint32_t)sqlite3_value_int64(columns[5]));
	m->received = sqlite3_value_int64(columns[6]);
	m->seen = sqlite3_value_int64(columns[7]);
}
