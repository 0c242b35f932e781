/* What the store knows from earlier mounts, as a listing. */
#include "merge.h"

#include <string.h>

#include "alloc.h"
#include "name.h"
#include "query.h"
#include "stored.h"
#include "twins.h"

#define LISTED_ROWS "FROM message INDEXED BY message_present WHERE vanished IS NULL ORDER BY id"

/* First pass: how much room the listing needs. */
static enum error measure(struct store *s, size_t *count, size_t *names, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why, "SELECT uidl, ordinal " LISTED_ROWS, "");
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	while (!error && row) {
		char name[NAME_LONGEST + 1];

		*names +=
		    name_encode(name, query_blob(q, 0), (unsigned)sqlite3_column_int(q, 1)) + 1;
		++*count;
		error = query_next(s, q, &row, why);
	}
	return error;
}

static enum error fill(struct store *s, struct listing *l, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why, "SELECT " STORED_MESSAGE " " LISTED_ROWS, "");
	size_t count = 0, names = 0;
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	while (!error && row && count < l->count) {
		struct message *m = &l->messages[count++];
		struct slice uidl = query_blob(q, STORED_MESSAGE_UIDL);
		char name[NAME_LONGEST + 1];
		size_t len = name_encode(
		    name, uidl, (unsigned)sqlite3_column_int(q, STORED_MESSAGE_ORDINAL));

		stored_message(q, m);
		if (stored_is_fixed(uidl))
			stored_set_fact(m, message_size(m), message_flags(m) | MESSAGE_FIXED);
		m->name = (uint32_t)names;
		m->name_len = (uint32_t)len;
		memcpy(l->names + names, name, len + 1);
		names += len + 1;
		error = query_next(s, q, &row, why);
	}
	return error;
}

/* Flags those of one UIDL that are listed, if they are several. */
static void flag_twins(struct listing *l, struct stored_set *set)
{
	CLEANUP(freep)
	const unsigned char **digests = xreallocarray(NULL, set->count, sizeof(*digests));
	CLEANUP(freep) unsigned *flags = xreallocarray(NULL, set->count, sizeof(*flags));
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		if (!set->all[i].vanished)
			set->all[count++] = set->all[i];
	for (size_t i = 0; i < count; i++)
		digests[i] = set->all[i].has_digest ? set->all[i].digest : NULL;
	twins_flag(digests, count, flags);
	for (size_t i = 0; i < count; i++) {
		struct message *m = listing_by_id(l, set->all[i].id);

		if (m)
			stored_set_fact(m, message_size(m), message_flags(m) | flags[i]);
	}
}

static enum error flag_all_twins(struct store *s, struct listing *l, struct failure *why)
{
	CLEANUP(stored_set_finish) struct stored_set set = {0};
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT DISTINCT uidl FROM message INDEXED BY message_repeated WHERE ordinal > 1", "");
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	while (!error && row) {
		error = stored_of_uidl(s, query_blob(q, 0), &set, why);
		if (error)
			break;
		flag_twins(l, &set);
		error = query_next(s, q, &row, why);
	}
	return error;
}

enum error merge_load(struct store *s, struct listing **out, struct failure *why)
{
	CLEANUP(listing_dropp) struct listing *l = NULL;
	size_t count = 0, names = 0;
	enum error error = measure(s, &count, &names, why);

	if (error)
		return error;
	l = listing_create(count, names);
	if ((error = fill(s, l, why)) || (error = flag_all_twins(s, l, why)))
		return error;
	l->changed = stored_changed(s);
	listing_sort_names(l);
	*out = take(&l);
	return OK;
}
