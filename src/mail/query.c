#include "query.h"

#include <stdarg.h>

#include "alloc.h"

#define HASH_OCTETS 32

static int bind_blob(sqlite3_stmt *q, int at, struct slice s)
{
	if (!s.at)
		return sqlite3_bind_null(q, at);
	return sqlite3_bind_blob64(q, at, s.at, s.len, SQLITE_STATIC);
}

static int bind_one(sqlite3_stmt *q, int at, char type, va_list *args)
{
	switch (type) {
	case 'i':
		return sqlite3_bind_int64(q, at, va_arg(*args, int64_t));
	case 'b':
		return bind_blob(q, at, va_arg(*args, struct slice));
	case 'h':
		return bind_blob(q, at, slice_make(va_arg(*args, const void *), HASH_OCTETS));
	default:
		return sqlite3_bind_text(q, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
	}
}

void query_end(sqlite3_stmt **q)
{
	if (!*q)
		return;
	sqlite3_reset(*q);
	sqlite3_clear_bindings(*q);
}

static sqlite3_stmt *bind_from(struct store *s, int first, struct failure *why, const char *sql,
    const char *types, va_list *args)
{
	sqlite3_stmt *q = store_statement(s, sql, why);

	for (int at = first; q && *types; at++, types++) {
		if (bind_one(q, at, *types, args) != SQLITE_OK) {
			store_failed(s, "bind a value", why);
			query_end(&q);
			return NULL;
		}
	}
	return q;
}

static sqlite3_stmt *bind(
    struct store *s, struct failure *why, const char *sql, const char *types, va_list *args)
{
	return bind_from(s, 1, why, sql, types, args);
}

sqlite3_stmt *query(struct store *s, struct failure *why, const char *sql, const char *types, ...)
{
	sqlite3_stmt *q;
	va_list args;

	va_start(args, types);
	q = bind(s, why, sql, types, &args);
	va_end(args);
	return q;
}

enum error query_next(struct store *s, sqlite3_stmt *q, bool *row, struct failure *why)
{
	int result = sqlite3_step(q);

	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return store_failed(s, "use the cache database", why);
	*row = result == SQLITE_ROW;
	return OK;
}

enum error query_run(struct store *s, struct failure *why, const char *sql, const char *types, ...)
{
	CLEANUP(query_end) sqlite3_stmt *q = NULL;
	bool row;
	va_list args;

	va_start(args, types);
	q = bind(s, why, sql, types, &args);
	va_end(args);
	return q ? query_next(s, q, &row, why) : E_STORE;
}

enum error query_number(
    struct store *s, int64_t *value, struct failure *why, const char *sql, const char *types, ...)
{
	CLEANUP(query_end) sqlite3_stmt *q = NULL;
	enum error error;
	bool row = false;
	va_list args;

	va_start(args, types);
	q = bind(s, why, sql, types, &args);
	va_end(args);
	error = q ? query_next(s, q, &row, why) : E_STORE;
	if (row && sqlite3_column_type(q, 0) != SQLITE_NULL)
		*value = sqlite3_column_int64(q, 0);
	return error;
}

/* ---- visits ---- */

static const char visit_name[] = "visit"; /* in SQL, and of the kind of pointer */

struct visit {
	query_visitor *visit;
	void *with;
};

static void step(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct visit *v = sqlite3_value_pointer(values[0], visit_name);

	if (v)
		v->visit(v->with, values + 1);
}

/* The sum of all visits is NULL. */
static void sum(sqlite3_context *context)
{
}

int query_prepare(sqlite3 *db)
{
	return sqlite3_create_function(
	    db, visit_name, -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, NULL, step, sum);
}

enum error query_visit(struct store *s, query_visitor *visit, void *with, struct failure *why,
    const char *sql, const char *types, ...)
{
	CLEANUP(query_end) sqlite3_stmt *q = NULL;
	struct visit v = {visit, with};
	bool row;
	va_list args;

	va_start(args, types);
	q = bind_from(s, 2, why, sql, types, &args);
	va_end(args);
	if (!q)
		return E_STORE;
	if (sqlite3_bind_pointer(q, 1, &v, visit_name, NULL) != SQLITE_OK)
		return store_failed(s, "bind a value", why);
	return query_next(s, q, &row, why);
}

/* ---- blobs ---- */

struct slice query_blob(sqlite3_stmt *q, int column)
{
	const char *at = sqlite3_column_blob(q, column);

	if (!at && sqlite3_column_type(q, column) != SQLITE_NULL)
		at = "";
	return slice_make(at, (size_t)sqlite3_column_bytes(q, column));
}

struct slice query_value_blob(sqlite3_value *value)
{
	const char *at = sqlite3_value_blob(value);

	if (!at && sqlite3_value_type(value) != SQLITE_NULL)
		at = "";
	return slice_make(at, (size_t)sqlite3_value_bytes(value));
}
