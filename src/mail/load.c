/* What the store knows from earlier mounts, as a listing. */
#include "merge.h"

#include "alloc.h"
#include "name.h"
#include "query.h"
#include "stored.h"
#include "twins.h"

#define FIRST_ROOM 64   /* messages; doubled when full */
#define FIRST_NAME 4096 /* octets of names; the same */

/* How much room the listing in the making has. */
struct room {
	size_t messages, names;
};

/* The counting pass that would do without took a third of the time of a million rows; a doubled
 * block this large is moved by the kernel, without a copy. */
static struct message *add_message(struct listing *l, struct room *room)
{
	if (l->count == room->messages) {
		room->messages = room->messages ? 2 * room->messages : FIRST_ROOM;
		l->messages = xreallocarray(l->messages, room->messages, sizeof(*l->messages));
	}
	return &l->messages[l->count++];
}

static void add_name(
    struct listing *l, struct message *m, struct room *room, size_t *used, sqlite3_stmt *q)
{
	unsigned ordinal = (unsigned)sqlite3_column_int(q, STORED_MESSAGE_ORDINAL);

	if (room->names - *used < NAME_LONGEST + 1) {
		room->names = room->names ? 2 * room->names : FIRST_NAME;
		l->names = xrealloc(l->names, room->names);
	}
	m->name = (uint32_t)*used;
	m->name_len =
	    (uint32_t)name_encode(l->names + *used, query_blob(q, STORED_MESSAGE_UIDL), ordinal);
	*used += m->name_len + 1;
}

static enum error fill(struct store *s, struct listing *l, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT " STORED_MESSAGE " FROM message INDEXED BY message_present "
	    "WHERE vanished IS NULL ORDER BY id",
	    "");
	struct room room = {0};
	size_t names = 0;
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	while (!error && row) {
		struct message *m = add_message(l, &room);

		stored_message(q, m);
		if (stored_is_fixed(query_blob(q, STORED_MESSAGE_UIDL)))
			stored_set_fact(m, message_size(m), message_flags(m) | MESSAGE_FIXED);
		add_name(l, m, &room, &names, q);
		error = query_next(s, q, &row, why);
	}
	listing_fit(l, names);
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
	CLEANUP(listing_dropp) struct listing *l = listing_create(0, 0);
	enum error error = fill(s, l, why);

	if (!error)
		error = flag_all_twins(s, l, why);
	if (error)
		return error;
	l->changed = stored_changed(s);
	listing_sort_names(l);
	*out = take(&l);
	return OK;
}
