/* What the store knows from earlier mounts, as a listing. */
#include "merge.h"

#include "alloc.h"
#include "ids.h"
#include "name.h"
#include "query.h"
#include "stored.h"
#include "twins.h"

#define FIRST_ROOM 64   /* messages; doubled when full */
#define FIRST_NAME 4096 /* octets of names; the same */

/* A listing in the making. */
struct filling {
	struct listing *listing;
	size_t messages, names; /* how much room it has */
	size_t used;            /* octets of names */
};

/* The counting pass that would do without took a third of the time of a million rows; a doubled
 * block this large is moved by the kernel, without a copy. */
static struct message *add_message(struct filling *f)
{
	struct listing *l = f->listing;

	if (l->count == f->messages) {
		f->messages = f->messages ? 2 * f->messages : FIRST_ROOM;
		l->messages = xreallocarray(l->messages, f->messages, sizeof(*l->messages));
	}
	return &l->messages[l->count++];
}

static void add_name(struct filling *f, struct message *m, struct slice uidl, unsigned ordinal)
{
	struct listing *l = f->listing;

	if (f->names - f->used < NAME_LONGEST + 1) {
		f->names = f->names ? 2 * f->names : FIRST_NAME;
		l->names = xrealloc(l->names, f->names);
	}
	m->name = (uint32_t)f->used;
	m->name_len = (uint32_t)name_encode(l->names + f->used, uidl, ordinal);
	f->used += m->name_len + 1;
}

static void fill_row(void *with, sqlite3_value **columns)
{
	struct filling *f = with;
	struct message *m = add_message(f);
	struct slice uidl = query_value_blob(columns[STORED_MESSAGE_UIDL]);

	stored_message(columns, m);
	if (stored_is_fixed(uidl))
		stored_set_fact(m, message_size(m), message_flags(m) | MESSAGE_FIXED);
	add_name(f, m, uidl, (unsigned)sqlite3_value_int(columns[STORED_MESSAGE_ORDINAL]));
}

#define VISIT_ROWS(how)                                                                            \
	"SELECT visit(?1, " STORED_MESSAGE ") FROM message " how " WHERE vanished IS NULL"

/* By the index each row is looked for in the table: of a million 0.05 s more than to go through all
 * rows; but those that have vanished stay in the table for ever. */
static enum error fill(struct store *s, struct listing *l, struct failure *why)
{
	struct filling f = {.listing = l};
	const char *sql = stored_are_most(s) ? VISIT_ROWS("NOT INDEXED")
					     : VISIT_ROWS("INDEXED BY message_present");
	enum error error = query_visit(s, fill_row, &f, why, sql, "");

	listing_fit(l, f.used);
	/* As SQLite goes through them, though it does not promise it. To be told to sort them costs
	 * it as much again as to read them. */
	ids_sort(l->messages, l->count, sizeof(*l->messages));
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
